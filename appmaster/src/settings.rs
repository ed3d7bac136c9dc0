//! The master's settings, read once.

use std::time::Duration;

use selvedge_core::Configuration;
use selvedge_core::config::ConfigError;
use selvedge_core::config::options::{client, cluster, heartbeat, jobmanager, metrics, resourcemanager, slot, web};

use crate::jobmaster::{RestartSettings, SchedulerKind};
use crate::resourcemanager::SlotManagerSettings;

/// What the components of the master need of the configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct MasterSettings {
    /// Heartbeats to workers.
    pub heartbeat: HeartbeatSettings,
    /// The deadline of calls to workers.
    pub ask_timeout: Duration,
    /// Whether the hosts of workers that are known by their addresses are looked up.
    pub worker_host_names: bool,
    /// How jobs get their slots.
    pub scheduling: SchedulingSettings,
    /// How long a started worker may take to register.
    pub registration_timeout: Duration,
    /// For how long the workers of an earlier attempt are waited for before others are asked for.
    pub recovery_timeout: Duration,
    /// How many starts of workers may fail in a minute.
    pub start_failures_per_minute: f64,
    /// The pause after too many failed starts.
    pub start_retry_interval: Duration,
    /// How long a job without a JobMaster keeps its slots.
    pub job_timeout: Duration,
    /// The pause of a JobMaster that the ResourceManager has refused.
    pub refused_delay: Duration,
    /// How long jobs may wait for workers that nobody starts on demand, before they are told that there are none.
    pub standalone_start_up: Duration,
    /// How slots are given and workers are kept.
    pub slots: SlotManagerSettings,
    /// Whether failed jobs are restarted, and how much of them.
    pub failover: FailoverSettings,
    /// Which figures there are of each status of a job.
    pub job_status_metrics: JobStatusMetrics,
    /// How often workers are asked for their metrics at most; zero is never.
    pub metrics_interval: Duration,
}

/// How a job gets its slots, and keeps them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SchedulingSettings {
    /// What decides when tasks are deployed.
    pub scheduler: SchedulerKind,
    /// How long tasks wait for their slots.
    pub slot_request_timeout: Duration,
    /// How long a slot that nothing uses is kept.
    pub slot_idle_timeout: Duration,
}

/// What happens when a task fails.
#[derive(Debug, Clone, PartialEq)]
pub struct FailoverSettings {
    /// Whether the job is restarted, and after which pause.
    pub restart: RestartSettings,
    /// All of its tasks; otherwise those that exchange records with the failed one.
    pub full: bool,
    /// How many former attempts of a task are kept.
    pub attempts_kept: usize,
    /// How many failures that led to a restart are kept.
    pub history_size: usize,
}

/// Which figures there are of each status of a job (`metrics.job.status.enable`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JobStatusMetrics {
    /// Whether the job is in it: `runningState`.
    pub state: bool,
    /// For how long without a break: `runningTime`.
    pub current_time: bool,
    /// For how long altogether: `runningTimeTotal`.
    pub total_time: bool,
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

/// How long the client of a job may stay silent, where the cluster's jobs end with their clients.
pub(crate) fn client_timeout(configuration: &Configuration) -> Result<Option<Duration>, ConfigError> {
    let attached = configuration.get(&cluster::ATTACHED)?;
    let ends_with_client = attached && configuration.get(&cluster::SHUTDOWN_ON_ATTACHED_EXIT)?;
    let timeout = configuration.get(&client::HEARTBEAT_TIMEOUT)?;
    Ok(ends_with_client.then_some(timeout))
}

