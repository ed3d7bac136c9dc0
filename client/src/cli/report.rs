//! What a command that starts something tells a program at its end (`-o json`): an object with all that is known by
//! then.

use std::collections::BTreeMap;
use std::io;

use selvedge_core::JobId;
use selvedge_core::status::ApplicationStatus;
use serde::Serialize;

use super::config::OutputArgs;
use super::error::{CommandError, Ended};
use super::terminal;
use crate::cluster::{ClusterPlace, JobResult, RestClusterClient};

/// Gathers what a command learns, and tells it at the end, whatever that is.
#[derive(Debug)]
pub(super) struct Report {
    is_wanted: bool,
    known: Known,
}

/// What is not known is left out.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Known {
    #[serde(skip_serializing_if = "Option::is_none")]
    application_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracking_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rest_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<ApplicationStatus>,
    jobs: Vec<KnownJob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
    exit_code: u8,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct KnownJob {
    id: JobId,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    /// Milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    net_runtime: Option<u64>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    accumulators: BTreeMap<String, i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    results: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

impl Report {
    pub(super) fn new(output: OutputArgs) -> Self {
        Self {
            is_wanted: output.is_json(),
            known: Known::default(),
        }
    }

    /// The cluster that was started, or found.
    pub(super) fn cluster(&mut self, place: ClusterPlace, rest: &RestClusterClient) {
        self.known.application_id = place.application.map(|application| application.to_string());
        self.known.tracking_url = place.tracking_url.filter(|url| !url.is_empty());
        self.known.rest_url = rest.address().map(|address| format!("http://{address}"));
    }

    /// A job, in the state that it was last seen in. One that is known already changes its state.
    pub(super) fn job(&mut self, id: JobId, name: &str, state: Option<&str>) {
        let state = state.map(str::to_owned);
        match self.known.jobs.iter_mut().find(|job| job.id == id) {
            Some(known) => known.state = state,
            None => self.known.jobs.push(KnownJob {
                id,
                name: name.to_owned(),
                state,
                net_runtime: None,
                accumulators: BTreeMap::new(),
                results: Vec::new(),
                failure: None,
            }),
        }
    }

    /// A job that has ended; its results are in these places where it FINISHED.
    pub(super) fn job_ended(&mut self, id: JobId, name: &str, places: &[&str], result: &JobResult) {
        self.job(id, name, Some(state_of(result.status)));
        let job = self.known.jobs.iter_mut().find(|job| job.id == id);
        let job = job.expect("it was just told of");
        let millis = |runtime: std::time::Duration| u64::try_from(runtime.as_millis()).unwrap_or(u64::MAX);
        job.net_runtime = result.net_runtime.map(millis);
        job.accumulators.clone_from(&result.accumulators);
        job.failure.clone_from(&result.failure);
        if result.status == ApplicationStatus::Succeeded {
            job.results = places.iter().map(|&place| place.to_owned()).collect();
        }
        self.ended(result.status);
    }

    /// An application or a session that has ended, with what YARN says of it: the cause where it did not end well.
    pub(super) fn cluster_ended(&mut self, status: ApplicationStatus, told: &str) {
        self.ended(status);
        if matches!(status, ApplicationStatus::Failed | ApplicationStatus::Unknown) {
            self.known.failure = Some(told.to_owned());
        }
    }

    /// How all has ended. Of several ends, one that FAILED tells more than one that was cancelled.
    fn ended(&mut self, status: ApplicationStatus) {
        let known = self.known.status.get_or_insert(status);
        if *known == ApplicationStatus::Succeeded || status == ApplicationStatus::Failed {
            *known = status;
        }
    }

    /// What a script reads of a command that does not wait: the id alone, where it has not asked for all.
    pub(super) fn leave(&self, id: &str) -> io::Result<()> {
        if self.is_wanted {
            return Ok(());
        }
        terminal::print(&format!("{id}\n"))
    }

    /// Tells all, on one line: a job or a program may have written to standard output before.
    pub(super) fn finish(mut self, ended: Result<Ended, CommandError>) -> Result<Ended, CommandError> {
        if self.is_wanted {
            terminal::print(&format!("{}\n", self.text(&ended)?))?;
        }
        ended
    }

    fn text(&mut self, ended: &Result<Ended, CommandError>) -> serde_json::Result<String> {
        self.known.exit_code = match ended {
            Ok(ended) => ended.code(),
            Err(error) => error.kind().code(),
        };
        if let Err(error) = ended {
            self.known.failure = Some(error.message().to_owned());
        }
        serde_json::to_string(&self.known)
    }
}

/// As a job's state is called that ended so.
pub(super) const fn state_of(status: ApplicationStatus) -> &'static str {
    match status {
        ApplicationStatus::Succeeded => "FINISHED",
        ApplicationStatus::Failed => "FAILED",
        ApplicationStatus::Canceled => "CANCELED",
        ApplicationStatus::Unknown => "UNKNOWN",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};
    use yarn_common::id::ApplicationId;

    use super::*;
    use crate::cli::OutputForm;
    use crate::cli::exit::ExitKind;

    const JOB: JobId = JobId::from_bytes([7; 16]);

    fn report() -> Report {
        let output = OutputForm::Json;
        Report::new(OutputArgs { output })
    }

    fn told(mut report: Report, ended: &Result<Ended, CommandError>) -> Value {
        serde_json::from_str(&report.text(ended).unwrap()).unwrap()
    }

    fn result(status: ApplicationStatus) -> JobResult {
        JobResult {
            status,
            net_runtime: Some(Duration::from_millis(1500)),
            accumulators: BTreeMap::from([("out.records".to_owned(), 3)]),
            failure: (status == ApplicationStatus::Failed).then(|| "divide by zero".to_owned()),
        }
    }

    #[test]
    fn all_that_is_known_of_an_application_and_its_job_is_told() {
        let mut report = report();
        let place = ClusterPlace {
            application: Some(ApplicationId::new(1, 7)),
            tracking_url: Some("http://rm/proxy/application_1_0007/".to_owned()),
        };
        report.cluster(place, &RestClusterClient::direct("h:81").unwrap());
        report.job(JOB, "wc", None);
        report.job_ended(JOB, "wc", &["/out"], &result(ApplicationStatus::Succeeded));
        assert_eq!(
            told(report, &Ok(Ended::Done)),
            json!({"application-id": "application_1_0007", "tracking-url": "http://rm/proxy/application_1_0007/",
                "rest-url": "http://h:81", "status": "SUCCEEDED", "exit-code": 0,
                "jobs": [{"id": JOB, "name": "wc", "state": "FINISHED", "net-runtime": 1500,
                    "accumulators": {"out.records": 3}, "results": ["/out"]}]})
        );
    }

    #[test]
    fn of_several_jobs_the_worst_decides_and_one_that_failed_has_no_result_but_its_cause() {
        let other = JobId::from_bytes([8; 16]);
        let mut report = report();
        report.job_ended(JOB, "a", &["/out"], &result(ApplicationStatus::Failed));
        report.job_ended(other, "b", &[], &result(ApplicationStatus::Canceled));
        let told = told(report, &Ok(Ended::Failed));
        assert_eq!((&told["status"], &told["exit-code"]), (&json!("FAILED"), &json!(1)));
        assert_eq!(told["jobs"][0]["failure"], "divide by zero", "{told}");
        assert!(told["jobs"][0].get("results").is_none(), "{told}");
        assert_eq!(told["jobs"][1]["state"], "CANCELED", "{told}");
    }

    #[test]
    fn an_application_that_failed_tells_its_cause_and_one_that_did_not_has_none() {
        for (status, ended, failure) in [
            (ApplicationStatus::Succeeded, Ended::Done, Value::Null),
            (ApplicationStatus::Canceled, Ended::Canceled, Value::Null),
            (ApplicationStatus::Failed, Ended::Failed, json!("FAILED: exit code 163")),
        ] {
            let mut report = report();
            report.cluster_ended(status, "FAILED: exit code 163");
            let told = told(report, &Ok(ended));
            assert_eq!(
                (&told["status"], &told["failure"]),
                (&json!(status), &failure),
                "{told}"
            );
        }
    }

    #[test]
    fn a_command_that_fails_tells_its_error_and_its_exit_code() {
        let error = CommandError::new(ExitKind::Refused, "the queue is full");
        let expected = json!({"jobs": [], "failure": "the queue is full", "exit-code": 5});
        assert_eq!(told(report(), &Err(error)), expected);
    }
}
