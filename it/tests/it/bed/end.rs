//! The end of a bed whose owner had no time to say goodbye.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use procfs::process::{Process, all_processes};
use selvedge_it::bed::is_alive;
use selvedge_it::wait;
use serde_json::Value;

use super::BOUND;
use super::shell::ShellApplication;

const PROGRAM: &str = env!("CARGO_BIN_EXE_selvedge-bed");

/// Killed when dropped, so that a failing test leaves no bed either.
struct Owner(Child);

impl Drop for Owner {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A process that owns a bed in `root`, and runs a shell beside it.
fn owner(root: &Path) -> (Owner, PathBuf) {
    let script = "echo $SELVEDGE_BED_SCRATCH; exec sleep 600";
    let owner = Command::new(PROGRAM)
        .args(["run", "--node-managers", "1", "--", "/bin/sh", "-c", script])
        .env("TMPDIR", root)
        .stdout(Stdio::piped())
        .spawn();
    let mut owner = Owner(owner.unwrap());
    let mut line = String::new();
    BufReader::new(owner.0.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let scratch = PathBuf::from(line.trim());
    assert!(scratch.is_dir(), "{line}");
    (owner, scratch)
}

/// All that works in the bed's folder (daemons and containers) or was started with its name (the supervisor).
fn processes_of(scratch: &Path) -> Vec<i32> {
    let name = scratch.to_str().unwrap();
    let is_its = |process: &Process| {
        process.cwd().is_ok_and(|cwd| cwd.starts_with(scratch))
            || process
                .cmdline()
                .is_ok_and(|arguments| arguments.iter().any(|argument| argument.contains(name)))
    };
    let living = all_processes()
        .unwrap()
        .flatten()
        .filter(is_its)
        .map(|process| process.pid);
    living.filter(|pid| is_alive(*pid)).collect()
}

/// Starts a container of two processes, one in a session of its own, as a container's daemon would be: killing the
/// container's process group misses it. Gives all processes of the bed once both run.
async fn run_a_container(scratch: &Path) -> Vec<i32> {
    let bed: Value = serde_json::from_slice(&std::fs::read(scratch.join("bed.json")).unwrap()).unwrap();
    let script = "setsid sleep 601 & exec sleep 602";
    let application = ShellApplication::submit_to(bed["rm_webs"][0].as_str().unwrap(), "alice", script).await;
    let both_run = || async {
        let running = processes_of(scratch);
        let sleeps = running.iter().filter(|pid| is_sleep(**pid)).count();
        if sleeps == 2 {
            Ok(running)
        } else {
            Err(format!("{sleeps} sleeps of {running:?}"))
        }
    };
    wait::until(&format!("the container of {application}"), BOUND, both_run)
        .await
        .unwrap()
}

fn is_sleep(pid: i32) -> bool {
    let arguments = Process::new(pid)
        .and_then(|process| process.cmdline())
        .unwrap_or_default();
    arguments.first().is_some_and(|name| name == "sleep")
}

#[tokio::test]
async fn a_bed_whose_owner_is_killed_leaves_no_process_and_no_file() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().to_path_buf();
    let (owner, scratch) = tokio::task::spawn_blocking(move || owner(&path)).await.unwrap();
    let running = run_a_container(&scratch).await;
    // A supervisor, four daemons, the container's shells and sleeps.
    assert!(running.len() >= 7, "{running:?}");
    drop(owner);
    let nothing_left = || async {
        let left: Vec<_> = running.iter().copied().filter(|pid| is_alive(*pid)).collect();
        let found = processes_of(&scratch);
        let gone = left.is_empty() && found.is_empty() && !scratch.exists();
        if gone {
            Ok(())
        } else {
            Err(format!("{left:?} {found:?}, folder: {}", scratch.exists()))
        }
    };
    wait::until("the bed to be gone", BOUND, nothing_left).await.unwrap();
}

#[tokio::test]
async fn after_a_killed_supervisor_the_daemons_are_gone_and_the_next_use_ends_the_containers() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().to_path_buf();
    let (owner, scratch) = tokio::task::spawn_blocking(move || owner(&path)).await.unwrap();
    let running = run_a_container(&scratch).await;
    let is_supervisor = |pid: &i32| {
        let arguments = Process::new(*pid)
            .and_then(|process| process.cmdline())
            .unwrap_or_default();
        arguments.get(1).is_some_and(|argument| argument == "supervise")
    };
    let supervisor = running.iter().copied().find(is_supervisor).unwrap();
    let supervisor = rustix::process::Pid::from_raw(supervisor).unwrap();
    rustix::process::kill_process(supervisor, rustix::process::Signal::KILL).unwrap();
    let only_the_container_is_left = || async {
        let daemons: Vec<_> = running
            .iter()
            .copied()
            .filter(|pid| is_alive(*pid) && is_java(*pid))
            .collect();
        if daemons.is_empty() {
            Ok(())
        } else {
            Err(format!("{daemons:?}"))
        }
    };
    wait::until("the daemons to be gone", BOUND, only_the_container_is_left)
        .await
        .unwrap();
    assert_eq!(processes_of(&scratch).iter().filter(|pid| is_sleep(**pid)).count(), 2);
    drop(owner);

    let down = Command::new(PROGRAM)
        .arg("down")
        .env("TMPDIR", root.path())
        .output()
        .unwrap();
    assert!(
        String::from_utf8_lossy(&down.stderr).contains("no bed is up"),
        "{down:?}"
    );
    let nothing_left = || async {
        let found = processes_of(&scratch);
        if found.is_empty() {
            Ok(())
        } else {
            Err(format!("{found:?}"))
        }
    };
    wait::until("the containers to be gone", BOUND, nothing_left)
        .await
        .unwrap();
    // What has happened can be read in the logs; the data are gone.
    assert!(scratch.join("logs/nodemanager-0.log").is_file() && !scratch.join("data").exists());
}

fn is_java(pid: i32) -> bool {
    let arguments = Process::new(pid)
        .and_then(|process| process.cmdline())
        .unwrap_or_default();
    arguments.first().is_some_and(|name| name.ends_with("/bin/java"))
}
