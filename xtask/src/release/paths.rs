//! The folders of whoever compiles: a panic names the file it comes from, and rustc takes that from where the file lies.

use std::fs;
use std::path::{Path, PathBuf};

use memchr::memmem;

use super::{root, target_directory};
use crate::rustc;

/// In which cargo finds rustc's flags. They are in place of those of `.cargo/config.toml` and of `RUSTFLAGS`, and
/// cargo-zigbuild leaves them as they are.
pub(super) const VARIABLE: &str = "CARGO_ENCODED_RUSTFLAGS";
/// Stands between two flags, so that they may have spaces.
const SEPARATOR: &str = "\u{1f}";
/// Those of `.cargo/config.toml`.
const FLAGS: [&str; 2] = ["--cfg", "tokio_unstable"];

/// With which the binary names other folders in place of this machine's.
pub(super) fn flags() -> Result<String, String> {
    encoded(&[
        (root().to_owned(), "selvedge"),
        (target_directory(), "target"),
        // Sources of the standard library: a toolchain that has none of them calls them so, too.
        (rustc::sysroot()?.join("lib/rustlib/src/rust"), "/rustc"),
        (registry()?, "registry"),
    ])
}

/// Of folders that hold a file, rustc takes the last that is named.
fn encoded(folders: &[(PathBuf, &str)]) -> Result<String, String> {
    let mut flags: Vec<String> = FLAGS.map(str::to_owned).into();
    for (folder, name) in folders {
        let folder = folder
            .to_str()
            .ok_or_else(|| format!("{} is not UTF-8: cargo takes no flag that names it", folder.display()))?;
        flags.push(format!("--remap-path-prefix={folder}={name}"));
    }
    Ok(flags.join(SEPARATOR))
}

/// An error if the binary names the folder of other crates' sources, which it would name most. The others' names may be
/// short, and in it for reasons of its own.
pub(super) fn look(binary: &Path) -> Result<(), String> {
    let registry = registry()?;
    let bytes = fs::read(binary).map_err(|error| format!("{}: {error}", binary.display()))?;
    match memmem::find(&bytes, registry.as_os_str().as_encoded_bytes()) {
        None => Ok(()),
        Some(start) => {
            let end = bytes.len().min(start + 200);
            let named = String::from_utf8_lossy(&bytes[start..end]);
            Err(format!("{} names a folder of this machine: {named}", binary.display()))
        }
    }
}

/// Where cargo unpacks the sources of other crates.
fn registry() -> Result<PathBuf, String> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let home = set("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| set("HOME").map(|home| PathBuf::from(home).join(".cargo")))
        .ok_or("set CARGO_HOME or HOME")?;
    let home = std::path::absolute(&home).map_err(|error| format!("{}: {error}", home.display()))?;
    Ok(home.join("registry/src"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_of_the_workspace_are_kept_and_paths_may_have_spaces() {
        let config = fs::read_to_string(root().join(".cargo/config.toml")).unwrap();
        assert!(config.contains(&format!("\nrustflags = {FLAGS:?}\n")), "{config}");
        let folders = [(PathBuf::from("/a b"), "c"), (PathBuf::from("/d"), "/e")];
        let flags = encoded(&folders).unwrap();
        let flags: Vec<_> = flags.split(SEPARATOR).collect();
        assert_eq!(flags[..2], FLAGS);
        assert_eq!(flags[2..], ["--remap-path-prefix=/a b=c", "--remap-path-prefix=/d=/e"]);
    }

    #[test]
    fn a_binary_that_names_a_folder_is_told() {
        let scratch = tempfile::tempdir().unwrap();
        let binary = scratch.path().join("binary");
        let path = registry().unwrap().join("index/x-1.0.0/src/lib.rs");
        fs::write(&binary, format!("\0{}\0", path.display())).unwrap();
        assert!(look(&binary).unwrap_err().contains("index/x-1.0.0/src/lib.rs"));
        fs::write(&binary, "registry/index/x-1.0.0/src/lib.rs").unwrap();
        assert_eq!(look(&binary), Ok(()));
    }
}
