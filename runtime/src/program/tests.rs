//! Programs as users write them: scripts, run for real.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use tokio_util::sync::CancellationToken;

use super::*;

const GRAPH: &str =
    r#"{"name": "j", "vertices": [{"id": "a", "chain": [{"id": "drop", "operator": "blackhole-sink"}]}]}"#;
/// Writes a graph to the descriptor that it is told.
const PRINT: &str = r#"print() { echo "$1" >&"$SELVEDGE_JOB_GRAPH_OUT"; }"#;
const BOUND: Duration = Duration::from_secs(60);

/// A script, as the shell is given it: a file that other tests' processes may still hold open cannot be run.
fn script(lines: &str) -> Program {
    let arguments = ["-c", &format!("{PRINT}\n{lines}"), "job", "two words", GRAPH];
    Program {
        path: PathBuf::from("/bin/sh"),
        arguments: arguments.map(OsString::from).into(),
        rest_url: None,
        timeout: None,
        own_group: true,
    }
}

async fn run(program: &Program) -> Result<Printed, ProgramError> {
    let ended = program.run(std::future::pending());
    tokio::time::timeout(BOUND, ended).await.expect("the program ends")
}

async fn message(lines: &str) -> String {
    let program = script(lines);
    match run(&program).await {
        Err(error) => error.to_string(),
        Ok(printed) => match printed.graph(1) {
            Err(error) => error.to_string(),
            Ok(graph) => panic!("{graph:?}"),
        },
    }
}

#[tokio::test]
async fn a_program_gets_its_arguments_and_prints_its_graph() {
    let program = script(r#"[ "$1" = "two words" ] && [ -z "$SELVEDGE_REST_URL" ] && print "$2""#);
    let graph = run(&program).await.unwrap().graph(3).unwrap().unwrap();
    assert_eq!((graph.name.as_str(), graph.vertices[0].parallelism), ("j", 3));
}

#[tokio::test]
async fn a_program_that_prints_nothing_may_have_submitted_to_the_endpoint_that_it_was_told() {
    let mut program = script(r#"[ "$SELVEDGE_REST_URL" = http://h:1 ]"#);
    program.rest_url = Some("http://h:1".to_owned());
    let printed = run(&program).await.unwrap();
    assert_eq!(printed.graph(1).unwrap(), None);
    let told = printed.no_job().to_string();
    assert!(told.contains("nor did it submit one to http://h:1"), "{told}");
}

#[tokio::test]
async fn what_is_wrong_with_a_program_is_told_with_its_last_lines() {
    for (lines, says) in [
        (
            "echo working; echo broken >&2; exit 3",
            &["ended with exit code 3", "\n  working", "\n  broken"][..],
        ),
        ("kill -9 $$", &["ended with signal 9; it has written nothing"]),
        (
            r#"echo both; print "$2"; print "$2""#,
            &["printed 2 JobGraphs", "exactly one", "\n  both"],
        ),
        ("print hello", &["is not JSON", "one JobGraph belongs there"]),
        ("print '{\"name\": 1}'", &["printed no JobGraph", "schema job-graph"]),
    ] {
        let told = message(lines).await;
        for part in says {
            assert!(told.contains(part), "{told}");
        }
    }
}

#[tokio::test]
async fn a_file_that_is_no_program_of_this_machine_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = script("");
    program.path = folder.path().join("job.sh");
    fs::write(&program.path, "#!/no/such/interpreter\n").unwrap();
    fs::set_permissions(&program.path, fs::Permissions::from_mode(0o755)).unwrap();
    let told = run(&program).await.unwrap_err().to_string();
    assert!(
        told.contains("cannot be started") && told.contains("interpreter"),
        "{told}"
    );
}

#[tokio::test]
async fn a_program_that_hangs_is_ended_with_all_that_it_has_started() {
    let folder = tempfile::tempdir().unwrap();
    let written = folder.path().join("child");
    // The child holds the output open, and neither of the two listens.
    let mut program = script("trap '' TERM; sleep 600 & echo $! >\"$3\"; echo begun; sleep 600; sleep 600");
    program.arguments.push(written.clone().into());
    program.timeout = Some(Duration::from_millis(500));
    let told = run(&program).await.unwrap_err().to_string();
    assert!(told.contains("500ms (--program-timeout"), "{told}");
    // A slow machine may end it before its first line.
    let child = fs::read_to_string(written).unwrap_or_default();
    let Ok(child) = child.trim().parse::<i32>() else { return };
    let runs = || fs::read_to_string(format!("/proc/{child}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
    until(|| !runs(), "the child has ended too").await;
}

#[tokio::test]
async fn an_interrupted_program_is_told_to_end() {
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("runs");
    let mut program = script("trap 'exit 0' TERM; touch \"$3\"; while :; do sleep 0.01; done");
    program.arguments.push(runs.clone().into());
    let interrupt = CancellationToken::new();
    let begun = async {
        until(|| runs.exists(), "the program runs").await;
        interrupt.cancel();
    };
    let both = async { tokio::join!(program.run(interrupt.cancelled()), begun) };
    let (ended, ()) = tokio::time::timeout(BOUND, both).await.expect("the program ends");
    assert!(ended.unwrap_err().is_interruption());
}

#[tokio::test]
async fn an_interruption_while_the_last_output_is_awaited_counts() {
    let folder = tempfile::tempdir().unwrap();
    let process = folder.path().join("process");
    // What it leaves running holds its output open.
    let mut program = script("sleep 5 & echo $$ >\"$3.new\"; mv \"$3.new\" \"$3\"");
    program.own_group = false;
    program.arguments.push(process.clone().into());
    let interrupt = CancellationToken::new();
    let ended = async {
        until(|| process.exists(), "the program runs").await;
        let id = fs::read_to_string(&process).unwrap();
        let entry = Path::new("/proc").join(id.trim());
        until(|| !entry.exists(), "the program has ended").await;
        interrupt.cancel();
    };
    let both = async { tokio::join!(program.run(interrupt.cancelled()), ended) };
    let (outcome, ()) = tokio::time::timeout(BOUND, both).await.expect("the program ends");
    assert!(outcome.unwrap_err().is_interruption());
}

async fn until(condition: impl Fn() -> bool, what: &str) {
    let holds = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(BOUND, holds).await.expect(what);
}

#[test]
fn a_program_is_an_executable_that_does_not_begin_with_a_brace() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job");
    for (content, mode, program) in [
        ("#!/bin/sh\n", 0o755, true),
        ("#!/bin/sh\n", 0o644, false),
        ("\n  {\"name\"", 0o755, false),
        ("\u{feff}{", 0o755, false),
        ("\x7fELF", 0o700, true),
        ("", 0o755, true),
    ] {
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(is_program(&path).unwrap(), program, "{content:?} {mode:o}");
    }
    assert!(!is_program(folder.path()).unwrap(), "a directory");
    assert!(is_program(&folder.path().join("none")).is_err());
}
