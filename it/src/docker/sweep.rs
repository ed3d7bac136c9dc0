//! Taking away what runs that were killed have left: each run does it when it begins.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use procfs::process::Process;

use super::engine::Engine;
use super::scratch::LeftOver;
use super::{compose, images, programs};

const CGROUPS: &str = "/sys/fs/cgroup";

/// What is left of engines of our own, which have ended with their runs. What cannot be removed is tried at the next start.
pub(super) fn engines() {
    for left in LeftOver::find().iter().filter(|left| left.guest().is_none()) {
        remove_cgroups(left.path());
        remove_tree(left.path()).ok();
    }
}

/// What is left in an engine of somebody else.
pub(super) fn guests(engine: &Engine) {
    for left in LeftOver::find() {
        if let Some(process) = left.guest()
            && compose::take_down(engine, process)
        {
            images::remove(engine, &images::name(process));
            remove_tree(left.path()).ok();
        }
    }
}

/// Removes the control groups of an engine of our own, which have the name of its folder.
pub(super) fn remove_cgroups(scratch: &Path) {
    let name = scratch.file_name().unwrap_or_default();
    let hierarchies = fs::read_dir(CGROUPS).into_iter().flatten().flatten();
    hierarchies.for_each(|hierarchy| remove_empty(&hierarchy.path().join(name)));
    remove_empty(&Path::new(CGROUPS).join(name));
}

/// Removes a folder. What is mounted below it is unmounted first: it is not the folder's own.
pub(super) fn remove_tree(folder: &Path) -> io::Result<()> {
    let folder = folder.canonicalize()?;
    let mounts = Process::myself().and_then(|this| this.mountinfo());
    let mounts = mounts.map_err(io::Error::other)?.into_iter();
    // A blank is written as \040 there.
    let places = mounts.map(|mount| PathBuf::from(mount.mount_point.to_string_lossy().replace("\\040", " ")));
    let below: Vec<_> = places.filter(|place| place.starts_with(&folder)).collect();
    // What was mounted last may stand on another.
    for place in below.iter().rev() {
        let status = programs::command("umount").arg("--lazy").arg(place).status()?;
        if !status.success() {
            return Err(io::Error::other(format!("unmounting {}: {status}", place.display())));
        }
    }
    fs::remove_dir_all(&folder)
}

/// Folders of cgroups hold files that cannot be removed, and go with them.
fn remove_empty(folder: &Path) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.for_each(|inner| remove_empty(&inner.path()));
    fs::remove_dir(folder).ok();
}
