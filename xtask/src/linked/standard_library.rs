//! Rust's standard library: it is linked, too, and no manifest names it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::Package;
use crate::rustc;

pub(super) const NAME: &str = "rust-std";
/// Who wrote it and what it contains, as Rust tells it: the name of the copy that is given away.
pub(super) const NOTICES: &str = "THIRD-PARTY-LICENSES.rust-std.html";

/// Where a toolchain keeps the texts, seen from its own folder.
const FOLDER: &str = "share/doc/rust";
/// That of the notices there.
const ITS_NOTICES: &str = "COPYRIGHT-library.html";
/// What its own files are under, as the notices have it; the folder has the compiler's licences, too.
const LICENCES: [&str; 4] = ["Apache-2.0", "BSD-2-Clause", "MIT", "Unicode-3.0"];

pub(super) fn package() -> Result<Package, String> {
    Ok(Package {
        name: NAME.to_owned(),
        version: rustc::version()?,
        license: Some("MIT OR Apache-2.0".to_owned()),
        repository: None,
        folder: rustc::sysroot()?.join(FOLDER),
        is_ours: false,
        needs: BTreeSet::new(),
    })
}

/// The texts of its licences, where the toolchain has them.
pub(super) fn texts(folder: &Path) -> Vec<PathBuf> {
    let texts = LICENCES.map(|licence| folder.join("licenses").join(format!("{licence}.txt")));
    texts.into_iter().filter(|text| text.is_file()).collect()
}

/// The notices, where the toolchain has them.
pub(super) fn notices(packages: &[Package]) -> Option<PathBuf> {
    let notices = among(packages)?.folder.join(ITS_NOTICES);
    notices.is_file().then_some(notices)
}

/// Where the notices are, for who reads the licences.
pub(super) fn told(packages: &[Package]) -> Option<String> {
    let version = &among(packages)?.version;
    let place = match notices(packages) {
        Some(_) => format!("in {NOTICES}"),
        None => format!("at https://github.com/rust-lang/rust/tree/{version}"),
    };
    Some(format!(
        "Who wrote {NAME} {version}, and what it contains, is told {place}."
    ))
}

fn among(packages: &[Package]) -> Option<&Package> {
    packages.iter().find(|package| package.name == NAME)
}
