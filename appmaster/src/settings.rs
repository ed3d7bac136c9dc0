//! The master's settings, read once.

use std::time::Duration;

use selvedge_core::Configuration;
use selvedge_core::config::ConfigError;
use selvedge_core::config::options::{cluster, heartbeat, jobmanager, metrics, resourcemanager, web};

use crate::jobmaster::RestartSettings;

/// What the components of the master need of the configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct MasterSettings {
    /// Heartbeats to workers.
    pub heartbeat: HeartbeatSettings,
    /// The deadline of calls to workers.
    pub ask_timeout: Duration,
    /// How long a job waits for its slots.
    pub slot_request_timeout: Duration,
    /// After how long an idle worker is released.
    pub idle_timeout: Duration,
    /// How long a started worker may take to register.
    pub registration_timeout: Duration,
    /// How many starts of workers may fail in a minute.
    pub start_failures_per_minute: f64,
    /// The pause after too many failed starts.
    pub start_retry_interval: Duration,
    /// How long changes are collected before the SlotManager acts on them.
    pub requirement_check_delay: Duration,
    /// Whether failed jobs are restarted, and how much of them.
    pub failover: FailoverSettings,
    /// How often workers are asked for their metrics at most; zero is never.
    pub metrics_interval: Duration,
}

/// What happens when a task fails.
#[derive(Debug, Clone, PartialEq)]
pub struct FailoverSettings {
    /// Whether the job is restarted, and after which pause.
    pub restart: RestartSettings,
    /// All of its tasks; otherwise those that exchange records with the failed one.
    pub full: bool,
    /// How many failures that led to a restart are kept.
    pub history_size: usize,
}

/// How workers are watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeartbeatSettings {
    /// How often they are asked.
    pub interval: Duration,
    /// After how long without an answer they are given up.
    pub timeout: Duration,
    /// After how many failed calls in a row they are given up; `None` never.
    pub failure_threshold: Option<u32>,
}

impl MasterSettings {
    /// Reads the settings; an unusable value is an error that names its key.
    pub fn read(configuration: &Configuration) -> Result<Self, ConfigError> {
        Ok(Self {
            heartbeat: HeartbeatSettings {
                interval: configuration.get(&heartbeat::INTERVAL)?,
                timeout: configuration.get(&heartbeat::TIMEOUT)?,
                failure_threshold: u32::try_from(configuration.get(&heartbeat::RPC_FAILURE_THRESHOLD)?).ok(),
            },
            ask_timeout: configuration.get(&cluster::ASK_TIMEOUT)?,
            slot_request_timeout: configuration.get(&cluster::SLOT_REQUEST_TIMEOUT)?,
            idle_timeout: configuration.get(&resourcemanager::TASKMANAGER_TIMEOUT)?,
            registration_timeout: configuration.get(&resourcemanager::TASKMANAGER_REGISTRATION_TIMEOUT)?,
            start_failures_per_minute: configuration.get(&resourcemanager::START_WORKER_MAX_FAILURE_RATE)?,
            start_retry_interval: configuration.get(&resourcemanager::START_WORKER_RETRY_INTERVAL)?,
            requirement_check_delay: configuration.get(&resourcemanager::REQUIREMENT_CHECK_DELAY)?,
            failover: FailoverSettings {
                restart: RestartSettings::read(configuration)?,
                full: configuration
                    .get(&jobmanager::FAILOVER_STRATEGY)?
                    .eq_ignore_ascii_case("full"),
                history_size: usize::try_from(configuration.get(&web::EXCEPTION_HISTORY_SIZE)?).unwrap_or(1),
            },
            metrics_interval: configuration.get(&metrics::FETCHER_UPDATE_INTERVAL)?,
        })
    }
}
