//! Whether a job is restarted after a failure, and after which pause: Flink's four strategies. Pure.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use rand::{Rng, RngExt};
use selvedge_core::Configuration;
use selvedge_core::config::options::restart_strategy as keys;
use selvedge_core::config::{ConfigError, ConfigOption, ConfigValue};
use tokio::time::Instant;

/// What `restart-strategy.*` says, checked.
#[derive(Debug, Clone, PartialEq)]
pub enum RestartSettings {
    /// The first failure ends the job.
    None,
    /// So many restarts, each after the same pause.
    FixedDelay {
        /// How many.
        attempts: u32,
        /// The pause.
        delay: Duration,
    },
    /// As long as failures are not too frequent.
    FailureRate {
        /// How many failures an interval may have.
        max_failures: usize,
        /// Its length.
        interval: Duration,
        /// The pause before each restart.
        delay: Duration,
    },
    /// After pauses that grow.
    ExponentialDelay(ExponentialDelay),
}

/// How the pauses grow.
#[derive(Debug, Clone, PartialEq)]
pub struct ExponentialDelay {
    initial: Duration,
    max: Duration,
    multiplier: f64,
    reset_threshold: Duration,
    jitter: f64,
    attempts: u32,
}

impl RestartSettings {
    /// The settings of a job: its own where its graph has a strategy, else the cluster's.
    ///
    /// # Errors
    /// An unusable value; it names its key and itself.
    pub fn of_job(job: &BTreeMap<String, String>, cluster: &Self) -> Result<Self, ConfigError> {
        let own: Configuration = job.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        match own.contains(&keys::TYPE) {
            true => Self::read(&own),
            false => Ok(cluster.clone()),
        }
    }

    /// Reads the settings; an unusable value is an error that names its key and itself.
    pub fn read(configuration: &Configuration) -> Result<Self, ConfigError> {
        let kind = match configuration.contains(&keys::TYPE) {
            true => value(configuration, &keys::TYPE)?,
            false => String::new(),
        };
        Ok(match kind.trim().to_ascii_lowercase().as_str() {
            "fixed-delay" | "fixeddelay" => Self::FixedDelay {
                attempts: count(configuration, &keys::FIXED_DELAY_ATTEMPTS)?,
                delay: value(configuration, &keys::FIXED_DELAY_DELAY)?,
            },
            "failure-rate" | "failurerate" => Self::FailureRate {
                max_failures: count(configuration, &keys::FAILURE_RATE_MAX_FAILURES)? as usize,
                interval: value(configuration, &keys::FAILURE_RATE_INTERVAL)?,
                delay: value(configuration, &keys::FAILURE_RATE_DELAY)?,
            },
            "exponential-delay" | "exponentialdelay" => Self::ExponentialDelay(ExponentialDelay::read(configuration)?),
            // The option's words are checked: none, off, disable, or nothing is set and there are no checkpoints.
            _ => Self::None,
        })
    }
}

/// A value within the range that the option declares.
fn value<T: ConfigValue>(configuration: &Configuration, option: &ConfigOption<T>) -> Result<T, ConfigError> {
    let set = option.keys().find_map(|key| configuration.text(key));
    if let Some(Err(reason)) = set.map(|text| option.check(text)) {
        return Err(refusal(option, reason));
    }
    configuration.get(option)
}

fn count(configuration: &Configuration, option: &ConfigOption<i32>) -> Result<u32, ConfigError> {
    let count = value(configuration, option)?;
    u32::try_from(count).map_err(|_| refusal(option, format!("'{count}' is negative")))
}

fn refusal<T: ConfigValue>(option: &ConfigOption<T>, reason: String) -> ConfigError {
    let key = option.key().to_owned();
    ConfigError::Invalid { key, reason }
}

/// A value that is in its range, but does not go with others.
fn out_of_range<T: ConfigValue>(configuration: &Configuration, option: &ConfigOption<T>, must: &str) -> ConfigError {
    let set = option.keys().find_map(|key| configuration.text(key));
    let text = set.or(option.default).unwrap_or_default();
    refusal(option, format!("'{text}' is out of range: {must}"))
}

