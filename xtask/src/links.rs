//! Whether the links of documents lead somewhere: to a file that is there, and to a heading that it has.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders that have no documents of ours.
const PASSED_OVER: [&str; 2] = [".git", "target"];

/// Every link below `folder` that leads nowhere, with the file that has it.
pub(crate) fn broken(folder: &Path) -> Result<Vec<String>, String> {
    let mut broken = Vec::new();
    for document in documents(folder)? {
        let text = read(&document)?;
        for link in links(&text).filter(|link| !leads_out(link)) {
            if !leads_somewhere(&document, link)? {
                let document = document.strip_prefix(folder).unwrap_or(&document);
                broken.push(format!("{}: {link}", document.display()));
            }
        }
    }
    Ok(broken)
}

fn documents(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut documents = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !PASSED_OVER.contains(&name.as_str()) {
            documents.extend(self::documents(&path)?);
        } else if path.is_file() && name.ends_with(".md") {
            documents.push(path);
        }
    }
    documents.sort();
    Ok(documents)
}

fn read(document: &Path) -> Result<String, String> {
    fs::read_to_string(document).map_err(|error| format!("{}: {error}", document.display()))
}

/// What stands between the parentheses of `[text](link)`.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let ends = text.split("](").skip(1);
    ends.filter_map(|rest| rest.split_once(')').map(|(link, _)| link))
        .filter(|link| !link.contains(char::is_whitespace))
}

fn leads_out(link: &str) -> bool {
    link.contains("://") || link.starts_with("mailto:")
}

fn leads_somewhere(document: &Path, link: &str) -> Result<bool, String> {
    let (path, heading) = link.split_once('#').unwrap_or((link, ""));
    let target = match path {
        "" => document.to_owned(),
        path => document.parent().unwrap_or(Path::new("")).join(path),
    };
    if heading.is_empty() || !target.is_file() {
        return Ok(target.exists());
    }
    let text = read(&target)?;
    let mut headings = text.lines().filter(|line| line.starts_with('#'));
    Ok(headings.any(|line| anchor(line) == heading))
}

/// As GitHub makes it of a heading.
fn anchor(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = words.chars().filter(|c| c.is_alphanumeric() || "-_ ".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_link_of_the_repositorys_documents_leads_somewhere() {
        let broken = broken(crate::release::root()).unwrap();
        assert!(broken.is_empty(), "{broken:#?}");
    }

    #[test]
    fn a_missing_file_and_a_missing_heading_are_told() {
        let folder = std::env::temp_dir().join(format!("selvedge-links-{}", std::process::id()));
        fs::create_dir_all(folder.join("docs")).unwrap();
        let text = "# One `two`: Three\n[a](docs/b.md#its-heading) [b](#one-two-three) [c](gone.md) [d](#gone) \
             [e](docs/b.md#gone) [f](https://example.org/x.md) [g](docs)";
        fs::write(folder.join("a.md"), text).unwrap();
        fs::write(folder.join("docs/b.md"), "## Its heading\n[up](../a.md)\n").unwrap();
        let told = broken(&folder).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(told, ["a.md: gone.md", "a.md: #gone", "a.md: docs/b.md#gone"]);
    }
}
