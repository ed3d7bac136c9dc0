//! The settings of a command: the configuration file, then the environment, then the command line.

use std::path::Path;

use selvedge_appmaster::MasterSettings;
use selvedge_core::Configuration;
use selvedge_core::config::options::cluster;
use selvedge_core::config::{LoadError, Settings, Severity, is_variable};

use thiserror::Error;

use super::{CommandError, JobArgs, SettingArgs, say_always};

/// A flag and a setting that do not go together.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{flag} {value} and -D{key}={set} contradict each other: leave out one of them")]
pub(super) struct Contradiction {
    flag: String,
    value: String,
    /// What the flag stands for.
    key: &'static str,
    /// What that is set to besides.
    set: String,
}

/// Sets what a flag stands for, unless it is set to something else already.
pub(super) fn set_by_flag(
    set: &mut Vec<(String, String)>,
    flag: &str,
    key: &'static str,
    value: String,
) -> Result<(), Contradiction> {
    if let Some((_, other)) = set.iter().find(|(other, set)| other == key && *set != value) {
        return Err(Contradiction {
            flag: flag.to_owned(),
            value,
            key,
            set: other.clone(),
        });
    }
    set.push((key.to_owned(), value));
    Ok(())
}

/// Flink's: a number without a unit counts MiB.
pub(super) fn mebibytes(text: &str) -> String {
    let bare = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    if bare { format!("{text}m") } else { text.to_owned() }
}

/// What there is, right or wrong.
pub(super) fn read(arguments: &SettingArgs) -> Result<Settings, LoadError> {
    Settings::load(arguments.config_dir.as_deref(), variables(), &arguments.set)
}

/// The same with this file instead of a directory's.
pub(super) fn read_with(file: &Path, arguments: &SettingArgs) -> Result<Settings, LoadError> {
    Settings::load_file(file, variables(), &arguments.set)
}

/// The environment variables that may stand for settings.
fn variables() -> impl Iterator<Item = (String, String)> {
    // A value that is no text is refused where it is read, not passed over.
    let lossy = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        let name = name.into_string().ok()?;
        Some((name, value.to_string_lossy().into_owned()))
    };
    std::env::vars_os()
        .filter_map(lossy)
        .filter(|(name, _)| is_variable(name))
}

/// The same without mistakes: warnings are told, errors end the command.
pub(super) fn checked(arguments: &SettingArgs) -> Result<Settings, CommandError> {
    let settings = read(arguments)?;
    tracing::debug!(source = %settings.source(), "settings read");
    let errors = errors(&settings);
    if errors.is_empty() {
        return Ok(settings);
    }
    Err(CommandError::input(errors.join("\n")))
}

/// A line for each mistake; warnings are told.
pub(super) fn errors(settings: &Settings) -> Vec<String> {
    let (errors, warnings): (Vec<_>, Vec<_>) = settings
        .findings()
        .iter()
        .partition(|finding| finding.severity == Severity::Error);
    for warning in warnings {
        say_always(format_args!("warning: {warning}"));
    }
    errors.iter().map(ToString::to_string).collect()
}

/// What holds.
pub(super) fn load(arguments: &SettingArgs) -> Result<Configuration, CommandError> {
    checked(arguments).map(|settings| settings.configuration())
}

/// The same with `-p`. What the master would refuse is refused here: no cluster is started for nothing.
pub(super) fn load_for_job(arguments: &JobArgs) -> Result<Configuration, CommandError> {
    let mut configuration = load_for_master(&arguments.settings)?;
    if let Some(parallelism) = arguments.parallelism {
        configuration.set(&cluster::PARALLELISM, &parallelism);
    }
    if let Some(limit) = &arguments.program_timeout {
        configuration.set_text(cluster::PROGRAM_TIMEOUT.key(), limit);
        configuration.find(&cluster::PROGRAM_TIMEOUT)?;
    }
    Ok(configuration)
}

/// The same for a cluster that takes jobs.
pub(super) fn load_for_master(arguments: &SettingArgs) -> Result<Configuration, CommandError> {
    let configuration = load(arguments)?;
    MasterSettings::read(&configuration)?;
    Ok(configuration)
}
