//! What stays of a bed: nothing after success, its logs and configuration after a failure.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::bed::error::{BedError, Step};
use crate::bed::layout::Layout;

/// Set to anything, every bed's logs are kept.
const KEEP_VARIABLE: &str = "SELVEDGE_BED_KEEP";

fn is_to_be_kept(layout: &Layout) -> bool {
    layout.keep().exists() || std::env::var_os(KEEP_VARIABLE).is_some()
}

pub(in crate::bed) fn clean(layout: &Layout) -> Result<(), BedError> {
    if !is_to_be_kept(layout) {
        return remove(layout.scratch());
    }
    remove(&layout.data())?;
    for folder in layout
        .node_managers()
        .step(|| format!("listing {}", layout.scratch().display()))?
    {
        remove(&folder.join("local"))?;
        remove(&folder.join("recovery"))?;
    }
    // Without this lock the folder is a kept one, no longer a bed.
    fs::remove_file(layout.alive_lock()).step(|| format!("removing {}", layout.alive_lock().display()))
}

pub(in crate::bed) fn remove(folder: &Path) -> Result<(), BedError> {
    match fs::remove_dir_all(folder) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        // A NodeManager takes the write permission from what it has localized.
        Err(_) => make_writable(folder)
            .and_then(|()| fs::remove_dir_all(folder))
            .step(|| format!("removing {}", folder.display())),
    }
}

fn make_writable(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            make_writable(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_bed_keeps_its_logs_only() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path().join("bed"));
        for path in [
            layout.data(),
            layout.logs(),
            layout.node_manager(0).join("local/filecache"),
            layout.node_manager(0).join("logs/app"),
        ] {
            fs::create_dir_all(path).unwrap();
        }
        fs::write(layout.keep(), "").unwrap();
        fs::write(layout.alive_lock(), "").unwrap();
        clean(&layout).unwrap();
        assert!(layout.logs().exists() && layout.node_manager(0).join("logs/app").exists());
        assert!(!layout.data().exists() && !layout.node_manager(0).join("local").exists());
        fs::remove_file(layout.keep()).unwrap();
        clean(&layout).unwrap();
        assert!(!layout.scratch().exists());
    }

    #[test]
    fn what_is_read_only_is_removed_too() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("local/filecache/10");
        fs::create_dir_all(&inner).unwrap();
        fs::write(inner.join("binary"), "x").unwrap();
        fs::set_permissions(&inner, Permissions::from_mode(0o500)).unwrap();
        remove(&folder.path().join("local")).unwrap();
        assert!(!folder.path().join("local").exists());
    }
}
