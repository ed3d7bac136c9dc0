//! The example `distributed-shell`, beside Hadoop's own in the same run.

use selvedge_it::bed::Bed;
use selvedge_it::cli::example_binary;
use selvedge_it::wait;
use yarn_common::id::ApplicationId;
use yarn_rest::model::{ApplicationState, FinalApplicationStatus};

use super::super::BOUND;
use super::super::shell::{applications, ours, run_both};

#[tokio::test]
async fn it_runs_and_reports_what_hadoops_runs_and_reports() {
    let bed = super::bed().await;
    let options = [
        ["-queue", "other"],
        ["-priority", "0"],
        ["-num_containers", "3"],
        ["-container_memory", "128"],
        ["-container_vcores", "1"],
        ["-shell_env", "GREETING=hello"],
        ["-shell_command", "echo"],
        ["-shell_args", "$GREETING from shell $YARN_SHELL_ID"],
    ];
    let (ours, hadoops) = run_both(&bed, options.as_flattened()).await;
    assert_eq!(ours, hadoops);
    assert_eq!(
        (ours.exit_code, ours.final_status),
        (Some(0), Some(FinalApplicationStatus::Succeeded))
    );
    let lines = [1, 2, 3].map(|shell| format!("hello from shell {shell}\n"));
    assert_eq!(ours.outputs, lines);
}

#[tokio::test]
async fn it_fails_as_hadoops_fails() {
    let bed = super::bed().await;
    let options = [
        ["-num_containers", "2"],
        ["-container_memory", "128"],
        ["-shell_command", "exit $((YARN_SHELL_ID - 1))"],
    ];
    let (ours, hadoops) = run_both(&bed, options.as_flattened()).await;
    assert_eq!(ours, hadoops);
    assert_eq!(
        (ours.exit_code, ours.final_status),
        (Some(2), Some(FinalApplicationStatus::Failed))
    );
}

#[tokio::test]
async fn node_managers_start_a_command_again_where_it_is_wanted_as_hadoops_do() {
    let bed = super::bed().await;
    let command = "if [ -e earlier ]; then cat earlier; else echo tried > earlier; exit 3; fi";
    let options = [
        ["-num_containers", "2"],
        ["-container_memory", "128"],
        ["-container_retry_policy", "2"],
        ["-container_retry_error_codes", "3,4"],
        ["-container_max_retries", "2"],
        ["-container_retry_interval", "1000"],
        ["-container_failures_validity_interval", "600000"],
        ["-shell_command", command],
    ];
    let (ours, hadoops) = run_both(&bed, options.as_flattened()).await;
    assert_eq!(ours, hadoops);
    assert_eq!(ours.exit_code, Some(0));
    // The second try saw what the first had left, so it was in the same container and directory.
    assert_eq!(ours.outputs, ["tried\n", "tried\n"]);
}

#[tokio::test]
async fn retries_end_as_hadoops_end() {
    let bed = super::bed().await;
    let scratch = bed.scratch().join("retries");
    std::fs::create_dir(&scratch).unwrap();
    let command = format!("echo tried >> {}/$CONTAINER_ID; exit 5", scratch.display());
    let options = [
        ["-container_memory", "128"],
        ["-container_retry_policy", "1"],
        ["-container_max_retries", "1"],
        ["-shell_command", &command],
    ];
    let (ours, hadoops) = run_both(&bed, options.as_flattened()).await;
    assert_eq!(ours, hadoops);
    assert_eq!(
        (ours.exit_code, ours.final_status),
        (Some(2), Some(FinalApplicationStatus::Failed))
    );
    let tries = std::fs::read_dir(&scratch).unwrap().map(|file| {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        text.lines().count()
    });
    assert_eq!(
        tries.collect::<Vec<_>>(),
        [2, 2],
        "once and once again, in ours and in Hadoop's"
    );
}

#[tokio::test]
async fn a_script_runs_where_and_as_it_is_wanted() {
    let bed = super::bed().await;
    let script = bed.scratch().join("told.sh");
    std::fs::write(&script, "echo shell $YARN_SHELL_ID of $1\n").unwrap();
    let script = script.display().to_string();
    let options = [
        ["-appname", "script"],
        ["-application_tags", "told,twice"],
        ["-master_resources", "memory-mb=256,vcores=1"],
        ["-container_resources", "memory-mb=1G,vcores=2"],
        ["-num_containers", "2"],
        ["-hosts", "127.0.0.2"],
        ["-shell_script", &script],
        ["-shell_args", "two"],
    ];
    let run = ours(&bed, "script", options.as_flattened()).await;
    assert_eq!(run.exit_code, Some(0), "{run:?}");
    assert_eq!(run.outputs, [1, 2].map(|shell| format!("shell {shell} of two\n")));
    let report = applications(&bed, "script").await.remove(0);
    let tags: Vec<_> = report.application_tags.iter().map(String::as_str).collect();
    assert_eq!(tags, ["told", "twice"]);
}

