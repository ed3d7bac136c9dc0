//! Every kind of application on YARN, with its client waiting or not, and what can happen to it: how YARN says that it ended, the
//! client's exit code, all that the client said, and what is left of it.

mod session;
mod transcript;

use std::fmt;

use futures::{StreamExt, stream};
use selvedge_it::cli::{BOUND, Outcome, Running, Selvedge};
use selvedge_it::wait;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use super::application::{printing, run_application};
use super::session::{endless_job, short_job};
use super::support::{Cluster, Fillers, STAGING, application_of, files_in, kill_application, kill_master};
use crate::folder::Folder;
use crate::jobs::{blackhole, job, numbers, out_runs, vertex};

/// As many applications as the bed's nodes hold with their workers.
const AT_ONCE: usize = 3;

/// What the application is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// One job.
    PerJob,
    /// A program, which prints a job.
    Application,
    /// A cluster that takes jobs.
    Session,
}

/// What its client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Client {
    Attached,
    Detached,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Succeeds,
    Fails,
    /// By Ctrl-C, or where nobody waits by `selvedge cancel`.
    Cancelled,
    /// `kill -9`, as soon as YARN has the application.
    ClientKilled,
    /// By an administrator, while it is ACCEPTED: there is no master yet.
    KilledAccepted,
    /// `kill -9` of the master as it wants to register: it is ACCEPTED still.
    MasterKilledAccepted,
    /// `kill -9` of the master, while the job runs.
    MasterKilled,
}

#[derive(Clone, Copy, Debug)]
struct Scenario {
    mode: Mode,
    client: Client,
    event: Event,
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = format!("{:?}-{:?}-{:?}", self.mode, self.client, self.event);
        f.write_str(&name.to_lowercase())
    }
}

impl Scenario {
    /// State and final status as YARN tells them.
    fn end(self) -> (&'static str, &'static str) {
        match self.event {
            Event::Succeeds | Event::ClientKilled => ("FINISHED", "SUCCEEDED"),
            Event::Fails => ("FINISHED", "FAILED"),
            Event::Cancelled => ("FINISHED", "KILLED"),
            Event::KilledAccepted => ("KILLED", "KILLED"),
            Event::MasterKilledAccepted | Event::MasterKilled => ("FAILED", "FAILED"),
        }
    }

    /// The client's exit code; `None` where it is killed.
    fn code(self) -> Option<i32> {
        match (self.event, self.client) {
            (Event::ClientKilled, _) => None,
            (Event::KilledAccepted, _) => Some(7),
            (Event::MasterKilledAccepted, _) | (Event::Fails | Event::MasterKilled, Client::Attached) => Some(1),
            (_, Client::Detached) | (Event::Succeeds, _) => Some(0),
            (Event::Cancelled, Client::Attached) => Some(130),
        }
    }

    /// Whether neither a master nor a client is there at the end that could clean up: the next client does.
    fn leaves_staging(self) -> bool {
        self.event == Event::MasterKilled && self.client == Client::Detached
    }

    fn job(self) -> Value {
        match self.event {
            Event::Succeeds => short_job(10),
            Event::Fails => failing_job(),
            // Three seconds.
            Event::ClientKilled => job(
                &[vertex(
                    "all",
                    &[numbers("make", Some(300), Some(100.0)), blackhole("out")],
                )],
                &[],
            ),
            Event::Cancelled | Event::KilledAccepted | Event::MasterKilledAccepted | Event::MasterKilled => {
                endless_job()
            }
        }
    }

    fn command(self, cluster: &Cluster, folder: &Folder, setting: Option<String>) -> Selvedge {
        let command = match self.mode {
            Mode::PerJob => cluster.run(1),
            Mode::Application => run_application(cluster),
            Mode::Session => super::session::yarn_session(cluster, folder),
        };
        let command = match self.client {
            Client::Attached => command,
            Client::Detached => command.arg("-d"),
        };
        let command = command.args(setting);
        match self.mode {
            Mode::PerJob => command.arg(folder.job(&self.job())),
            Mode::Application => command.arg(folder.program("program.sh", &printing(&self.job()))),
            Mode::Session => command,
        }
    }

