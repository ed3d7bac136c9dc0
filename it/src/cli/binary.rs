//! Where the `selvedge` command and the examples are: beside the tests, in cargo's target directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::SystemTime;

/// The directory of the profile that this test was built in, such as `target/debug`.
///
/// # Panics
///
/// If this program does not lie where cargo puts tests.
#[must_use]
pub fn target_directory() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let this = std::env::current_exe().expect("this program has a path");
        let deps = this.parent().expect("it lies in a directory");
        assert!(deps.ends_with("deps"), "{} is not in cargo's deps", this.display());
        deps.parent().expect("deps lies in a directory").to_path_buf()
    })
}

/// The command, built in the same profile and not older than its sources.
///
/// # Panics
///
/// If it was not built, or its sources have changed since: a test of an old command shows nothing.
#[must_use]
pub fn selvedge_binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| built("selvedge"))
}

/// An example program of a member of this workspace, by its name, under the same conditions.
///
/// # Panics
///
/// As [`selvedge_binary`].
#[must_use]
pub fn example_binary(name: &str) -> PathBuf {
    built(&format!("examples/{name}"))
}

/// A program of this workspace, by its name, under the same conditions.
///
/// # Panics
///
/// As [`selvedge_binary`].
#[must_use]
pub fn built_binary(name: &str) -> PathBuf {
    built(name)
}

fn built(path: &str) -> PathBuf {
    let binary = target_directory().join(path);
    let remedy = "run `cargo build --workspace --bins --examples` with the profile of the tests";
    let Some(built) = modified(&binary) else {
        panic!("{} is not there: {remedy}", binary.display());
    };
    // What cargo itself has generated is not a source: it may be written again without being another.
    let is_newer = |source: &PathBuf| {
        !source.starts_with(target_directory()) && modified(source).is_some_and(|changed| changed > built)
    };
    if let Some(newer) = sources(&binary).find(is_newer) {
        panic!("{} is older than {}: {remedy}", binary.display(), newer.display());
    }
    binary
}

/// What cargo wrote down as the sources of a program: `PROGRAM: SOURCE SOURCE …`, blanks in names escaped.
fn sources(binary: &Path) -> impl Iterator<Item = PathBuf> {
    let text = fs::read_to_string(binary.with_extension("d")).unwrap_or_default();
    let list = text.split_once(": ").map_or("", |(_, list)| list).replace("\\ ", "\0");
    let names: Vec<_> = list.split_whitespace().map(|name| name.replace('\0', " ")).collect();
    names.into_iter().map(PathBuf::from)
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}
