//! Releases of Hadoop other than the shared bed's.

use selvedge_it::bed::{Bed, BedOptions, HadoopVersion};
use selvedge_it::wait;
use yarn_common::resource::Resource;
use yarn_common::submission::ApplicationSubmissionContext;
use yarn_rest::model::{Application, FinalApplicationStatus};
use yarn_rest::nm::LogRange;

use super::BOUND;
use super::master::{containers_live_and_end, rest_client, script_context};
use super::variant::Variant;

#[tokio::test]
async fn hadoop_2_10_2_runs_what_is_submitted_over_rest_and_asked_for_over_ipc() {
    run_on(HadoopVersion::V2_10).await;
}

#[tokio::test]
async fn hadoop_3_3_6_runs_what_is_submitted_over_rest_and_asked_for_over_ipc() {
    run_on(HadoopVersion::V3_3).await;
}

#[tokio::test]
async fn hadoop_3_5_0_runs_what_is_submitted_over_rest_and_asked_for_over_ipc() {
    run_on(HadoopVersion::V3_5).await;
}

async fn run_on(version: HadoopVersion) {
    let bed = Variant::of(BedOptions::of_hadoop(version).with_one_quick_node()).await;
    let info = rest_client(&bed).info().await.unwrap();
    assert_eq!(info.hadoop_version.as_deref(), Some(version.as_str()));
    tokio::join!(a_shell_is_submitted(&bed), containers_live_and_end(&bed));
}

/// A command that never registers has failed for YARN; its exit code is in the diagnostics.
async fn a_shell_is_submitted(bed: &Bed) {
    let rest = rest_client(bed);
    let id = rest.new_application().await.unwrap().application_id;
    let context = script_context("echo \"in $CONTAINER_ID\"; exit 3");
    let mut application = ApplicationSubmissionContext::new(id, "shell", Resource::new(128, 1), context);
    application.max_app_attempts = Some(1);
    application.tags.insert("of-the-toolkit".to_owned());
    rest.submit(&application).await.unwrap();
    let look = || async {
        let report: Application = rest.application(id).await.map_err(|error| error.to_string())?;
        if report.state.is_final() {
            Ok(report)
        } else {
            Err(format!("{report:?}"))
        }
    };
    let report = wait::until(&format!("the end of {id}"), BOUND, look).await.unwrap();
    assert_eq!(report.final_status, Some(FinalApplicationStatus::Failed), "{report:?}");
    assert_eq!(report.application_tags, ["of-the-toolkit"]);
    assert!(
        report
            .diagnostics
            .as_deref()
            .unwrap_or_default()
            .contains("exitCode: 3"),
        "{report:?}"
    );
    let attempts = rest.attempts(id).await.unwrap();
    let container = attempts[0].container_id.unwrap();
    let node = rest.node_manager(&bed.node_managers()[0].web).unwrap();
    let log = node.log(container, "stdout", LogRange::All).await.unwrap();
    assert_eq!(log.text.trim(), format!("in {container}"));
}