    /// Plays it to its end; the application, and how the client ended.
    async fn play(self, cluster: &Cluster) -> (String, Option<Outcome>) {
        let folder = Folder::new();
        let mute = match self.event {
            Event::MasterKilledAccepted => Some(MuteScheduler::start().await),
            _ => None,
        };
        let setting = mute.as_ref().map(MuteScheduler::setting);
        let mut running = self.command(cluster, &folder, setting).start();
        let application = application_of(&mut running).await;
        let outcome = match (self.event, self.client) {
            (Event::Succeeds | Event::Fails, _) => Some(running.ended_within(BOUND).await),
            (Event::ClientKilled, _) => {
                until_submitted(&mut running, &application, "").await;
                running.kill();
                None
            }
            (Event::KilledAccepted, _) => {
                until_submitted(&mut running, &application, "ACCEPTED").await;
                kill_application(cluster, &application).await;
                Some(running.ended_within(BOUND).await)
            }
            (Event::MasterKilledAccepted, _) => {
                let mute = mute.unwrap();
                let _asked = mute.until_asked().await;
                let report = cluster.report(&application).await.unwrap();
                assert_eq!(report["state"], "ACCEPTED", "{report}");
                kill_master(cluster, &application, "01").await;
                Some(running.ended_within(BOUND).await)
            }
            (Event::Cancelled, Client::Attached) => {
                until_it_follows(&mut running).await;
                running.interrupt();
                Some(running.ended_within(BOUND).await)
            }
            (Event::MasterKilled, Client::Attached) => {
                until_it_follows(&mut running).await;
                kill_master(cluster, &application, "01").await;
                Some(running.ended_within(BOUND).await)
            }
            (Event::Cancelled, Client::Detached) => {
                let outcome = running.ended_within(BOUND).await;
                let job = cluster.running_job(&application).await;
                let cancel = Selvedge::on(&cluster.bed, "cancel").args(["-t", self.target()]);
                let cancel = cancel.arg(super::session::with_id(&application)).arg(&job);
                cancel.run().await.ended_with(0);
                Some(outcome)
            }
            (Event::MasterKilled, Client::Detached) => {
                let outcome = running.ended_within(BOUND).await;
                cluster.running_job(&application).await;
                kill_master(cluster, &application, "01").await;
                Some(outcome)
            }
        };
        (application, outcome)
    }

    fn target(self) -> &'static str {
        match self.mode {
            Mode::PerJob => "yarn-per-job",
            Mode::Application => "yarn-application",
            Mode::Session => "yarn-session",
        }
    }

    /// Plays it, and tells all that is not as it should be; else the application, where its staging directory is left.
    async fn check(self, cluster: &Cluster) -> Result<Option<String>, String> {
        let (application, outcome) = self.play(cluster).await;
        let report = cluster.ended(&application).await;
        let (state, status) = self.end();
        if (&report["state"], &report["finalStatus"]) != (&json!(state), &json!(status)) {
            return Err(format!("{self}: {state} and {status} are expected: {report}"));
        }
        let code = outcome.as_ref().and_then(|outcome| outcome.code);
        if code != self.code() {
            return Err(format!("{self}: exit code {:?} is expected: {outcome:?}", self.code()));
        }
        if let Some(outcome) = &outcome {
            outcome.assert_no_stack();
            match self.event {
                // What the master has logged is different each time.
                Event::MasterKilledAccepted => {
                    outcome.assert_says(&LAST_WORDS);
                }
                _ => transcript::compare(&self.to_string(), outcome)?,
            }
        }
        if self.leaves_staging() {
            until_no_process(cluster, &application).await;
            return Ok(Some(application));
        }
        cluster.assert_nothing_left(&application).await;
        Ok(None)
    }
}

/// What is said of a master that was killed before it registered.
const LAST_WORDS: [&str; 5] = [
    "is FAILED before its master could be reached",
    "exitCode: 137",
    "Killed by external signal",
    "last lines of jobmanager.log of container_",
    "REST at ",
];

/// Stands where a master looks for the ResourceManager: it takes the connection, and says nothing.
struct MuteScheduler(TcpListener);

impl MuteScheduler {
    async fn start() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    /// For the master alone: clients do not ask there.
    fn setting(&self) -> String {
        let address = self.0.local_addr().unwrap();
        format!("-Dflink.yarn.resourcemanager.scheduler.address={address}")
    }

