//! The table that says where each case of Hadoop's client suites is shown names tests that exist.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helper functions too"
)]

use std::{collections::BTreeSet, fs, path::Path};

const TABLE: &str = "docs/yarn-client-tests.md";

/// Folders whose tests the table may name, and what their names begin with there.
const SOURCES: [(&str, &str); 4] = [
    ("yarn-rpc/src", ""),
    ("yarn-rest/src", "yarn_rest::"),
    ("yarn-common/src", "yarn_common::"),
    ("it/tests/it", "it::"),
];

/// The tests of a source file, in order.
fn tests_in(source: &str) -> Vec<&str> {
    let mut is_test = false;
    let mut names = Vec::new();
    for line in source.lines().map(str::trim) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if is_test && let Some((_, function)) = line.split_once("fn ") {
            names.extend(function.split('(').next());
            is_test = false;
        }
    }
    names
}

/// Adds the tests below a folder: its files' names, then the function's.
fn collect(folder: &Path, prefix: &str, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let module = match name {
            "mod" | "lib" | "main" => prefix.to_owned(),
            _ => format!("{prefix}{name}::"),
        };
        if path.is_dir() {
            collect(&path, &module, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).unwrap();
            found.extend(tests_in(&source).iter().map(|test| format!("{module}{test}")));
        }
    }
}

/// What stands between backquotes and looks like the name of a test.
fn named(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2).filter(|name| name.contains("::"))
}

/// What is wrong with a row: its case, and where ours is.
fn fault(ours: &str, tests: &BTreeSet<String>) -> Option<String> {
    if let Some(unknown) = named(ours).find(|name| !tests.contains(*name)) {
        return Some(format!("there is no test {unknown}"));
    }
    let reasoned = ["does not apply: ", "open: "]
        .iter()
        .any(|reason| ours.strip_prefix(reason).is_some_and(|why| !why.is_empty()));
    (named(ours).next().is_none() && !reasoned).then(|| "it names neither a test nor a reason".to_owned())
}

#[test]
fn every_case_of_hadoops_client_suites_has_a_test_that_exists_or_a_reason() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut tests = BTreeSet::new();
    for (folder, prefix) in SOURCES {
        collect(&root.join(folder), prefix, &mut tests);
    }
    let table = fs::read_to_string(root.join(TABLE)).unwrap();
    let mut suite = "";
    let mut cases = BTreeSet::new();
    let mut faults = Vec::new();
    for line in table.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            suite = heading;
        }
        let Some(row) = line.strip_prefix("| test").and_then(|row| row.strip_suffix(" |")) else {
            continue;
        };
        let (case, ours) = row.split_once(" | ").unwrap_or((row, ""));
        if !cases.insert((suite, case)) {
            faults.push(format!("{suite}, test{case}: it stands there twice"));
        }
        faults.extend(fault(ours, &tests).map(|fault| format!("{suite}, test{case}: {fault}")));
    }
    assert!(cases.len() > 50, "{TABLE} has {} cases only", cases.len());
    assert!(faults.is_empty(), "{TABLE} is not true:\n{}", faults.join("\n"));
}

#[test]
fn a_row_without_a_test_or_with_an_unknown_one_is_found() {
    let source = "#[tokio::test]\nasync fn one() {}\nfn helper() {}\n#[test]\n#[ignore]\nfn two() {}\n";
    assert_eq!(tests_in(source), ["one", "two"]);
    let tests = BTreeSet::from(["am::one".to_owned()]);
    for good in ["`am::one`", "see `am::one`; `*` is no test", "open: not yet"] {
        assert_eq!(fault(good, &tests), None, "{good}");
    }
    for bad in ["", "`am::two`", "`am::one`, `one::am`", "open: ", "some words", "`x`"] {
        assert!(fault(bad, &tests).is_some(), "{bad}");
    }
}
