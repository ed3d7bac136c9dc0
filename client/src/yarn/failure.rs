//! What YARN and the nodes say about an application that failed.

use selvedge_runtime::outcome::JobOutcome;
use yarn_common::id::ApplicationId;
use yarn_rest::model::Application;
use yarn_rest::nm::LogRange;
use yarn_rest::rm::RmClient;

use super::YarnError;

/// How much of the master's log is looked at, and how many lines of it are shown.
const LOG_BYTES: u64 = 8192;
const LOG_LINES: usize = 20;

/// The error of an application that ended before its master could be reached.
pub(super) async fn ended_early(rm: &RmClient, report: &Application) -> YarnError {
    YarnError::Ended {
        application: report.id,
        state: report.state.to_string(),
        diagnostics: diagnostics(report),
        log: log_tail(rm, report.id).await.unwrap_or_default(),
    }
}

/// YARN's diagnostics without stack traces and its standing advice.
pub(super) fn diagnostics(report: &Application) -> String {
    let text = JobOutcome::words_of(report.diagnostics.as_deref().unwrap_or_default());
    if text.is_empty() {
        return "YARN gives no diagnostics".to_owned();
    }
    let lines = text.lines().map(str::trim_end);
    let telling = lines.filter(|line| !line.is_empty() && !line.trim_start().starts_with("at "));
    telling.collect::<Vec<_>>().join("\n")
}

/// The last lines of the master's log, from the node that ran it, where that can be reached.
async fn log_tail(rm: &RmClient, application: ApplicationId) -> Option<String> {
    let attempt = rm.attempts(application).await.ok()?.pop()?;
    let node = rm.node_manager(attempt.node_http_address.as_deref()?).ok()?;
    let container = attempt.container_id?;
    let mut shown = String::new();
    for file in ["jobmanager.err", "jobmanager.log", "prelaunch.err"] {
        let Ok(part) = node.log(container, file, LogRange::Last(LOG_BYTES)).await else {
            continue;
        };
        let tail = last_lines(&part.text);
        if !tail.is_empty() {
            shown.push_str(&format!("\nlast lines of {file} of {container}:\n{tail}"));
        }
    }
    (!shown.is_empty()).then_some(shown)
}

fn last_lines(text: &str) -> String {
    let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let first = lines.len().saturating_sub(LOG_LINES);
    let indented = lines[first..].iter().map(|line| format!("  {line}"));
    indented.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn report(diagnostics: &str) -> Application {
        let report = json!({"id": "application_1_0002", "state": "FAILED", "diagnostics": diagnostics});
        serde_json::from_value(report).unwrap()
    }

    #[test]
    fn diagnostics_lose_stack_traces_and_keep_the_rest() {
        let text = "AM Container exited with exitCode: 1\nException: x\n\tat a.B(B.java:1)\n\nFor more detail, see y\n";
        assert_eq!(
            diagnostics(&report(text)),
            "AM Container exited with exitCode: 1\nException: x\nFor more detail, see y"
        );
        assert_eq!(diagnostics(&report("")), "YARN gives no diagnostics");
    }

    #[test]
    fn only_the_last_lines_are_shown() {
        let text: String = (0..40).map(|line| format!("line {line}\n\n")).collect();
        let shown = last_lines(&text);
        assert_eq!(shown.lines().count(), LOG_LINES);
        assert!(
            shown.starts_with("  line 20\n") && shown.ends_with("  line 39"),
            "{shown}"
        );
    }
}
