//! The release: a binary that runs on old clusters, and the archive it is given away in.

mod archive;
mod paths;
mod symbols;
mod zig;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::pypi::Unavailable;
use crate::{deny, linked};
use zig::Zig;

/// The oldest C library that the binary runs with: CentOS 7's, the oldest that clusters still have.
pub(crate) const GLIBC: (u32, u32) = (2, 17);
/// Of the archive that is given away, in megabytes.
const LARGEST: f64 = 35.0;
/// Of what the client stages into a cluster, once for each version, in megabytes: the binary alone, packed with gzip.
const LARGEST_STAGED: f64 = 40.0;
/// As `client/src/yarn/archive.rs` has it.
const STAGED_LEVEL: u32 = 9;
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
    find_tool("readelf", "binutils")?;
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
    if matches!(profile, Profile::Dist) {
        paths::look(&binary)?;
    }
    Ok(binary)
}

/// `cargo xtask dist`, and the step of the checks that sees whether it can be done: the archive with the binary in it.
pub(crate) fn archive(profile: Profile) -> Result<(), Unavailable> {
    find_tool("xz", "xz-utils")?;
    // The checks look at the rules in a step of their own.
    if matches!(profile, Profile::Dist) {
        for unseen in deny::check()? {
            println!("not looked at: {unseen}");
        }
    }
    let packages = linked::packages(&target())?;
    let binary = binary(profile)?;
    let archive = archive::make(&binary, &packages, &place(profile), profile.packer())?;
    let metadata = fs::metadata(&archive).map_err(|error| format!("{}: {error}", archive.display()))?;
    println!("{}: {:.1} MB", archive.display(), megabytes(metadata.len()));
    if matches!(profile, Profile::Dist) {
        let staged = staged(&binary)?;
        println!("what the client stages of it: {:.1} MB", megabytes(staged));
        bounded("the archive", metadata.len(), LARGEST)?;
        bounded("what the client stages", staged, LARGEST_STAGED)?;
    }
    Ok(())
}

/// Looked for before anything is built. `package` is Debian's.
fn find_tool(tool: &str, package: &str) -> Result<(), Unavailable> {
    let mut command = Command::new(tool);
    if command.arg("--version").stdout(Stdio::null()).status().is_ok() {
        return Ok(());
    }
    Err(Unavailable::NoTool(format!(
        "there is no {tool} command here (Debian: apt-get install {package})"
    )))
}

/// How many bytes the binary has as the client packs it, but for the tar around it.
fn staged(binary: &Path) -> Result<u64, String> {
    let pack = || -> io::Result<Vec<u8>> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::new(STAGED_LEVEL));
        io::copy(&mut File::open(binary)?, &mut packed)?;
        packed.finish()
    };
    let packed = pack().map_err(|error| format!("packing {}: {error}", binary.display()))?;
    Ok(packed.len() as u64)
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// An error if there are more than `largest` megabytes.
fn bounded(what: &str, bytes: u64, largest: f64) -> Result<(), String> {
    let megabytes = megabytes(bytes);
    if megabytes > largest {
        return Err(format!(
            "{what} has {megabytes:.1} MB, and at most {largest} MB are allowed"
        ));
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

/// Of cargo, for this workspace. Absolute: the tests, which get paths in it, run in folders of their own.
pub(crate) fn target_directory() -> PathBuf {
    let set = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let directory = set.unwrap_or_else(|| root().join("target"));
    // As cargo does it: from the folder that both were started in.
    std::path::absolute(&directory).unwrap_or(directory)
}

/// The workspace's.
pub(crate) fn root() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().expect("the package lies in the workspace")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binary_is_packed_for_its_size_as_the_client_packs_it() {
        let client = fs::read_to_string(root().join("client/src/yarn/archive.rs")).unwrap();
        assert!(client.contains(&format!("\nconst LEVEL: u32 = {STAGED_LEVEL};\n")));
    }

    #[test]
    fn what_is_too_large_is_told_with_its_size_and_the_bound() {
        assert_eq!(bounded("it", 40_000_000, LARGEST_STAGED), Ok(()));
        let told = bounded("it", 41_000_000, LARGEST_STAGED).unwrap_err();
        assert!(told.contains("41.0 MB") && told.contains("40 MB"), "{told}");
    }
}
