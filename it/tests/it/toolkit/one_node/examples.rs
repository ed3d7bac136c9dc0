//! The small examples.

use std::process::Stdio;

use selvedge_it::bed::Bed;
use selvedge_it::cli::{TERMINAL_COLUMNS, TERMINAL_ROWS, example_binary};
use selvedge_it::wait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use yarn_common::launch::{ContainerLaunchContext, quote_argument, redirect_to_log_dir};
use yarn_common::resource::Resource;
use yarn_common::submission::ApplicationSubmissionContext;
use yarn_rest::model::{Application, FinalApplicationStatus};

use super::super::BOUND;
use super::super::master::{Master, rest_client};

/// What clears a terminal, before each picture.
const CLEAR: &[u8] = b"\x1b[2J";

const README: &str = include_str!("../../../../../yarn-rpc/README.md");
const HELLO_AM: &str = include_str!("../../../../../yarn-rpc/examples/hello-am.rs");

#[test]
fn the_readme_of_yarn_rpc_shows_the_hello_am_that_is_tested() {
    let program = HELLO_AM.split_once("\n\n").map(|(_, program)| program).unwrap();
    assert!(
        README.contains(&format!("```rust,no_run\n{program}```")),
        "README.md lacks hello-am.rs as it is"
    );
    assert!(HELLO_AM.lines().count() <= 60);
}

#[tokio::test]
async fn hello_am_runs_a_container_and_succeeds() {
    let bed = super::bed().await;
    let rest = rest_client(&bed);
    let id = rest.new_application().await.unwrap().application_id;
    let program = example_binary("hello-am").display().to_string();
    let command = format!("exec {}", quote_argument(&program).unwrap());
    let container = ContainerLaunchContext {
        commands: vec![redirect_to_log_dir(&command, "master", "master-errors")],
        ..ContainerLaunchContext::default()
    };
    let application = ApplicationSubmissionContext::new(id, "hello", Resource::new(128, 1), container);
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
    assert_eq!(
        report.final_status,
        Some(FinalApplicationStatus::Succeeded),
        "{report:?}"
    );
    assert_eq!(report.diagnostics.as_deref(), Some("the process ended well"));
    let logs = bed.container_logs(&id.to_string()).unwrap();
    let said = logs.iter().find(|log| log.file == "stdout").unwrap().text().unwrap();
    assert!(
        said.starts_with("hello from container_") && said.ends_with("_000002\n"),
        "{said}"
    );
}

#[tokio::test]
async fn submit_am_brings_hello_am_to_the_cluster_and_to_its_end() {
    let bed = super::bed().await;
    let mut command = tokio::process::Command::from(bed.command(example_binary("submit-am")));
    let output = command.arg(example_binary("hello-am")).output().await.unwrap();
    let (said, errors) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{said}{errors}");
    let (id, end) = said.trim().split_once(' ').unwrap();
    assert_eq!(end, "Some(Succeeded) the process ended well", "{said}{errors}");
    let staging = format!("/user/{}/.staging/{id}", bed.user());
    let left = bed.hdfs().unwrap().status(&staging).await.unwrap();
    assert!(left.is_none(), "{left:?}");
}

#[tokio::test]
async fn yarn_top_shows_queues_applications_and_nodes() {
    let bed = super::bed().await;
    let master = Master::register(&bed, "other").await;
    master.containers(1, 512, 2).await;
    let picture = yarn_top(&bed).await;
    let line = |start: &str| {
        let line = picture.lines().map(str::trim).find(|line| line.starts_with(start));
        line.unwrap_or_else(|| panic!("nothing begins with {start:?} in\n{picture}"))
            .split_whitespace()
    };
    let summary: Vec<_> = line("nodes").collect();
    assert_eq!(
        summary[..10],
        ["nodes", "1", "of", "1", "memory", "1024", "of", "6144", "MB", "cores"],
        "{picture}"
    );
    let queue: Vec<_> = line("root.other").collect();
    assert_eq!(queue[..4], ["root.other", "RUNNING", "50.0", "%"], "{picture}");
    assert!(line("root.default").next().is_some());
    let application: Vec<_> = line(&master.id.to_string()).skip(1).collect();
    assert_eq!(
        application[..5],
        ["alice", "toolkit", "root.other", "RUNNING", "50"],
        "{picture}"
    );
    assert_eq!(application[6..9], ["2", "1024", "2"], "{picture}");
    let node: Vec<_> = line(&bed.node_managers()[0].node_id).skip(1).collect();
    assert_eq!(
        node,
        ["RUNNING", "/default-rack", "2", "1024", "6144", "2", "8"],
        "{picture}"
    );
    master.finish().await;
}

#[tokio::test]
async fn yarn_top_on_a_terminal_changes_in_place_until_it_is_interrupted_and_leaves_the_terminal_as_it_was() {
    let bed = super::bed().await;
    let mut command = tokio::process::Command::from(bed.command("script"));
    let program = quote_argument(&example_binary("yarn-top").display().to_string()).unwrap();
    let line = format!("stty rows {TERMINAL_ROWS} cols {TERMINAL_COLUMNS}; exec {program} --interval 1");
    command
        .args(["-q", "-e", "-f", "-c", &line, "/dev/null"])
        .envs([("TERM", "xterm"), ("SHELL", "/bin/sh")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    let mut running = command.spawn().unwrap();
    let (mut keyboard, mut output) = (running.stdin.take().unwrap(), running.stdout.take().unwrap());
    let mut terminal = vt100::Parser::new(TERMINAL_ROWS, TERMINAL_COLUMNS, 0);
    let mut said = Vec::new();
    let two_pictures = async {
        while said.windows(CLEAR.len()).filter(|part| *part == CLEAR).count() < 2 {
            let from = said.len();
            assert_ne!(
                output.read_buf(&mut said).await.unwrap(),
                0,
                "{}",
                terminal.screen().contents()
            );
            terminal.process(&said[from..]);
        }
    };
    tokio::time::timeout(BOUND, two_pictures).await.unwrap();
    assert!(terminal.screen().alternate_screen() && terminal.screen().hide_cursor());
    // As Ctrl-C does.
    keyboard.write_all(b"\x03").await.unwrap();
    let rest = async {
        let mut rest = Vec::new();
        output.read_to_end(&mut rest).await.unwrap();
        (rest, running.wait().await.unwrap())
    };
    let (rest, status) = tokio::time::timeout(BOUND, rest).await.unwrap();
    terminal.process(&rest);
    let pictures = [said, rest].concat();
    let pictures = String::from_utf8_lossy(&pictures);
    assert!(pictures.matches("root.other").count() >= 1, "{pictures}");
    assert_eq!(status.code(), Some(0), "{pictures}");
    assert!(!terminal.screen().alternate_screen() && !terminal.screen().hide_cursor());
    assert!(!terminal.screen().contents().contains("root."), "{pictures}");
}

async fn yarn_top(bed: &Bed) -> String {
    let mut command = tokio::process::Command::from(bed.command(example_binary("yarn-top")));
    command.arg("--once").kill_on_drop(true);
    let output = tokio::time::timeout(BOUND, command.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}
