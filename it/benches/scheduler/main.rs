//! What the scheduler costs: `cargo bench --workspace --bench scheduler`. Each sample is a process of its own, so that every
//! figure is a cold one, as a job's first deployment is. The machine must be idle; each figure is the median of seven runs
//! with the smallest and the largest. `SELVEDGE_BENCH_RUNS` sets another number of runs.

#![allow(clippy::print_stdout, reason = "a command-line program")]

mod sample;

use std::process::Command;

use anyhow::{Context, ensure};
use selvedge_it::cli::usage;

use sample::{Edges, Sample};
use selvedge_it::figure::{Samples, Table, runs};

/// The argument that makes a process measure one job.
const ONE: &str = "--one";

/// The jobs: tasks of each of two vertices, what joins them, and the bounds of deployment, memory and region to restart.
const JOBS: [(u32, Edges, Bounds); 4] = [
    (4_000, Edges::AllToAll, Bounds(Some(25.0), None)),
    (4_000, Edges::Pointwise, Bounds(None, None)),
    (10_000, Edges::AllToAll, Bounds(Some(80.0), Some(300.0))),
    (10_000, Edges::Pointwise, Bounds(None, None)),
];

#[derive(Clone, Copy)]
struct Bounds(Option<f64>, Option<f64>);

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [one, tasks, edges] = arguments.as_slice()
        && one == ONE
    {
        let sample = Sample::take(tasks.parse()?, edges.parse()?);
        println!("{}", serde_json::to_string(&sample)?);
        return Ok(());
    }
    println!("load average before: {}", usage::load_average());
    let mut table = Table::default();
    for (tasks, edges, bounds) in JOBS {
        measure(&mut table, tasks, edges, bounds)?;
    }
    println!("{table}");
    println!("load average after: {}", usage::load_average());
    if cfg!(debug_assertions) {
        println!("this build is not optimised: the figures say nothing");
    }
    Ok(())
}

fn measure(table: &mut Table, tasks: u32, edges: Edges, bounds: Bounds) -> anyhow::Result<()> {
    let [mut build, mut deploy, mut region, mut global, mut memory] = <[Samples; 5]>::default();
    for _ in 0..runs() {
        let output = Command::new(std::env::current_exe()?)
            .args([ONE, &tasks.to_string(), edges.as_str()])
            .output()?;
        ensure!(output.status.success(), "a sample ended with {}", output.status);
        let sample: Sample = serde_json::from_slice(&output.stdout).context("a sample cannot be read")?;
        ensure!(
            sample.deployed == 2 * tasks as usize,
            "{} tasks were deployed",
            sample.deployed
        );
        build.push(sample.build_ms);
        deploy.push(sample.deploy_ms);
        region.push(sample.region_ms);
        global.push(sample.global_ms);
        memory.push_mebibytes(sample.peak_memory);
    }
    let name = |what: &str| -> &'static str { format!("{tasks}+{tasks} {}: {what}", edges.as_str()).leak() };
    let flink = match (tasks, edges) {
        (4_000, Edges::AllToAll) => "559–602",
        _ => "",
    };
    let (most, most_memory) = (bounds.0, bounds.1);
    table.add(name("build the ExecutionGraph"), "ms", build, None, "");
    table.add(name("schedule and deploy, graph included"), "ms", deploy, most, flink);
    table.add(name("region to restart"), "ms", region, Some(2.0), "");
    table.add(name("global failover, to redeployed"), "ms", global, None, "");
    table.add(name("peak memory of the process"), "MiB", memory, most_memory, "");
    Ok(())
}
