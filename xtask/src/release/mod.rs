//! The release: a binary that runs on old clusters, and the archive it is given away in.

mod archive;
mod symbols;
mod zig;

use std::path::{Path, PathBuf};

use crate::pypi::Unavailable;
use crate::{deny, linked};
use zig::Zig;

/// The oldest C library that the binary runs with: CentOS 7's, the oldest that clusters still have.
pub(crate) const GLIBC: (u32, u32) = (2, 17);
/// Of the archive that is given away, in megabytes.
const LARGEST: f64 = 35.0;
/// In the variable of this name the tests in containers find the binary.
pub(crate) const BINARY: &str = "SELVEDGE_RELEASE_BINARY";

/// How the binary is compiled.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Profile {
    /// Quickly, to see that it can be.
    Compat,
    /// For users.
    Dist,
}

impl Profile {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Compat => "compat",
            Self::Dist => "dist",
        }
    }

    /// Threads by number, not as many as there are cores: what is packed depends on it.
    fn packer(self) -> &'static str {
        match self {
            Self::Compat => "xz -1 -T2",
            Self::Dist => "xz -6 -T2",
        }
    }
}

/// Builds the binary against the old C library, and looks whether it asks for nothing newer.
pub(crate) fn binary(profile: Profile) -> Result<PathBuf, Unavailable> {
    let binary = Zig::find()?.build(profile)?;
    let highest = symbols::highest(&binary)?;
    let (major, minor) = highest;
    println!("{} needs GLIBC_{major}.{minor} at most", binary.display());
    if highest > GLIBC {
        return Err(Unavailable::Failed(format!(
            "the binary needs GLIBC_{major}.{minor}, and no newer than {}.{} is allowed",
            GLIBC.0, GLIBC.1
        )));
    }
    Ok(binary)
}

/// `cargo xtask dist`, and the step of the checks that sees whether it can be done: the archive with the binary in it.
pub(crate) fn archive(profile: Profile) -> Result<(), Unavailable> {
    // The checks look at the rules in a step of their own.
    if matches!(profile, Profile::Dist) {
        deny::check()?;
    }
    let packages = linked::packages(&target())?;
    let binary = binary(profile)?;
    let archive = archive::make(&binary, &packages, &place(profile), profile.packer())?;
    let bytes = std::fs::metadata(&archive).map_err(|error| format!("{}: {error}", archive.display()))?;
    let megabytes = bytes.len() as f64 / 1e6;
    println!("{}: {megabytes:.1} MB", archive.display());
    if matches!(profile, Profile::Dist) && megabytes > LARGEST {
        return Err(Unavailable::Failed(format!(
            "the archive has {megabytes:.1} MB, and at most {LARGEST} MB are allowed"
        )));
    }
    Ok(())
}

/// Nobody takes what was made for the checks for a release.
fn place(profile: Profile) -> PathBuf {
    target_directory().join(match profile {
        Profile::Dist => "archive",
        Profile::Compat => "archive-of-checks",
    })
}

/// This machine's, as cargo names it.
fn target() -> String {
    format!("{}-unknown-linux-gnu", std::env::consts::ARCH)
}

/// Of cargo, for this workspace.
pub(crate) fn target_directory() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// The workspace's.
pub(crate) fn root() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().expect("the package lies in the workspace")
}
