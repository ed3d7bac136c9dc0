//! Zig as the linker: it has the symbols of every version of the C library, so that no old system is needed.

use std::path::PathBuf;
use std::process::Command;

use super::{GLIBC, Profile, paths, target, target_directory};
use crate::pypi::{Tool, Unavailable};
use crate::steps;

/// cargo-zigbuild tells Zig what rustc tells a linker.
const TOOL: Tool = Tool {
    packages: &["cargo-zigbuild==0.24.1", "ziglang==0.17.1"],
    folder: "zig-0.24.1-0.17.1",
};

/// An installed Zig.
#[derive(Debug)]
pub(super) struct Zig {
    folder: PathBuf,
}

impl Zig {
    pub(super) fn find() -> Result<Self, Unavailable> {
        Ok(Self { folder: TOOL.find()? })
    }

    /// The command, linked against the old C library, with the features that its package alone has: as users compile it.
    pub(super) fn build(&self, profile: Profile) -> Result<PathBuf, Unavailable> {
        let target = target();
        let mut command = Command::new(self.folder.join("bin/cargo-zigbuild"));
        command
            .args(["zigbuild", "--locked", "--package", "selvedge", "--bin", "selvedge"])
            .args(["--profile", profile.name()])
            .args(["--target", &format!("{target}.{}.{}", GLIBC.0, GLIBC.1)])
            .env("CARGO_ZIGBUILD_ZIG_PATH", self.folder.join("ziglang/zig"))
            // The cargo that runs this program, not one that is first in the path.
            .env("CARGO", steps::cargo().get_program());
        if matches!(profile, Profile::Dist) {
            command.env(paths::VARIABLE, paths::flags()?);
        }
        if !crate::status(&mut command)? {
            return Err(Unavailable::Failed(format!(
                "cargo zigbuild --profile {} failed",
                profile.name()
            )));
        }
        Ok(target_directory().join(target).join(profile.name()).join("selvedge"))
    }
}
