//! The example `distributed-shell` and Hadoop's own, and what a user sees of a run.

use std::path::PathBuf;

use selvedge_it::bed::Bed;
use selvedge_it::cli::example_binary;
use yarn_rest::model::{Application, ApplicationState, FinalApplicationStatus};
use yarn_rest::rm::ApplicationFilter;

use super::BOUND;
use super::master::rest_client;

const HADOOPS_JAR: &str = "hadoop-yarn-applications-distributedshell-3.4.2.jar";
const HADOOPS_CLIENT: &str = "org.apache.hadoop.yarn.applications.distributedshell.Client";

/// What a user sees of a run.
#[derive(Debug, PartialEq)]
pub(super) struct Run {
    pub(super) exit_code: Option<i32>,
    pub(super) state: ApplicationState,
    pub(super) final_status: Option<FinalApplicationStatus>,
    pub(super) queue: Option<String>,
    pub(super) priority: Option<i64>,
    /// Up to the diagnostics of the containers, which hold their ids and Java's stack.
    pub(super) diagnostics: String,
    /// Of each container but the ApplicationMaster's, sorted.
    pub(super) outputs: Vec<String>,
}

/// Both at the same time: ours, then Hadoop's.
pub(super) async fn run_both(bed: &Bed, options: &[&str]) -> (Run, Run) {
    // A JVM wants more memory than the master needs in Rust.
    let common = |name| [&["-appname", name, "-master_memory", "512"], options].concat();
    let jar = bed.hadoop_jars().join(HADOOPS_JAR).display().to_string();
    let hadoops_options = [common("java"), vec!["-jar", &jar]].concat();
    let class_path = format!("{}:{}/*", bed.hadoop_conf_dir().display(), bed.hadoop_jars().display());
    let java = [
        "-Xmx128m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-cp",
        &class_path,
        HADOOPS_CLIENT,
    ];
    let hadoops_arguments = [&java, hadoops_options.as_slice()].concat();
    let ours_arguments = common("rust");
    tokio::join!(
        ours(bed, "rust", &ours_arguments),
        run(bed, bed.java_home().join("bin/java"), "java", &hadoops_arguments)
    )
}

pub(super) async fn ours(bed: &Bed, name: &str, arguments: &[&str]) -> Run {
    run(bed, example_binary("distributed-shell"), name, arguments).await
}

/// Runs a client to its end, and gathers what there is to see.
async fn run(bed: &Bed, program: PathBuf, name: &str, arguments: &[&str]) -> Run {
    let before = applications(bed, name).await.len();
    let mut command = tokio::process::Command::from(bed.command(program));
    command.args(arguments).kill_on_drop(true);
    let output = tokio::time::timeout(BOUND, command.output()).await.unwrap().unwrap();
    let all = applications(bed, name).await;
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(all.len(), before + 1, "{arguments:?}: {said}");
    let report = all.into_iter().max_by_key(|application| application.id).unwrap();
    let logs = bed.container_logs(&report.id.to_string()).unwrap();
    // Only the ApplicationMaster's log files have other names.
    let mut outputs: Vec<_> = logs
        .iter()
        .filter(|log| log.file == "stdout")
        .map(|log| log.text().unwrap())
        .collect();
    outputs.sort();
    let diagnostics = report.diagnostics.unwrap_or_default();
    Run {
        exit_code: output.status.code(),
        state: report.state,
        final_status: report.final_status,
        queue: report.queue,
        priority: report.priority,
        diagnostics: diagnostics
            .split(", diagnostics")
            .next()
            .unwrap_or_default()
            .trim()
            .to_owned(),
        outputs,
    }
}

pub(super) async fn applications(bed: &Bed, name: &str) -> Vec<Application> {
    let filter = ApplicationFilter {
        name: Some(name.to_owned()),
        ..ApplicationFilter::default()
    };
    rest_client(bed).applications(&filter).await.unwrap()
}
