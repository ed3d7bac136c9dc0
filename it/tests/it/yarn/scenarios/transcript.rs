//! All that a user reads, held against the files in `transcripts/`, without what differs from run to run.
//! `SELVEDGE_TRANSCRIPTS=write` writes them anew.

use std::fs;
use std::path::Path;

use regex::Regex;
use selvedge_it::cli::Outcome;

/// Ids, places and times; the first that fits counts.
const MASKS: &[(&str, &str)] = &[
    (r"application_\d+_\d+", "APPLICATION"),
    (r"appattempt_\d+_\d+_\d+", "ATTEMPT"),
    (r"container_\w+", "CONTAINER"),
    (r"\b[0-9a-f]{32}\b", "JOB"),
    (r"hdfs://[\w.]+:\d+", "HDFS"),
    (r"(file://)?/[\w./-]*/\.tmp[\w./-]+|file:///tmp/[\w./-]+", "FOLDER"),
    (
        r"\[\w{3} \w{3} \d\d [\d:]+ [+-]\d{4} \d{4}\]|\[?\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+\]?",
        "DATE",
    ),
    (r"(127\.0\.0\.\d+|localhost)(:\d+)?", "ADDRESS"),
    (r"\d+(\.\d+)? (s|seconds?|minutes?|ms)\b", "TIME"),
];

/// How often a state is seen before the next one comes is the machine's affair, and so is what a job has counted when it is
/// cancelled, and whether an archive is there already.
const PASSING: &[&str] = &[
    r"^vertex .+: ",
    r"^job a test's job: ",
    r"^job JOB \(.*\) is ",
    r"^  out\.records: ",
    r"^staging the binary",
    r"^the binary is PRIVATE",
    r"^APPLICATION is [A-Z_]+$",
    r"^APPLICATION is ACCEPTED(: | for TIME; )",
    r"WARN.*(asking again|trying again)",
    // A master that has ended before it was seen to run has none.
    r"^tracking URL: ",
    r"^the master's REST endpoint at ",
];

fn masked(text: &str) -> String {
    let mut text = text.to_owned();
    for (pattern, mask) in MASKS {
        text = Regex::new(pattern).unwrap().replace_all(&text, *mask).into_owned();
    }
    let passing: Vec<_> = PASSING.iter().map(|pattern| Regex::new(pattern).unwrap()).collect();
    let lines = text.lines().map(str::trim_end);
    let lasting = lines.filter(|line| !passing.iter().any(|pattern| pattern.is_match(line)));
    lasting.map(|line| format!("{line}\n")).collect()
}

/// What differs from the file of this name, if anything does.
pub(super) fn compare(name: &str, outcome: &Outcome) -> Result<(), String> {
    let (code, out, err) = (outcome.code, masked(&outcome.stdout), masked(&outcome.stderr));
    let said = format!(
        "--- exit code {}\n--- standard output\n{out}--- standard error\n{err}",
        code.unwrap_or(-1)
    );
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/it/yarn/transcripts/{name}.txt"));
    if std::env::var("SELVEDGE_TRANSCRIPTS").is_ok_and(|wish| wish == "write") {
        fs::write(&path, said).map_err(|error| format!("{}: {error}", path.display()))?;
        return Ok(());
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    if said == expected {
        return Ok(());
    }
    let (outcome, path) = (outcome.said(), path.display());
    Err(format!(
        "{path} has\n{expected}and this was said\n{said}from\n{outcome}"
    ))
}
