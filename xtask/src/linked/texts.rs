//! The licences of what is linked, as whoever gives the binary on has to give them on, too.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Package, standard_library};

/// How the names begin of files whose texts must be passed on, and of folders that hold nothing else.
const NAMES: [&str; 6] = ["license", "licence", "copying", "copyright", "notice", "unlicense"];
/// Folders of which nothing is linked.
const NOT_LINKED: [&str; 7] = ["target", "test", "tests", "benches", "examples", "fuzz", "images"];
/// What was not chosen where one of two was offered: of Zstandard's, which are this, the GPL, and BSD's.
const NOT_CHOSEN: [(&str, &str); 1] = [("zstd-sys", "zstd/COPYING")];
/// The texts of licences for packages that bring none.
const STANDARD: [(&str, &str); 2] = [
    ("Apache-2.0", include_str!("../../../LICENSE")),
    ("MIT", include_str!("MIT.txt")),
];

/// A list of the packages with their licences, then each text once, with the packages that have it.
pub(super) fn licences(packages: &[Package]) -> Result<String, String> {
    let mut page =
        String::from("What the selvedge command contains besides its own code, and under which licences.\n\n");
    let mut with = Vec::new();
    let mut without = Vec::new();
    for package in packages.iter().filter(|package| !package.is_ours) {
        line(&mut page, &format!("{}: {}", named(package), license(package)));
        let own = texts_of(package)?;
        if own.is_empty() {
            without.push(package);
        } else {
            with.push((package, own));
        }
    }
    let mut texts = BTreeMap::<&str, BTreeSet<String>>::new();
    for (package, own) in &with {
        for text in own {
            texts.entry(text).or_default().insert(named(package));
        }
    }
    if !without.is_empty() {
        line(&mut page, "\nWithout a text of their own; what stands for it below:");
    }
    for package in without {
        let stand_in = StandIn::of(package, &with)?;
        line(&mut page, &format!("{}: {}", named(package), stand_in.origin));
        for text in stand_in.texts {
            texts.entry(text).or_default().insert(named(package));
        }
    }
    if let Some(told) = standard_library::told(packages) {
        line(&mut page, &format!("\n{told}"));
    }
    let rule = "-".repeat(80);
    for (text, names) in texts {
        let names: Vec<_> = names.into_iter().collect();
        line(&mut page, &format!("\n{rule}\n{}\n{rule}\n\n{text}", names.join(", ")));
    }
    Ok(page)
}

fn line(page: &mut String, text: &str) {
    writeln!(page, "{text}").expect("a string takes all");
}

fn named(package: &Package) -> String {
    format!("{} {}", package.name, package.version)
}

fn license(package: &Package) -> &str {
    package.license.as_deref().unwrap_or("(states none)")
}

/// What stands for the text that a package does not bring.
struct StandIn<'a> {
    texts: Vec<&'a str>,
    /// Whose they are.
    origin: String,
}

impl<'a> StandIn<'a> {
    /// The texts of a package from the same repository, which name its authors; else the standard text of the licence.
    fn of(package: &Package, with: &'a [(&Package, Vec<String>)]) -> Result<Self, String> {
        let license = license(package);
        let is_sibling = |other: &Package| {
            package.repository.is_some() && other.repository == package.repository && other.license == package.license
        };
        if let Some((sibling, texts)) = with.iter().find(|(other, _)| is_sibling(other)) {
            return Ok(Self {
                texts: texts.iter().map(String::as_str).collect(),
                origin: format!("that of {}, from the same repository", named(sibling)),
            });
        }
        let alternatives = license.split('/').flat_map(|part| part.split(" OR ")).map(str::trim);
        let alternatives: Vec<_> = alternatives.collect();
        let standard = STANDARD.into_iter().find(|(name, _)| alternatives.contains(name));
        let (name, text) = standard.ok_or_else(|| {
            format!(
                "{} brings no text of its licence, {license}: xtask/src/linked/texts.rs has to have it",
                named(package)
            )
        })?;
        Ok(Self {
            texts: vec![text.trim()],
            origin: format!("the standard text of {name}"),
        })
    }
}

