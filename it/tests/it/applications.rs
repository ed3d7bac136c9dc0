//! What tests ask of applications on YARN, on the beds of processes and of containers alike.

use std::time::Duration;

use selvedge_it::wait;
use serde_json::Value;

/// The ResourceManager's report of an application, once that has ended.
pub(crate) async fn ended<F>(application: &str, bound: Duration, report: impl Fn() -> F) -> Value
where
    F: Future<Output = Result<Value, String>>,
{
    let look = || async {
        let report = report().await?;
        match report["state"].as_str() {
            Some("FINISHED" | "FAILED" | "KILLED") => Ok(report),
            _ => Err(report.to_string()),
        }
    };
    wait::until(&format!("{application} to end"), bound, look)
        .await
        .unwrap()
}

/// The id of an application's only job, once all of it runs; `overview` is what its master says of its jobs.
pub(crate) async fn running_job<F>(application: &str, bound: Duration, overview: impl Fn() -> F) -> String
where
    F: Future<Output = Result<Value, String>>,
{
    let look = || async {
        let jobs = overview().await?;
        let job = &jobs["jobs"][0];
        if job["state"] == "RUNNING" && job["tasks"]["running"] == job["tasks"]["total"] {
            Ok(job["jid"].as_str().unwrap().to_owned())
        } else {
            Err(jobs.to_string())
        }
    };
    wait::until(&format!("the job of {application} to run"), bound, look)
        .await
        .unwrap()
}