impl ExponentialDelay {
    fn read(configuration: &Configuration) -> Result<Self, ConfigError> {
        let initial = value(configuration, &keys::EXPONENTIAL_INITIAL_BACKOFF)?;
        let max = value(configuration, &keys::EXPONENTIAL_MAX_BACKOFF)?;
        let multiplier = value(configuration, &keys::EXPONENTIAL_MULTIPLIER)?;
        if initial > max {
            let must = format!(
                "it must be at most {}, which is {}",
                keys::EXPONENTIAL_MAX_BACKOFF.key(),
                max.to_text()
            );
            return Err(out_of_range(configuration, &keys::EXPONENTIAL_INITIAL_BACKOFF, &must));
        }
        if !(multiplier.is_finite() && multiplier > 1.0) {
            let must = "it must be more than 1";
            return Err(out_of_range(configuration, &keys::EXPONENTIAL_MULTIPLIER, must));
        }
        Ok(Self {
            initial,
            max,
            multiplier,
            reset_threshold: value(configuration, &keys::EXPONENTIAL_RESET_THRESHOLD)?,
            jitter: value(configuration, &keys::EXPONENTIAL_JITTER)?,
            attempts: count(configuration, &keys::EXPONENTIAL_ATTEMPTS)?,
        })
    }

    /// The pause before the restart of this number, from 1 on.
    fn pause(&self, attempt: u32, rng: &mut impl Rng) -> Duration {
        let growth = self
            .multiplier
            .powi(i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX));
        let (initial, max) = (self.initial.as_secs_f64(), self.max.as_secs_f64());
        // Beyond the longest pause too: a pause that has long outgrown it is not varied any more. It must stay finite.
        let plain = (initial * growth).min(f64::MAX / 4.0);
        let varied = plain * (1.0 + self.jitter * rng.random_range(-1.0..=1.0));
        Duration::from_secs_f64(varied.clamp(initial, max))
    }
}

/// What follows from a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A restart after this pause. It counts where it is not part of one that is coming already.
    Restart {
        /// From now.
        pause: Duration,
        /// Whether it counts.
        is_new: bool,
    },
    /// The job fails; why, where a strategy would have restarted it.
    Fail(Option<String>),
}

/// A strategy at work.
#[derive(Debug)]
pub(super) struct RestartStrategy {
    settings: RestartSettings,
    /// Failures that led to a restart, or were one too many.
    attempts: u32,
    /// The last failures, as many as an interval may have and one more.
    failures: VecDeque<Instant>,
    /// When the last restart was, or will be.
    restart_at: Option<Instant>,
}

impl RestartStrategy {
    pub(super) const fn new(settings: RestartSettings) -> Self {
        Self {
            settings,
            attempts: 0,
            failures: VecDeque::new(),
            restart_at: None,
        }
    }

    /// A failure has happened.
    pub(super) fn failure(&mut self, now: Instant, rng: &mut impl Rng) -> Verdict {
        match &self.settings {
            RestartSettings::None => Verdict::Fail(None),
            RestartSettings::FixedDelay { attempts, delay } => {
                self.attempts = self.attempts.saturating_add(1);
                if self.attempts <= *attempts {
                    return Verdict::restart(*delay);
                }
                refused(&keys::FIXED_DELAY_ATTEMPTS, &attempts.to_string())
            }
            RestartSettings::FailureRate {
                max_failures,
                interval,
                delay,
            } => {
                self.failures.push_back(now);
                if self.failures.len() <= *max_failures {
                    return Verdict::restart(*delay);
                }
                match self.failures.pop_front() {
                    Some(first) if now - first > *interval => Verdict::restart(*delay),
                    _ => refused(&keys::FAILURE_RATE_MAX_FAILURES, &max_failures.to_string()),
                }
            }
            RestartSettings::ExponentialDelay(growing) => {
                if let Some(restart_at) = self.restart_at {
                    if now <= restart_at {
                        // It becomes part of the restart that is coming.
                        return Verdict::Restart {
                            pause: restart_at - now,
                            is_new: false,
                        };
                    }
                    if now - restart_at >= growing.reset_threshold {
                        self.attempts = 0;
                    }
                }
                self.attempts = self.attempts.saturating_add(1);
                if self.attempts > growing.attempts {
                    return refused(&keys::EXPONENTIAL_ATTEMPTS, &growing.attempts.to_string());
                }
                let pause = growing.pause(self.attempts, rng);
                self.restart_at = Some(now + pause);
                Verdict::restart(pause)
            }
        }
    }
}

impl Verdict {
    const fn restart(pause: Duration) -> Self {
        Self::Restart { pause, is_new: true }
    }
}

fn refused(option: &ConfigOption<i32>, value: &str) -> Verdict {
    Verdict::Fail(Some(format!(
        "the job is not restarted again, as {} is {value}",
        option.key()
    )))
}

#[cfg(test)]
#[path = "restart_strategy_tests.rs"]
mod tests;