    /// The connection of a master that wants to register. It waits for as long as this is held.
    async fn until_asked(&self) -> TcpStream {
        let asked = tokio::time::timeout(BOUND, self.0.accept()).await;
        asked.expect("a master asks").unwrap().0
    }
}

/// It divides by zero.
fn failing_job() -> Value {
    let divide = json!({"id": "divide", "operator": "project", "columns": [{"expression": "1 / (n - 40)", "as": "x"}]});
    job(
        &[vertex(
            "all",
            &[numbers("make", Some(100), None), divide, blackhole("out")],
        )],
        &[],
    )
}

/// Until the client has seen the job run: from then on it waits for its end.
async fn until_it_follows(running: &mut Running) {
    let follows = |said: &str| (out_runs(said).is_some() || said.contains("(a test's job) is RUNNING")).then_some(());
    running.until_says("that the job runs", BOUND, follows).await;
}

async fn until_submitted(running: &mut Running, application: &str, state: &str) {
    let told = format!("{application} is {state}");
    let submitted = |said: &str| said.contains(&told).then_some(());
    running.until_says("that YARN has it", BOUND, submitted).await;
}

async fn until_no_process(cluster: &Cluster, application: &str) {
    let look = || async {
        match cluster.bed.container_processes(application) {
            Ok(processes) if processes.is_empty() => Ok(()),
            found => Err(format!("{found:?}")),
        }
    };
    wait::until("no container to be left", BOUND, look).await.unwrap();
}

/// Plays all of them, some at a time; those that leave their staging directory.
async fn play_all(cluster: &Cluster, scenarios: Vec<Scenario>, at_once: usize) -> Vec<String> {
    let played = stream::iter(scenarios).map(|scenario| scenario.check(cluster));
    let results: Vec<_> = played.buffer_unordered(at_once).collect().await;
    let (left, wrong): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    let wrong: Vec<_> = wrong.into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    left.into_iter().flatten().flatten().collect()
}

fn all(modes: &[Mode], events: &[Event]) -> Vec<Scenario> {
    let mut scenarios = Vec::new();
    for mode in modes {
        for client in [Client::Attached, Client::Detached] {
            let of_events = events.iter().map(|event| Scenario {
                mode: *mode,
                client,
                event: *event,
            });
            scenarios.extend(of_events);
        }
    }
    scenarios
}

#[tokio::test]
async fn applications_with_jobs_of_their_own_end_as_their_clients_and_yarn_say() {
    let cluster = Cluster::shared().await;
    let events = [
        Event::MasterKilled,
        Event::Succeeds,
        Event::Fails,
        Event::Cancelled,
        Event::ClientKilled,
    ];
    let left = play_all(&cluster, all(&[Mode::PerJob, Mode::Application], &events), AT_ONCE).await;
    // Clients have been started since; at the latest this one deletes what nobody could delete.
    let folder = Folder::new();
    let last = cluster.run(1).arg(folder.job(&short_job(10))).run().await.ended_with(0);
    let look = || async {
        let staged = files_in(&cluster.hdfs(), STAGING).await;
        let own = staged.iter().filter(|file| left.iter().any(|left| file.contains(left)));
        match own.count() {
            0 => Ok(()),
            _ => Err(format!("{staged:?}")),
        }
    };
    let swept = wait::until("what was left to be deleted", BOUND, look).await;
    swept.unwrap_or_else(|error| panic!("{error} {}", last.said()));
}

#[tokio::test]
async fn applications_that_an_administrator_kills_before_their_master_starts_are_told_and_leave_nothing() {
    let cluster = Cluster::shared().await;
    let fillers = Fillers::start(&cluster).await;
    let modes = [Mode::PerJob, Mode::Application, Mode::Session];
    let scenarios = all(&modes, &[Event::KilledAccepted]);
    let at_once = scenarios.len();
    play_all(&cluster, scenarios, at_once).await;
    fillers.release(&cluster).await;
}

#[tokio::test]
async fn applications_whose_master_is_killed_before_it_registers_show_its_last_words_and_leave_nothing() {
    let cluster = Cluster::shared().await;
    let modes = [Mode::PerJob, Mode::Application, Mode::Session];
    let scenarios = all(&modes, &[Event::MasterKilledAccepted]);
    let at_once = scenarios.len();
    play_all(&cluster, scenarios, at_once).await;
}
