//! Commands that run something refuse a configuration with mistakes, before they do anything.

use std::path::PathBuf;

use selvedge_it::cli::Selvedge;

use crate::folder::Folder;
use crate::jobs;

fn job(folder: &Folder) -> PathBuf {
    let chain = [jobs::numbers("make", Some(10), None), jobs::blackhole("drop")];
    folder.job(&jobs::job(&[jobs::vertex("all", &chain)], &[]))
}

#[tokio::test]
async fn run_and_info_refuse_an_unknown_key_and_a_wrong_value_with_file_line_and_value() {
    let folder = Folder::new();
    let job = job(&folder);
    folder.write(
        "conf/config.yaml",
        "# a comment\ntaskmanager:\n  numberOfTaskSlot: 7\nheartbeat.timeout: soon\n",
    );
    for command in ["run", "info"] {
        let outcome = Selvedge::new(command)
            .arg("--configDir")
            .arg(folder.path("conf"))
            .arg(&job)
            .run()
            .await;
        outcome.ended_with(3).assert_no_stack().assert_says(&[
            "config.yaml, line 3",
            "taskmanager.numberOfTaskSlot",
            "'7'",
            "did you mean taskmanager.numberOfTaskSlots?",
            "config.yaml, line 4",
            "heartbeat.timeout: 'soon'",
        ]);
        let option = Selvedge::new(command)
            .arg("-Dyarn.application.nmae=x")
            .arg(&job)
            .run()
            .await;
        option
            .ended_with(3)
            .assert_says(&["the command line", "yarn.application.name"]);
    }
}

#[tokio::test]
async fn a_flink_users_file_runs_a_job_and_each_oddity_of_it_is_told_once() {
    let folder = Folder::new();
    let job = job(&folder);
    let file = "env.java.opts.all: -Xss1m\nakka.ask.timeout: 20 s\nblob.client.connect.timeout: 9\n\
                jobmanager.memory.process.size: 1600m\ntaskmanager.memory.process.size: 1728m\n";
    folder.write("conf/flink-conf.yaml", file);
    let run = Selvedge::new("run")
        .current_dir(folder.root())
        .env("SELVEDGE_CONF_DIR", folder.path("conf"))
        .arg(&job);
    let outcome = run.run().await.ended_with(0);
    outcome.assert_says(&["FINISHED"]);
    for told in [
        "env.java.opts.all: it has no meaning here",
        "akka.ask.timeout: it is a former name",
        "blob.client.connect.timeout: it is not in effect",
    ] {
        assert_eq!(outcome.stderr.matches(told).count(), 1, "{told}: {}", outcome.stderr);
    }
    assert_eq!(outcome.stderr.matches("warning: ").count(), 3, "{}", outcome.stderr);
}
