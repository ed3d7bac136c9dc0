//! RustSec's advisories as they were on a day: `xtask/advisories.bundle` is a repository of git with one commit, which has
//! the files and the date of the commit it was made from.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::ADVISORIES;
use crate::release::{root, target_directory};

/// Older than this, and who reads the summary is told.
const OLD: &str = "180 days ago";
const BRANCH: &str = "main";

/// The snapshot, unpacked.
#[derive(Debug)]
pub(super) struct Snapshot {
    folder: PathBuf,
}

impl Snapshot {
    pub(super) fn unpack(folder: &Path) -> Result<Self, String> {
        let clone = ["clone", "--quiet", "--branch", BRANCH];
        git(Command::new("git").args(clone).arg(bundle()).arg(folder))?;
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// How old it is, in words.
    pub(super) fn told(&self) -> Result<String, String> {
        let day = self.log(&["--format=%cs, %cr"])?;
        Ok(format!(
            "advisories of {day}: `cargo xtask advisories` fetches newer ones"
        ))
    }

    /// What an old one does not know.
    pub(super) fn unseen(&self) -> Result<Option<String>, String> {
        if !self.log(&["--since", OLD, "--format=%H"])?.is_empty() {
            return Ok(None);
        }
        let day = self.log(&["--format=%cs"])?;
        Ok(Some(format!(
            "advisories since {day}: fetch them with `cargo xtask advisories`"
        )))
    }

    fn log(&self, options: &[&str]) -> Result<String, String> {
        let mut command = Command::new("git");
        git(command.arg("-C").arg(&self.folder).args(["log", "-1"]).args(options))
    }
}

/// `cargo xtask advisories`: makes the snapshot anew, from RustSec's repository or a copy of it.
pub(crate) fn refresh(repository: Option<&str>) -> Result<(), String> {
    let scratch = target_directory().join("advisories");
    let in_scratch = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.arg("--git-dir").arg(&scratch).args(arguments);
        command
    };
    git(Command::new("git").args(["init", "--quiet", "--bare"]).arg(&scratch))?;
    let repository = repository.unwrap_or(ADVISORIES);
    git(&mut in_scratch(&["fetch", "--quiet", "--depth=1", repository, "HEAD"]))?;
    let of = git(&mut in_scratch(&["log", "-1", "--format=%H", "FETCH_HEAD"]))?;
    let date = git(&mut in_scratch(&["log", "-1", "--format=%cI", "FETCH_HEAD"]))?;
    // One commit without parents: equal advisories make an equal snapshot.
    let message = format!("advisory-db {of}");
    let mut commit = in_scratch(&["commit-tree", "FETCH_HEAD^{tree}", "-m", &message]);
    for who in ["AUTHOR", "COMMITTER"] {
        commit
            .env(format!("GIT_{who}_NAME"), "RustSec")
            .env(format!("GIT_{who}_EMAIL"), "rustsec")
            .env(format!("GIT_{who}_DATE"), &date);
    }
    let commit = git(&mut commit)?;
    git(&mut in_scratch(&["branch", "--force", BRANCH, &commit]))?;
    let mut bundle_up = in_scratch(&["-c", "pack.compression=9", "bundle", "create", "--quiet"]);
    git(bundle_up.arg(bundle()).arg(BRANCH))?;
    println!("{}: the advisories of {date}", bundle().display());
    Ok(())
}

fn bundle() -> PathBuf {
    root().join("xtask/advisories.bundle")
}

/// What git says; its complaints go to whoever runs this.
fn git(command: &mut Command) -> Result<String, String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("git cannot be started: {error}"))?;
    if !output.status.success() {
        return Err(format!("{command:?} ended with {}", output.status));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
