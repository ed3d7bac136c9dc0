//! What a cluster does, live: its queues, its applications and its nodes, as the ResourceManager tells over REST.
//!
//! `HADOOP_CONF_DIR=/etc/hadoop/conf yarn-top`, until it is interrupted, which leaves the terminal as it was; with `--once`
//! it prints one picture, for scripts.
#![allow(clippy::print_stdout, reason = "the tables are what the example is for")]

use std::convert::Infallible;
use std::error::Error;
use std::io::{IsTerminal, Write};
use std::time::Duration;

use clap::Parser;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use tokio::signal::unix::{SignalKind, signal};
use yarn_common::conf::HadoopConfiguration;
use yarn_rest::auth::Simple;
use yarn_rest::model::{Application, ApplicationState, ClusterMetrics, Node, Queue};
use yarn_rest::rm::{ApplicationFilter, RmClient};

const CLEAR_AND_HOME: &str = "\x1b[2J\x1b[H";
/// The second screen of terminals, without a cursor.
const ENTER_SCREEN: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE_SCREEN: &str = "\x1b[?25h\x1b[?1049l";
const NOTHING: &str = "-";

/// A cluster's queues, applications and nodes.
#[derive(Parser)]
struct Options {
    /// Seconds between two pictures.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..))]
    interval: u64,
    /// One picture only.
    #[arg(long)]
    once: bool,
    /// Applications that have ended, too.
    #[arg(long)]
    all: bool,
    /// Only applications of this queue.
    #[arg(long)]
    queue: Option<String>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let conf = HadoopConfiguration::from_env()?;
    let user = ["HADOOP_USER_NAME", "USER"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok());
    let rm = RmClient::builder()
        .configuration(&conf)?
        .authenticator(Simple::new(&user.ok_or("who are you? Set HADOOP_USER_NAME")?))
        .build()?;
    if options.once {
        println!("{}", picture(&rm, &options).await?);
        return Ok(());
    }
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        failed = watch(&rm, &options) => failed.map(|never| match never {}),
        interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
        _ = terminated.recv() => Ok(()),
    }
}

/// One picture after the other, in place on a terminal.
async fn watch(rm: &RmClient, options: &Options) -> Result<Infallible, Box<dyn Error>> {
    let screen = std::io::stdout().is_terminal().then(Screen::enter);
    loop {
        let picture = picture(rm, options).await?;
        let place = if screen.is_some() { CLEAR_AND_HOME } else { "" };
        println!("{place}{picture}");
        tokio::time::sleep(Duration::from_secs(options.interval)).await;
    }
}

/// The terminal's second screen. However this ends, the first one is shown again, as it was.
struct Screen;

impl Screen {
    fn enter() -> Self {
        show(ENTER_SCREEN);
        Self
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        show(LEAVE_SCREEN);
    }
}

/// A terminal that has gone needs nothing.
fn show(sequence: &str) {
    let mut out = std::io::stdout();
    let _ = out.write_all(sequence.as_bytes()).and_then(|()| out.flush());
}

/// All of it, asked for at once.
async fn picture(rm: &RmClient, options: &Options) -> Result<String, Box<dyn Error>> {
    let mut filter = ApplicationFilter {
        queue: options.queue.clone(),
        ..ApplicationFilter::default()
    };
    if !options.all {
        filter.states = vec![
            ApplicationState::Submitted,
            ApplicationState::Accepted,
            ApplicationState::Running,
        ];
    }
    let (metrics, scheduler, applications, nodes) =
        tokio::try_join!(rm.metrics(), rm.scheduler(), rm.applications(&filter), rm.nodes(&[]))?;
    Ok(format!(
        "{}\n{}\n{}\n{}",
        summary(&metrics),
        queues(&scheduler.leaves()),
        application_table(&applications),
        node_table(&nodes)
    ))
}

fn summary(metrics: &ClusterMetrics) -> String {
    format!(
        "nodes {} of {}   memory {} of {} MB   cores {} of {}   containers {} running, {} pending   applications {} \
         running, {} pending",
        number(metrics.active_nodes),
        number(metrics.total_nodes),
        number(metrics.allocated_mb),
        number(metrics.total_mb),
        number(metrics.allocated_virtual_cores),
        number(metrics.total_virtual_cores),
        number(metrics.containers_allocated),
        number(metrics.containers_pending),
        number(metrics.apps_running),
        number(metrics.apps_pending),
    )
}

/// Capacities are percentages; only the CapacityScheduler tells them.
fn queues(leaves: &[&Queue]) -> Table {
    let mut table = table(["QUEUE", "STATE", "CAPACITY", "USED", "APPS"]);
    for queue in leaves {
        let percent = |key: &str| match queue.extra.get(key).and_then(serde_json::Value::as_f64) {
            Some(percent) => format!("{percent:.1} %"),
            None => NOTHING.to_owned(),
        };
        let applications = queue.extra.get("numApplications").and_then(serde_json::Value::as_u64);
        table.add_row([
            queue.path.clone(),
            text(queue.state.as_deref()),
            percent("absoluteCapacity"),
            percent("absoluteUsedCapacity"),
            number(applications),
        ]);
    }
    right_aligned(table, 2)
}

fn application_table(applications: &[Application]) -> Table {
    let mut table = table([
        "APPLICATION",
        "USER",
        "NAME",
        "QUEUE",
        "STATE",
        "PROGRESS",
        "CONTAINERS",
        "MB",
        "CORES",
        "SECONDS",
    ]);
    for application in applications {
        let progress = application
            .progress
            .map_or(NOTHING.to_owned(), |percent| format!("{percent:.0} %"));
        table.add_row([
            application.id.to_string(),
            text(application.user.as_deref()),
            text(application.name.as_deref()),
            text(application.queue.as_deref()),
            application.state.to_string(),
            progress,
            number(application.running_containers),
            number(application.allocated_mb),
            number(application.allocated_vcores),
            number(application.elapsed_time.map(|milliseconds| milliseconds / 1000)),
        ]);
    }
    right_aligned(table, 5)
}

fn node_table(nodes: &[Node]) -> Table {
    let mut table = table([
        "NODE",
        "STATE",
        "RACK",
        "CONTAINERS",
        "MB USED",
        "MB",
        "CORES USED",
        "CORES",
    ]);
    for node in nodes {
        table.add_row([
            node.id.to_string(),
            text(node.state.as_deref()),
            text(node.rack.as_deref()),
            number(node.num_containers),
            number(node.used_memory_mb),
            node.total_memory_mb().to_string(),
            number(node.used_virtual_cores),
            node.total_virtual_cores().to_string(),
        ]);
    }
    right_aligned(table, 3)
}

fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(header);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table
}

/// Numbers, which begin at column `from`.
fn right_aligned(mut table: Table, from: usize) -> Table {
    for column in table.column_iter_mut().skip(from) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn text(value: Option<&str>) -> String {
    value.unwrap_or(NOTHING).to_owned()
}

/// Without the right to see an application, YARN says -1, which is none.
fn number(value: Option<u64>) -> String {
    value.map_or(NOTHING.to_owned(), |number| number.to_string())
}
