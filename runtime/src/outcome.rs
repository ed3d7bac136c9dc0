//! How a job ended, in the diagnostics of its YARN application: words for people, and a line for a client that comes when
//! the master is gone.

use std::collections::BTreeMap;

use selvedge_core::JobId;
use selvedge_core::status::JobStatus;
use serde::{Deserialize, Serialize};

/// Begins the line for clients.
const MARK: &str = "selvedge-result: ";
/// YARN keeps 64 KiB of diagnostics; so much of a cause is enough to act on.
const MAX_CAUSE_BYTES: usize = 8 << 10;
/// With more counts than fit here, none is told.
const MAX_LINE_BYTES: usize = 32 << 10;

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobOutcome {
    /// The job.
    pub job_id: JobId,
    /// FINISHED, FAILED or CANCELED.
    pub status: JobStatus,
    /// Milliseconds from taking the job to its end.
    pub net_runtime_ms: u64,
    /// Why it FAILED.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// What operators counted, under `<operator id>.<name>`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub accumulators: BTreeMap<String, i64>,
}

impl JobOutcome {
    /// The diagnostics: a sentence, then the line that [`Self::from_diagnostics`] finds.
    pub fn to_diagnostics(&self) -> String {
        let mut told = self.clone();
        told.cause = self.cause.as_deref().map(|cause| cut(cause, MAX_CAUSE_BYTES));
        let cause = told.cause.as_ref().map(|cause| format!(": {cause}"));
        let sentence = format!("Job {} {}{}", self.job_id, self.status, cause.unwrap_or_default());
        let mut line = told.to_json();
        if line.len() > MAX_LINE_BYTES {
            told.accumulators.clear();
            line = told.to_json();
        }
        format!("{sentence}\n{MARK}{line}")
    }

    /// The outcome in diagnostics, where they have one; YARN may have put lines before and after it.
    pub fn from_diagnostics(diagnostics: &str) -> Option<Self> {
        diagnostics
            .lines()
            .filter_map(|line| line.split_once(MARK))
            .find_map(|(_, text)| Self::from_json(text.trim()))
    }

    /// Its JSON form, on one line.
    pub fn to_json(&self) -> String {
        // Only maps with keys that are no text, and writers that fail, have no JSON.
        serde_json::to_string(self).expect("an outcome has a JSON form")
    }

    /// The outcome that a text is, in its JSON form.
    pub fn from_json(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Diagnostics without the line for clients: what a person should read.
    pub fn words_of(diagnostics: &str) -> String {
        let words: Vec<_> = diagnostics.lines().filter(|line| !line.contains(MARK)).collect();
        words.join("\n").trim().to_owned()
    }
}

/// At most so many bytes of a text, cut between characters.
fn cut(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    format!("{} […]", &text[..text.floor_char_boundary(bytes)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(cause: &str) -> JobOutcome {
        JobOutcome {
            job_id: JobId::from_bytes([0xab; 16]),
            status: JobStatus::Failed,
            net_runtime_ms: 1234,
            cause: Some(cause.to_owned()),
            accumulators: BTreeMap::from([("sink.records".to_owned(), 7)]),
        }
    }

    #[test]
    fn a_late_client_reads_what_the_master_wrote() {
        let outcome = failed("container x ended\nwith exit status 137");
        let diagnostics = outcome.to_diagnostics();
        assert!(
            diagnostics.starts_with(&format!("Job {} FAILED: container x ended\n", outcome.job_id)),
            "{diagnostics}"
        );
        let shown = format!("Attempt recovered after RM restart\n{diagnostics}\nmore");
        assert_eq!(JobOutcome::from_diagnostics(&shown), Some(outcome));
        assert!(!JobOutcome::words_of(&shown).contains(MARK));
        assert!(JobOutcome::words_of(&shown).ends_with("137\nmore"), "{shown}");
    }

    #[test]
    fn diagnostics_of_others_hold_no_outcome() {
        for text in ["", "AM Container exited with exitCode: 1", "selvedge-result: {"] {
            assert_eq!(JobOutcome::from_diagnostics(text), None, "{text}");
        }
    }

    #[test]
    fn long_causes_are_cut_and_many_counts_left_out() {
        let mut outcome = failed(&"é".repeat(MAX_CAUSE_BYTES));
        outcome.accumulators = (0..10_000).map(|number| (format!("operator-{number}"), 1)).collect();
        let diagnostics = outcome.to_diagnostics();
        assert!(diagnostics.len() < 60 << 10, "{}", diagnostics.len());
        let read = JobOutcome::from_diagnostics(&diagnostics).unwrap();
        assert!(read.cause.unwrap().ends_with("é […]"));
        assert!(read.accumulators.is_empty());
    }
}
