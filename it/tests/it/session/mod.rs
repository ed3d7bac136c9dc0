//! Session clusters on the local target, in processes of their own.

mod artifacts;
mod jobs;
mod killed;
mod leaks;
mod programs;
mod remote;

use selvedge_core::{JobGraph, JobId};
use selvedge_it::cli::BOUND;
use selvedge_it::session::{SessionOptions, SessionProcess};
use selvedge_it::wait;
use serde_json::Value;

use crate::folder::Folder;

/// A session whose stores and log are in a folder.
async fn session(folder: &Folder, halt: Option<&str>, settings: &[&str]) -> SessionProcess {
    let own = [
        format!("high-availability.storageDir={}", folder.path("ha").display()),
        format!("io.tmp.dirs={}", folder.path("tmp").display()),
        "slotmanager.requirement-check.delay=10 ms".to_owned(),
    ];
    let options = SessionOptions {
        settings: own
            .into_iter()
            .chain(settings.iter().map(|&setting| setting.to_owned()))
            .collect(),
        halt: halt.map(str::to_owned),
        log: Some(folder.path("session.log")),
    };
    SessionProcess::start(&options).await.unwrap()
}

fn graph(job: &Value) -> JobGraph {
    serde_json::from_value(job.clone()).unwrap()
}

const fn id(number: u8) -> JobId {
    JobId::from_bytes([number; 16])
}

/// Waits until the job is in this state.
async fn until_is(session: &SessionProcess, job: JobId, state: &str) {
    let looks = || async {
        match session.rest().job(job).await {
            Ok(details) if details.state == state => Ok(()),
            Ok(details) => Err(details.state),
            Err(error) => Err(error.to_string()),
        }
    };
    wait::until(&format!("job {job} to be {state}"), BOUND, looks)
        .await
        .unwrap();
}

/// Waits until the cluster's overview shows these.
async fn until_overview(session: &SessionProcess, expected: &[(&str, u64)]) -> Value {
    let url = format!("http://{}/overview", session.address());
    let looks = || async {
        let overview: Value = reqwest::get(&url).await.unwrap().json().await.unwrap();
        match expected.iter().all(|(key, value)| overview[key] == *value) {
            true => Ok(overview),
            false => Err(overview.to_string()),
        }
    };
    wait::until(&format!("the cluster to show {expected:?}"), BOUND, looks)
        .await
        .unwrap()
}
