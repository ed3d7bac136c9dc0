//! The licences of what is linked, as whoever gives the binary on has to give them on, too.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use super::Package;

/// How the files begin whose texts must be passed on.
const NAMES: [&str; 5] = ["license", "licence", "copying", "notice", "unlicense"];

/// A list of the packages with their licences, then each text once, with the packages that have it.
pub(super) fn licences(packages: &[Package]) -> Result<String, String> {
    let foreign = || packages.iter().filter(|package| !package.is_ours);
    let mut page =
        String::from("What the selvedge command contains besides its own code, and under which licences.\n\n");
    let mut texts = BTreeMap::<String, Vec<String>>::new();
    let mut without = Vec::new();
    for package in foreign() {
        let name = format!("{} {}", package.name, package.version);
        let license = package.license.as_deref().unwrap_or("(states none)");
        writeln!(page, "{name}: {license}").expect("a string takes all");
        let own = texts_of(package)?;
        if own.is_empty() {
            without.push(name.clone());
        }
        own.into_iter()
            .for_each(|text| texts.entry(text).or_default().push(name.clone()));
    }
    if !without.is_empty() {
        let names = without.join(", ");
        write!(
            page,
            "\nWithout a text of their own, under the licence stated above: {names}\n"
        )
        .expect("a string takes all");
    }
    for (text, names) in texts {
        let rule = "-".repeat(80);
        write!(page, "\n{rule}\n{}\n{rule}\n\n{text}\n", names.join(", ")).expect("a string takes all");
    }
    Ok(page)
}

/// Trimmed, with line ends of Unix, so that equal texts are equal.
fn texts_of(package: &Package) -> Result<Vec<String>, String> {
    let folder = &package.folder;
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        if path.is_file() && NAMES.iter().any(|beginning| name.starts_with(beginning)) {
            files.push(path);
        }
    }
    files.sort();
    let read = |path| fs::read(path).map_err(failed);
    let texts = files.into_iter().map(|path| {
        let bytes = read(path)?;
        Ok(String::from_utf8_lossy(&bytes).replace("\r\n", "\n").trim().to_owned())
    });
    texts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_stand_once_with_the_names_of_all_who_have_them() {
        let scratch = std::env::temp_dir().join(format!("selvedge-licences-{}", std::process::id()));
        let package = |name: &str, text: Option<&str>| {
            let folder = scratch.join(name);
            fs::create_dir_all(&folder).unwrap();
            if let Some(text) = text {
                fs::write(folder.join("LICENSE-MIT"), text).unwrap();
            }
            Package {
                name: name.to_owned(),
                version: "1.0.0".to_owned(),
                license: Some("MIT".to_owned()),
                folder,
                is_ours: name == "ours",
                needs: [].into(),
            }
        };
        let all = [
            package("a", Some("do what you like\r\n")),
            package("b", Some("do what you like")),
            package("c", None),
            package("ours", Some("ours")),
        ];
        let page = licences(&all).unwrap();
        fs::remove_dir_all(&scratch).unwrap();
        assert_eq!(page.matches("do what you like").count(), 1, "{page}");
        assert!(page.contains("a 1.0.0, b 1.0.0\n"), "{page}");
        assert!(
            page.contains("stated above: c 1.0.0\n") && !page.contains("ours"),
            "{page}"
        );
    }
}