/// Trimmed, with line ends of Unix, so that equal texts are equal.
fn texts_of(package: &Package) -> Result<Vec<String>, String> {
    let mut files = Vec::new();
    if package.name == standard_library::NAME {
        files = standard_library::texts(&package.folder);
    } else {
        collect(&package.folder, false, &mut files)?;
    }
    for (name, end) in NOT_CHOSEN {
        files.retain(|file| package.name != name || !file.ends_with(end));
    }
    files.sort();
    let texts = files.into_iter().map(|file| {
        let bytes = fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        Ok(String::from_utf8_lossy(&bytes).replace("\r\n", "\n").trim().to_owned())
    });
    texts.collect()
}

/// What is in a folder and below it that is named like a licence, or `all` of it.
fn collect(folder: &Path, all: bool, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().to_lowercase();
        let is_folder = entry.file_type().map_err(failed)?.is_dir();
        let is_text = all || NAMES.iter().any(|beginning| name.starts_with(beginning));
        if is_folder && !NOT_LINKED.contains(&name.as_str()) {
            collect(&path, is_text, files)?;
        }
        // A module of the program may have such a name.
        if is_text && !name.ends_with(".rs") && path.is_file() {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(folder: &Path, name: &str, license: &str, files: &[(&str, &str)]) -> Package {
        let folder = folder.join(name);
        fs::create_dir_all(&folder).unwrap();
        for (file, text) in files {
            let file = folder.join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        Package {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            license: Some(license.to_owned()),
            repository: Some(format!("https://example.org/{license}")),
            folder,
            is_ours: name == "ours",
            needs: [].into(),
        }
    }

    #[test]
    fn equal_texts_stand_once_with_the_names_of_all_who_have_them() {
        let scratch = tempfile::tempdir().unwrap();
        let package = |name: &str, text: &str| package(scratch.path(), name, "MIT", &[("LICENSE-MIT", text)]);
        let all = [
            package("a", "do what you like\r\n"),
            package("b", "do what you like"),
            package("ours", "ours"),
        ];
        let page = licences(&all).unwrap();
        assert_eq!(page.matches("do what you like").count(), 1, "{page}");
        assert!(
            page.contains("\na 1.0.0, b 1.0.0\n") && !page.contains("ours"),
            "{page}"
        );
    }

    #[test]
    fn texts_of_what_a_package_contains_are_found_and_those_of_its_tests_are_not() {
        let scratch = tempfile::tempdir().unwrap();
        let files = [
            ("LICENSES/MIT.txt", "of a folder"),
            ("third_party/fiat/LICENSE", "of a part"),
            ("src/tables/LICENSE-UNICODE", "of tables"),
            ("src/license.rs", "a module"),
            ("tests/LICENSE", "of a test"),
            ("zstd/COPYING", "not chosen"),
        ];
        let found = texts_of(&package(scratch.path(), "zstd-sys", "MIT", &files)).unwrap();
        assert_eq!(found, ["of a folder", "of tables", "of a part"]);
    }

    #[test]
    fn for_a_text_that_is_missing_stands_that_of_the_repository_or_the_standard_one() {
        let scratch = tempfile::tempdir().unwrap();
        let package = |name: &str, license: &str, files: &[(&str, &str)]| package(scratch.path(), name, license, files);
        let all = [
            package("a", "MIT", &[("LICENSE", "by its authors")]),
            package("b", "MIT", &[]),
            package("c", "Zlib/Apache-2.0", &[]),
        ];
        let page = licences(&all).unwrap();
        let told = "b 1.0.0: that of a 1.0.0, from the same repository\nc 1.0.0: the standard text of Apache-2.0\n";
        assert!(page.contains(told), "{page}");
        assert!(
            page.contains("\na 1.0.0, b 1.0.0\n") && page.contains("\nc 1.0.0\n"),
            "{page}"
        );
        assert_eq!(page.matches("END OF TERMS AND CONDITIONS").count(), 1, "{page}");
        let error = licences(&[package("d", "MIT AND Zlib", &[])]).unwrap_err();
        assert!(
            error.contains("d 1.0.0 brings no text of its licence, MIT AND Zlib"),
            "{error}"
        );
    }
}