impl MasterSettings {
    /// Reads the settings; an unusable value is an error that names its key.
    pub fn read(configuration: &Configuration) -> Result<Self, ConfigError> {
        let slot_request_timeout = configuration.get(&cluster::SLOT_REQUEST_TIMEOUT)?;
        Ok(Self {
            heartbeat: HeartbeatSettings::read(configuration)?,
            ask_timeout: configuration.get(&cluster::ASK_TIMEOUT)?,
            worker_host_names: configuration.get(&jobmanager::RETRIEVE_TASK_MANAGER_HOSTNAME)?,
            scheduling: SchedulingSettings {
                scheduler: SchedulerKind::read(configuration)?,
                slot_request_timeout: configuration.get(&cluster::SLOT_REQUEST_TIMEOUT)?,
                slot_idle_timeout: configuration.get(&slot::SLOT_IDLE_TIMEOUT)?,
            },
            registration_timeout: configuration.get(&resourcemanager::TASKMANAGER_REGISTRATION_TIMEOUT)?,
            recovery_timeout: configuration.get(&resourcemanager::PREVIOUS_WORKER_RECOVERY_TIMEOUT)?,
            start_failures_per_minute: configuration.get(&resourcemanager::START_WORKER_MAX_FAILURE_RATE)?,
            start_retry_interval: configuration.get(&resourcemanager::START_WORKER_RETRY_INTERVAL)?,
            job_timeout: configuration.get(&resourcemanager::JOB_TIMEOUT)?,
            refused_delay: configuration.get(&cluster::REGISTRATION_REFUSED_DELAY)?,
            standalone_start_up: configuration
                .find(&resourcemanager::STANDALONE_START_UP_TIME)?
                .unwrap_or(slot_request_timeout),
            slots: SlotManagerSettings::read(configuration)?,
            failover: FailoverSettings {
                restart: RestartSettings::read(configuration)?,
                full: configuration
                    .get(&jobmanager::FAILOVER_STRATEGY)?
                    .eq_ignore_ascii_case("full"),
                attempts_kept: usize::try_from(configuration.get(&jobmanager::ATTEMPTS_HISTORY_SIZE)?).unwrap_or(0),
                history_size: usize::try_from(configuration.get(&web::EXCEPTION_HISTORY_SIZE)?).unwrap_or(1),
            },
            job_status_metrics: JobStatusMetrics::read(configuration)?,
            metrics_interval: configuration.get(&metrics::FETCHER_UPDATE_INTERVAL)?,
        })
    }
}

impl JobStatusMetrics {
    pub(crate) fn read(configuration: &Configuration) -> Result<Self, ConfigError> {
        let mut enabled = Self::default();
        for figure in configuration.get(&metrics::JOB_STATUS)? {
            let is_named = |name: &str| figure.eq_ignore_ascii_case(name);
            let known = match () {
                () if is_named("STATE") => &mut enabled.state,
                () if is_named("CURRENT_TIME") => &mut enabled.current_time,
                () if is_named("TOTAL_TIME") => &mut enabled.total_time,
                () => {
                    let key = metrics::JOB_STATUS.key().to_owned();
                    let reason = format!("there is no figure '{figure}'; write STATE, CURRENT_TIME or TOTAL_TIME");
                    return Err(ConfigError::Invalid { key, reason });
                }
            };
            *known = true;
        }
        Ok(enabled)
    }
}

impl HeartbeatSettings {
    fn read(configuration: &Configuration) -> Result<Self, ConfigError> {
        let (interval, timeout) = (
            configuration.get(&heartbeat::INTERVAL)?,
            configuration.get(&heartbeat::TIMEOUT)?,
        );
        if timeout < interval {
            let (key, asked) = (heartbeat::TIMEOUT.key().to_owned(), heartbeat::INTERVAL.key());
            let reason = format!(
                "{timeout:?} is shorter than {asked}, {interval:?}: a worker would be given up before it is asked"
            );
            return Err(ConfigError::Invalid { key, reason });
        }
        Ok(Self {
            interval,
            timeout,
            failure_threshold: u32::try_from(configuration.get(&heartbeat::RPC_FAILURE_THRESHOLD)?).ok(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_of_a_status_are_those_that_are_named_and_an_unknown_one_is_refused() {
        let read = |named| {
            let configuration = Configuration::from_iter([("metrics.job.status.enable", named)]);
            let read = JobStatusMetrics::read(&configuration);
            read.map(|enabled| [enabled.state, enabled.current_time, enabled.total_time])
        };
        assert_eq!(read("state;TOTAL_TIME"), Ok([true, false, true]));
        assert_eq!(read(""), Ok([false; 3]));
        let by_default = JobStatusMetrics::read(&Configuration::default()).unwrap();
        assert!(by_default.current_time && !by_default.state && !by_default.total_time);
        let error = read("STATE;UPTIME").unwrap_err().to_string();
        assert!(
            error.contains("metrics.job.status.enable") && error.contains("'UPTIME'"),
            "{error}"
        );
    }

    #[test]
    fn a_heartbeat_that_would_come_too_late_is_refused_by_key_and_value() {
        let read = |timeout| MasterSettings::read(&Configuration::from_iter([("heartbeat.timeout", timeout)]));
        let error = read("9 s").unwrap_err().to_string();
        for part in ["heartbeat.timeout", "9s", "heartbeat.interval", "10s"] {
            assert!(error.contains(part), "{error}");
        }
        assert_eq!(read("10 s").unwrap().heartbeat.timeout, Duration::from_secs(10));
    }
}
