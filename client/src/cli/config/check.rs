//! `selvedge config check`.

use std::error::Error;

use selvedge_core::config::{Finding, Settings, Severity};
use selvedge_core::{Configuration, JobManagerProcessSpec, TaskExecutorProcessSpec};
use selvedge_runtime::connector::report;
use serde_json::{Value, json};

use super::args::CheckArgs;
use super::print_json;
use crate::cli::error::{CommandError, Ended};
use crate::cli::{settings, terminal};

pub(super) fn check(arguments: &CheckArgs) -> Result<Ended, CommandError> {
    let read = match &arguments.file {
        Some(file) => Settings::of_file(file),
        None => settings::read(&arguments.settings),
    };
    let verdict = match read {
        Ok(settings) => Verdict::of(&settings),
        // A file that cannot be read at all is one mistake.
        Err(error) => Verdict {
            source: arguments.file.as_ref().map(|file| file.display().to_string()),
            findings: Vec::new(),
            problems: vec![report(&error)],
        },
    };
    if arguments.output.is_json() {
        print_json(&verdict.to_json())?;
    } else {
        terminal::print(&verdict.to_text())?;
    }
    Ok(if verdict.is_good() { Ended::Done } else { Ended::Failed })
}

/// What there is to say about a configuration.
struct Verdict {
    source: Option<String>,
    findings: Vec<Finding>,
    /// What is wrong with the whole and not with a single setting.
    problems: Vec<String>,
}

impl Verdict {
    fn of(settings: &Settings) -> Self {
        let mut verdict = Self {
            source: Some(settings.source().to_string()),
            findings: settings.findings().to_vec(),
            problems: Vec::new(),
        };
        if verdict.is_good() {
            verdict.problems = memory_problems(&settings.configuration());
        }
        verdict
    }

    fn is_good(&self) -> bool {
        self.problems.is_empty() && self.errors() == 0
    }

    fn errors(&self) -> usize {
        let is_error = |finding: &&Finding| finding.severity == Severity::Error;
        self.findings.iter().filter(is_error).count()
    }

    fn to_text(&self) -> String {
        let mut lines: Vec<_> = self
            .problems
            .iter()
            .map(|problem| format!("error: {problem}"))
            .collect();
        lines.extend(
            self.findings
                .iter()
                .map(|finding| format!("{}: {finding}", word(finding.severity))),
        );
        let errors = self.errors() + self.problems.len();
        let warnings = self.findings.len() - self.errors();
        let source = self.source.as_deref().unwrap_or("the configuration");
        lines.push(format!(
            "{source}: {}, {}",
            count(errors, "error"),
            count(warnings, "warning")
        ));
        lines.join("\n") + "\n"
    }

    fn to_json(&self) -> Value {
        let findings = self.findings.iter().map(|finding| {
            json!({
                "severity": word(finding.severity),
                "key": finding.key,
                "value": finding.value,
                "from": finding.origin.to_string(),
                "message": finding.message,
                "nearest": finding.nearest,
            })
        });
        json!({
            "source": self.source,
            "usable": self.is_good(),
            "problems": self.problems,
            "findings": findings.collect::<Vec<_>>(),
        })
    }
}

fn count(number: usize, what: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {what}{s}")
}

const fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// Sizes that are right one by one may not fit together.
fn memory_problems(configuration: &Configuration) -> Vec<String> {
    fn problem(result: Result<(), impl Error + 'static>) -> Option<String> {
        result.err().map(|error| report(&error))
    }
    let master = problem(JobManagerProcessSpec::derive(configuration).map(drop));
    let worker = problem(TaskExecutorProcessSpec::derive(configuration).map(drop));
    master.into_iter().chain(worker).collect()
}
