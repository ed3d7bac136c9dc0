//! `selvedge memory`: how the memory of a process is divided.

mod bars;

use clap::{Args, ValueEnum};
use selvedge_core::config::options::taskmanager;
use selvedge_core::config::{LoadError, Settings};
use selvedge_core::resource::{ExternalResources, YarnContainer, YarnExternalResources};
use selvedge_core::{Configuration, JobManagerProcessSpec, MemorySize, TaskExecutorProcessSpec};
use serde::Serialize;

use super::error::{CommandError, Ended};
use super::{SettingArgs, settings, terminal};

/// Options of `memory`.
#[derive(Debug, Args)]
pub struct MemoryArgs {
    /// Whose memory.
    #[arg(value_enum)]
    pub process: MemoryOf,
    /// Common settings.
    #[command(flatten)]
    pub settings: SettingArgs,
    /// This configuration file, and not the one in a directory.
    #[arg(long, value_name = "FILE", conflicts_with = "config_dir")]
    pub conf: Option<std::path::PathBuf>,
    /// No file and no environment: only the settings given, over the defaults.
    #[arg(long, conflicts_with_all = ["conf", "config_dir"])]
    pub no_conf: bool,
    /// What is printed.
    #[arg(short, long, value_enum, default_value = "table")]
    pub output: MemoryOutput,
}

/// A process whose memory is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MemoryOf {
    /// A worker.
    Taskmanager,
    /// The master.
    Jobmanager,
}

/// A form of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MemoryOutput {
    /// Nested bars with option names, bytes and sizes.
    Table,
    /// One flat object, sizes in bytes.
    Json,
    /// The settings that make the process exactly as large, one a line.
    Dynamic,
}

#[derive(Serialize)]
struct Worker {
    total_process: u64,
    total_flink: u64,
    framework_heap: u64,
    framework_off_heap: u64,
    task_heap: u64,
    task_off_heap: u64,
    network: u64,
    managed: u64,
    metaspace: u64,
    overhead: u64,
}

#[derive(Serialize)]
struct Master {
    total_process: u64,
    total_flink: u64,
    heap: u64,
    off_heap: u64,
    metaspace: u64,
    overhead: u64,
}

pub(super) fn memory(arguments: &MemoryArgs) -> Result<Ended, CommandError> {
    let settings = read(arguments)?;
    let configuration = settings.configuration();
    let mut problems = settings::errors(&settings);
    let divided = match arguments.process {
        MemoryOf::Taskmanager => worker(&configuration, arguments.output),
        MemoryOf::Jobmanager => master(&configuration, arguments.output),
    };
    match divided {
        Ok(text) if problems.is_empty() => {
            terminal::print(&text)?;
            return Ok(Ended::Done);
        }
        Ok(_) => (),
        // A mistyped key may be why the sizes do not add up: both are told.
        Err(error) => problems.push(error.message().to_owned()),
    }
    Err(CommandError::input(problems.join("\n")))
}

fn read(arguments: &MemoryArgs) -> Result<Settings, LoadError> {
    match &arguments.conf {
        Some(file) => settings::read_with(file, &arguments.settings),
        None if arguments.no_conf => Ok(Settings::of_assignments(&arguments.settings.set)),
        None => settings::read(&arguments.settings),
    }
}

fn worker(configuration: &Configuration, output: MemoryOutput) -> Result<String, CommandError> {
    let spec = TaskExecutorProcessSpec::derive(configuration)?;
    match output {
        MemoryOutput::Table => {
            let bars = bars::draw("TaskManager", &bars::worker(&spec));
            Ok(format!("{bars}\n{}", notes(configuration, &spec)?))
        }
        MemoryOutput::Json => json(&Worker {
            total_process: spec.total_process().bytes(),
            total_flink: spec.total_flink().bytes(),
            framework_heap: spec.framework_heap.bytes(),
            framework_off_heap: spec.framework_off_heap.bytes(),
            task_heap: spec.task_heap.bytes(),
            task_off_heap: spec.task_off_heap.bytes(),
            network: spec.network.bytes(),
            managed: spec.managed.bytes(),
            metaspace: spec.jvm_metaspace.bytes(),
            overhead: spec.jvm_overhead.bytes(),
        }),
        // As the master passes it on: YARN gives whole cores only.
        MemoryOutput::Dynamic => Ok(assignments(spec.with_whole_cores().to_dynamic_properties())),
    }
}

fn master(configuration: &Configuration, output: MemoryOutput) -> Result<String, CommandError> {
    let spec = JobManagerProcessSpec::derive(configuration)?;
    match output {
        MemoryOutput::Table => Ok(bars::draw("JobManager", &bars::master(&spec))),
        MemoryOutput::Json => json(&Master {
            total_process: spec.total_process().bytes(),
            total_flink: spec.total_flink().bytes(),
            heap: spec.heap.bytes(),
            off_heap: spec.off_heap.bytes(),
            metaspace: spec.jvm_metaspace.bytes(),
            overhead: spec.jvm_overhead.bytes(),
        }),
        MemoryOutput::Dynamic => Ok(assignments(spec.to_dynamic_properties())),
    }
}

/// What follows from the sizes: each slot's share, the buffers of the exchange, the container.
fn notes(configuration: &Configuration, spec: &TaskExecutorProcessSpec) -> Result<String, CommandError> {
    let slot = spec.slot_profile();
    let segment = configuration.get(&taskmanager::SEGMENT_SIZE)?;
    let names = YarnExternalResources::read(configuration)?;
    let container = YarnContainer::of(spec, &names);
    let size = |size: MemorySize| size.rounded();
    let mut lines = vec![
        format!(
            "each of {} slots   cpu {}, task heap {}, task off-heap {}, managed {}, network {}",
            spec.number_of_slots,
            slot.cpu_cores,
            size(slot.task_heap),
            size(slot.task_off_heap),
            size(slot.managed),
            size(slot.network)
        ),
        format!("network buffers    {} of {segment}", spec.network_buffers(segment)),
        format!(
            "YARN container     {} MiB, {} vcores{}",
            container.memory_mb,
            container.vcores,
            container
                .extended
                .iter()
                .map(|(name, amount)| format!(", {amount} {name}"))
                .collect::<String>()
        ),
    ];
    let ignored = ExternalResources::read(configuration)?.ignored;
    lines.extend(
        ignored
            .into_iter()
            .chain(names.ignored)
            .map(|line| format!("note: {line}")),
    );
    lines.push(String::new());
    Ok(lines.join("\n"))
}

fn json(breakdown: &impl Serialize) -> Result<String, CommandError> {
    Ok(serde_json::to_string_pretty(breakdown)? + "\n")
}

fn assignments(properties: Vec<(String, String)>) -> String {
    let lines = properties.into_iter().map(|(key, value)| format!("-D{key}={value}\n"));
    lines.collect()
}
