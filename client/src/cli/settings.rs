//! The settings of a command: the configuration file, then the command line.

use selvedge_core::Configuration;
use selvedge_core::config::options::cluster;
use selvedge_core::config::{self, LoadError};

use super::{JobArgs, SettingArgs};

/// The configuration file's settings and those of `-D`.
pub(super) fn load(arguments: &SettingArgs) -> Result<Configuration, LoadError> {
    let (mut configuration, source) = config::load(arguments.config_dir.as_deref())?;
    tracing::debug!(%source, "settings read");
    for (key, value) in &arguments.set {
        configuration.set_text(key, value);
    }
    Ok(configuration)
}

/// The same with `-p`.
pub(super) fn load_for_job(arguments: &JobArgs) -> Result<Configuration, LoadError> {
    let mut configuration = load(&arguments.settings)?;
    if let Some(parallelism) = arguments.parallelism {
        configuration.set(&cluster::PARALLELISM, &parallelism);
    }
    Ok(configuration)
}
