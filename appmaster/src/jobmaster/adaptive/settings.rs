//! What `jobmanager.adaptive-scheduler.*` and `scheduler-mode` say, read once.

use std::time::Duration;

use selvedge_core::Configuration;
use selvedge_core::config::options::general::SCHEDULER_MODE;
use selvedge_core::config::options::jobmanager as keys;
use selvedge_core::config::{ConfigError, ConfigOption, Declaration};

/// How the adaptive scheduler waits and rescales.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdaptiveSettings {
    /// Every vertex runs with up to its maximum parallelism, on all slots that there are.
    pub reactive: bool,
    /// How long a job waits for all that it asks for; `None` until they come.
    pub resource_wait: Option<Duration>,
    /// How long one that could start waits for more.
    pub stabilization: Duration,
    /// For how long a job that has just started is not rescaled.
    pub cooldown: Duration,
    /// How long a running job waits for more before it is rescaled.
    pub executing_stabilization: Duration,
    /// How long after its start it is rescaled for less than [`Self::min_increase`].
    pub longest_interval: Option<Duration>,
    /// By how much the parallelism of a vertex must grow.
    pub min_increase: u32,
    /// Of more slots than are used, those of as few workers as possible are taken.
    pub few_workers: bool,
}

impl AdaptiveSettings {
    /// Reads the settings; an unusable value is an error that names its key.
    pub(crate) fn read(configuration: &Configuration) -> Result<Self, ConfigError> {
        let reactive = is_reactive(configuration)?;
        let is_set = |option: &Declaration| option.keys().any(|key| configuration.text(key).is_some());
        let waits = !reactive || is_set(&keys::RESOURCE_WAIT_TIMEOUT);
        // Flink's reactive mode starts at once, with whatever there is.
        let unless_set = |option: &ConfigOption<Duration>| match reactive && !is_set(option) {
            true => Ok(Duration::ZERO),
            false => configuration.get(option),
        };
        let longest_interval = configuration.find(&keys::SCALING_INTERVAL_MAX)?;
        let cooldown = configuration.get(&keys::SCALING_INTERVAL_MIN)?;
        if let Some(longest) = longest_interval.filter(|longest| *longest < cooldown) {
            return Err(ConfigError::Invalid {
                key: keys::SCALING_INTERVAL_MAX.key().to_owned(),
                reason: format!(
                    "{longest:?} is shorter than {}, {cooldown:?}: make it longer, or leave it out",
                    keys::SCALING_INTERVAL_MIN.key()
                ),
            });
        }
        Ok(Self {
            reactive,
            resource_wait: match waits {
                true => configuration.get(&keys::RESOURCE_WAIT_TIMEOUT)?.duration(),
                false => None,
            },
            stabilization: unless_set(&keys::RESOURCE_STABILIZATION_TIMEOUT)?,
            cooldown,
            executing_stabilization: unless_set(&keys::EXECUTING_STABILIZATION_TIMEOUT)?,
            longest_interval,
            min_increase: u32::try_from(configuration.get(&keys::MIN_PARALLELISM_INCREASE)?).unwrap_or(1),
            few_workers: configuration.get(&keys::PREFER_MINIMAL_TASK_MANAGERS)?,
        })
    }
}

/// Whether `scheduler-mode` is REACTIVE.
pub(in crate::jobmaster) fn is_reactive(configuration: &Configuration) -> Result<bool, ConfigError> {
    let mode = configuration.find(&SCHEDULER_MODE)?;
    Ok(mode.is_some_and(|mode| mode.trim().eq_ignore_ascii_case("REACTIVE")))
}

/// A cluster that cannot run in reactive mode.
///
/// # Errors
/// Where `scheduler-mode` asks for it; `what` says which cluster this is.
pub fn refuse_reactive(configuration: &Configuration, what: &str) -> Result<(), ConfigError> {
    match is_reactive(configuration)? {
        false => Ok(()),
        true => Err(ConfigError::Invalid {
            key: SCHEDULER_MODE.key().to_owned(),
            reason: format!(
                "'REACTIVE' is not for {what}: it runs one job on all workers that somebody starts, with selvedge \
                 standalone-job; write jobmanager.scheduler: Adaptive instead, and leave scheduler-mode out"
            ),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(settings: &[(&str, &str)]) -> Result<AdaptiveSettings, ConfigError> {
        AdaptiveSettings::read(&settings.iter().copied().collect())
    }

    #[test]
    fn the_names_of_both_flinks_are_read() {
        let prefix = "jobmanager.adaptive-scheduler.";
        for [first, second] in [
            ["resource-wait-timeout", "submission.resource-wait-timeout"],
            [
                "resource-stabilization-timeout",
                "submission.resource-stabilization-timeout",
            ],
            ["scaling-interval.min", "executing.cooldown-after-rescaling"],
        ] {
            let [one, other] = [first, second].map(|name| read(&[(&format!("{prefix}{name}"), "7 s")]).unwrap());
            assert_eq!(one, other, "{first}");
            assert_ne!(one, read(&[]).unwrap(), "{first}");
        }
    }

    #[test]
    fn few_workers_are_preferred_unless_that_is_switched_off() {
        let key = "jobmanager.adaptive-scheduler.prefer-minimal-taskmanagers";
        for (settings, expected) in [(&[][..], true), (&[(key, "false")], false)] {
            assert_eq!(read(settings).unwrap().few_workers, expected);
        }
    }

    #[test]
    fn a_negative_resource_wait_is_without_end() {
        let key = "jobmanager.adaptive-scheduler.resource-wait-timeout";
        for text in ["-1", "-1 s"] {
            assert_eq!(read(&[(key, text)]).unwrap().resource_wait, None);
        }
        let refused = read(&[(key, "-")]).unwrap_err().to_string();
        assert!(refused.contains(key) && refused.contains("'-'"), "{refused}");
    }

    #[test]
    fn reactive_mode_waits_for_no_slot_unless_it_is_told_to() {
        let plain = read(&[]).unwrap();
        assert_eq!(
            (plain.reactive, plain.resource_wait),
            (false, Some(Duration::from_secs(300)))
        );
        let reactive = read(&[("scheduler-mode", "reactive")]).unwrap();
        assert_eq!((reactive.reactive, reactive.resource_wait), (true, None));
        assert_eq!(
            (reactive.stabilization, reactive.executing_stabilization),
            (Duration::ZERO, Duration::ZERO)
        );
        assert_eq!(reactive.cooldown, plain.cooldown);
        let key = "jobmanager.adaptive-scheduler.resource-stabilization-timeout";
        let told = read(&[("scheduler-mode", "reactive"), (key, "2 s")]).unwrap();
        assert_eq!(told.stabilization, Duration::from_secs(2));
    }

    #[test]
    fn what_does_not_go_together_is_refused_with_key_and_remedy() {
        let error = read(&[("jobmanager.adaptive-scheduler.scaling-interval.max", "1 s")]).unwrap_err();
        assert!(error.to_string().contains("1s is shorter than"), "{error}");
        let configuration = Configuration::from_iter([("scheduler-mode", "reactive")]);
        let error = refuse_reactive(&configuration, "a session").unwrap_err().to_string();
        for part in ["scheduler-mode", "'REACTIVE' is not for a session", "standalone-job"] {
            assert!(error.contains(part), "{error}");
        }
        assert_eq!(refuse_reactive(&Configuration::default(), "a session"), Ok(()));
    }
}