#[tokio::test]
async fn options_that_make_no_sense_are_refused_before_anything_is_submitted() {
    let bed = super::bed().await;
    let cases: [(&[&str], i32, &str); 7] = [
        (&["-log_properties", "log4j.properties"], 2, "does not have"),
        (&["-jar", "shell.jar"], 2, "stages itself"),
        (&["-container_type", "BEST_EFFORT"], 2, "OPPORTUNISTIC"),
        (&["-container_resources", "memory-mb=much"], 2, "no amount of memory-mb"),
        (&["-container_retry_policy", "3"], 2, "-container_retry_policy"),
        (
            &["-container_retry_policy", "2", "-container_max_retries", "1"],
            1,
            "no exit code is named",
        ),
        (&["-container_resources", "yarn.io/gpu=1"], 1, "yarn.io/gpu"),
    ];
    for (arguments, code, expected) in cases {
        let arguments = [&["-appname", "senseless", "-shell_command", "true"], arguments].concat();
        let mut command = tokio::process::Command::from(bed.command(example_binary("distributed-shell")));
        let output = command.args(&arguments).kill_on_drop(true).output();
        let output = tokio::time::timeout(BOUND, output).await.unwrap().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
    assert_eq!(applications(&bed, "senseless").await, []);
}

#[tokio::test]
async fn an_application_that_waits_for_a_node_until_its_time_is_up_is_killed() {
    let bed = super::bed().await;
    let options = [
        ["-appname", "late"],
        ["-timeout", "4000"],
        ["-container_memory", "128"],
        ["-hosts", "127.0.0.99"],
        ["-shell_command", "echo"],
        ["-shell_args", "on another node than was asked for"],
    ];
    let options = [options.as_flattened(), &["-strict_locality"]].concat();
    let late = ours(&bed, "late", &options).await;
    assert_eq!((late.exit_code, late.state), (Some(2), ApplicationState::Killed));
    assert_eq!(late.outputs, [] as [String; 0]);
    // What was staged for it is gone.
    let id = applications(&bed, "late").await[0].id;
    let staged = format!("/user/alice/DistributedShell/{id}");
    assert_eq!(bed.hdfs().unwrap().status(&staged).await.unwrap(), None);
}

#[tokio::test]
async fn a_label_that_the_cluster_does_not_have_is_refused_and_leaves_nothing() {
    let bed = super::bed().await;
    let mut command = tokio::process::Command::from(bed.command(example_binary("distributed-shell")));
    command.args([
        "-shell_command",
        "true",
        "-node_label_expression",
        "gold",
        "-appname",
        "labelled",
    ]);
    let output = tokio::time::timeout(BOUND, command.kill_on_drop(true).output())
        .await
        .unwrap()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("InvalidLabelResourceRequestException"), "{said}");
    assert_eq!(applications(&bed, "labelled").await, []);
}

#[tokio::test]
async fn containers_outlive_their_application_master_where_it_is_wanted() {
    let bed = super::bed().await;
    let release = bed.scratch().join("release-kept");
    let command = format!("until [ -e {} ]; do sleep 0.1; done; echo kept", release.display());
    let options = [
        ["-appname", "kept"],
        ["-container_memory", "128"],
        ["-shell_command", &command],
    ];
    let mut arguments = options.as_flattened().to_vec();
    arguments.push("-keep_containers_across_application_attempts");
    let kept = ours(&bed, "kept", &arguments);
    let outage = async {
        let id = running(&bed, "kept").await;
        let [master, worker] = processes(&bed, id).await;
        let pid = rustix::process::Pid::from_raw(master).unwrap();
        rustix::process::kill_process_group(pid, rustix::process::Signal::KILL).unwrap();
        adopted(&bed, id).await;
        assert_eq!(processes(&bed, id).await[1], worker);
        std::fs::write(&release, "").unwrap();
    };
    let (kept, ()) = tokio::join!(kept, outage);
    assert_eq!(
        (kept.exit_code, kept.outputs.as_slice()),
        (Some(0), ["kept\n".to_owned()].as_slice())
    );
}

async fn running(bed: &Bed, name: &str) -> ApplicationId {
    let look = || async {
        let all = applications(bed, name).await;
        let running = all
            .iter()
            .find(|application| application.state == ApplicationState::Running);
        running.map(|application| application.id).ok_or(format!("{all:?}"))
    };
    wait::until(&format!("{name} to run"), BOUND, look).await.unwrap()
}

/// The process of the ApplicationMaster's container, then that of the other one, once both live.
async fn processes(bed: &Bed, id: ApplicationId) -> [i32; 2] {
    let look = || async {
        let all = bed.container_processes(&id.to_string()).unwrap();
        let (masters, others): (Vec<_>, Vec<_>) =
            all.iter().partition(|process| process.container.ends_with("_000001"));
        match (masters.as_slice(), others.as_slice()) {
            ([master], [other]) => Ok([master.pid, other.pid]),
            _ => Err(format!("{all:?}")),
        }
    };
    wait::until(&format!("the two containers of {id}"), BOUND, look)
        .await
        .unwrap()
}

/// The second ApplicationMaster has found the container of the first.
async fn adopted(bed: &Bed, id: ApplicationId) {
    let look = || async {
        let logs = bed.container_logs(&id.to_string()).unwrap();
        let masters = logs.iter().filter(|log| log.file == "AppMaster.stdout");
        let said: Vec<_> = masters.map(|log| log.text().unwrap_or_default()).collect();
        let is_adopted = said
            .iter()
            .any(|text| text.contains("1 containers of earlier attempts"));
        if is_adopted { Ok(()) } else { Err(format!("{said:?}")) }
    };
    wait::until(&format!("{id} to find its container"), BOUND, look)
        .await
        .unwrap();
}
