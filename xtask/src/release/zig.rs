//! Zig as the linker: it has the symbols of every version of the C library, so that no old system is needed.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::{GLIBC, Profile, target, target_directory};
use crate::steps;

/// As PyPI has them, with a place for both in the cache. cargo-zigbuild tells Zig what rustc tells a linker.
const PACKAGES: [&str; 2] = ["cargo-zigbuild==0.24.1", "ziglang==0.17.1"];
const FOLDER: &str = "zig-0.24.1-0.17.1";

/// Why there is no binary.
#[derive(Debug)]
pub(crate) enum Unavailable {
    /// This machine has no Zig, and none can be fetched.
    NoZig(String),
    Failed(String),
}

impl From<String> for Unavailable {
    fn from(error: String) -> Self {
        Self::Failed(error)
    }
}

impl std::fmt::Display for Unavailable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoZig(error) => write!(f, "there is no Zig to link with: {error}"),
            Self::Failed(error) => f.write_str(error),
        }
    }
}

/// An installed Zig.
#[derive(Debug)]
pub(super) struct Zig {
    folder: PathBuf,
}

impl Zig {
    /// The one in the cache, which is put there with pip if it is not.
    pub(super) fn find() -> Result<Self, Unavailable> {
        let cache = cache_folder()?;
        let folder = cache.join(FOLDER);
        if !folder.is_dir() {
            let unfinished = cache.join(format!("{FOLDER}.{}", std::process::id()));
            let installed = install(&unfinished);
            if installed.is_err() {
                fs::remove_dir_all(&unfinished).ok();
            }
            installed.map_err(Unavailable::NoZig)?;
            fs::rename(&unfinished, &folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        Ok(Self { folder })
    }

    /// The command, linked against the old C library.
    pub(super) fn build(&self, profile: Profile) -> Result<PathBuf, Unavailable> {
        let target = target();
        let mut command = Command::new(self.folder.join("bin/cargo-zigbuild"));
        command
            .args(["zigbuild", "--locked", "--bin", "selvedge", "--profile", profile.name()])
            .args(["--target", &format!("{target}.{}.{}", GLIBC.0, GLIBC.1)])
            .env("CARGO_ZIGBUILD_ZIG_PATH", self.folder.join("ziglang/zig"))
            // The cargo that runs this program, not one that is first in the path.
            .env("CARGO", steps::cargo().get_program());
        match profile {
            // Features as in all other checks.
            Profile::Compat => command.arg("--workspace"),
            // Features as the command alone has them.
            Profile::Dist => command.args(["--package", "selvedge"]),
        };
        if !crate::status(&mut command)? {
            return Err(Unavailable::Failed(format!(
                "cargo zigbuild --profile {} failed",
                profile.name()
            )));
        }
        Ok(target_directory().join(target).join(profile.name()).join("selvedge"))
    }
}

fn install(folder: &PathBuf) -> Result<(), String> {
    println!("fetching {} with pip", PACKAGES.join(" and "));
    let mut pip = Command::new("python3");
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-warn-script-location",
        "--target",
    ])
    .arg(folder)
    .args(PACKAGES)
    .env("PIP_ROOT_USER_ACTION", "ignore");
    match crate::status(&mut pip)? {
        true => Ok(()),
        false => Err("pip cannot fetch it (Debian: apt-get install python3-pip)".to_owned()),
    }
}

/// As the tests have it: `$SELVEDGE_CACHE`, else `selvedge` in the user's cache.
fn cache_folder() -> Result<PathBuf, String> {
    let set = |name: &str| {
        let value = std::env::var_os(name).filter(|value| !value.is_empty());
        value.map(PathBuf::from)
    };
    let folder = set("SELVEDGE_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|cache| cache.join("selvedge")))
        .or_else(|| set("HOME").map(|home| home.join(".cache/selvedge")))
        .ok_or("set SELVEDGE_CACHE, XDG_CACHE_HOME or HOME")?;
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(folder)
}
