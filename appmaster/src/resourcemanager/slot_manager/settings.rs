//! The SlotManager's settings, read once and checked against each other.

use std::time::Duration;

use selvedge_core::Configuration;
use selvedge_core::config::ConfigError;
use selvedge_core::config::options::{cluster, resourcemanager, taskmanager};
use selvedge_core::resource::Quantity;

use super::bounds::{Capacity, ClusterBounds, Most};
use super::matching::Matching;

/// How the SlotManager decides.
#[derive(Debug, Clone, PartialEq)]
pub struct SlotManagerSettings {
    /// Which worker gives the next slot.
    pub matching: Matching,
    /// After how long an idle worker is released.
    pub idle_timeout: Duration,
    /// Whether a worker is asked before it is released.
    pub wait_for_results: bool,
    /// How many spare workers are kept while a job has slots.
    pub redundant_workers: u32,
    /// How small and how large the cluster may become.
    pub bounds: ClusterBounds,
    /// How long changes are collected before slots are given.
    pub requirement_check_delay: Duration,
    /// How long changes are collected before the driver is told how many workers are needed.
    pub declare_delay: Duration,
}

impl SlotManagerSettings {
    /// Reads the settings; one that cannot be used, or not beside another, is an error that names its key.
    pub fn read(configuration: &Configuration) -> Result<Self, ConfigError> {
        Ok(Self {
            matching: matching(configuration)?,
            idle_timeout: configuration.get(&resourcemanager::TASKMANAGER_TIMEOUT)?,
            wait_for_results: configuration.get(&resourcemanager::WAIT_FOR_RESULTS)?,
            redundant_workers: configuration.get(&resourcemanager::REDUNDANT_TASKMANAGERS)?,
            bounds: bounds(configuration)?,
            requirement_check_delay: configuration.get(&resourcemanager::REQUIREMENT_CHECK_DELAY)?,
            declare_delay: configuration.get(&resourcemanager::DECLARE_NEEDED_RESOURCE_DELAY)?,
        })
    }
}

/// The older key counts where the newer one is not set, as in Flink 1.20.
fn matching(configuration: &Configuration) -> Result<Matching, ConfigError> {
    let option = &taskmanager::LOAD_BALANCE_MODE;
    let spread = match configuration.find(option)? {
        None => configuration.get(&cluster::EVENLY_SPREAD_OUT_SLOTS)?,
        Some(mode) => {
            let invalid = |reason| ConfigError::Invalid {
                key: option.key().to_owned(),
                reason,
            };
            option.check(&mode).map_err(invalid)?;
            mode.eq_ignore_ascii_case("SLOTS")
        }
    };
    Ok(if spread { Matching::LeastUtilised } else { Matching::Any })
}

fn bounds(configuration: &Configuration) -> Result<ClusterBounds, ConfigError> {
    let cores = |value: f64| Quantity::from_f64(value).unwrap_or_default();
    let least = Capacity {
        slots: configuration.get(&resourcemanager::NUMBER_OF_SLOTS_MIN)?.into(),
        cpu_cores: configuration
            .find(&resourcemanager::MIN_TOTAL_CPU)?
            .map(cores)
            .unwrap_or_default(),
        memory: configuration
            .find(&resourcemanager::MIN_TOTAL_MEMORY)?
            .map_or(0, |size| size.bytes().into()),
    };
    let most = Most {
        slots: configuration.get(&resourcemanager::NUMBER_OF_SLOTS_MAX)?.into(),
        cpu_cores: configuration.find(&resourcemanager::MAX_TOTAL_CPU)?.map(cores),
        memory: configuration
            .find(&resourcemanager::MAX_TOTAL_MEMORY)?
            .map(|size| size.bytes().into()),
    };
    let crossed = |key: &str, least: String, most_key: &str, most: String| ConfigError::Invalid {
        key: key.to_owned(),
        reason: format!("'{least}' is more than {most_key}, which is {most}; lower one or raise the other"),
    };
    let (min, max) = (
        &resourcemanager::NUMBER_OF_SLOTS_MIN,
        &resourcemanager::NUMBER_OF_SLOTS_MAX,
    );
    if least.slots > most.slots {
        return Err(crossed(
            min.key(),
            least.slots.to_string(),
            max.key(),
            most.slots.to_string(),
        ));
    }
    let (min, max) = (&resourcemanager::MIN_TOTAL_CPU, &resourcemanager::MAX_TOTAL_CPU);
    if let Some(cores) = most.cpu_cores.filter(|most| least.cpu_cores > *most) {
        return Err(crossed(
            min.key(),
            least.cpu_cores.to_string(),
            max.key(),
            cores.to_string(),
        ));
    }
    let (min, max) = (&resourcemanager::MIN_TOTAL_MEMORY, &resourcemanager::MAX_TOTAL_MEMORY);
    if let Some(bytes) = most.memory.filter(|most| least.memory > *most) {
        return Err(crossed(
            min.key(),
            format!("{} bytes", least.memory),
            max.key(),
            format!("{bytes} bytes"),
        ));
    }
    Ok(ClusterBounds { least, most })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(settings: &[(&str, &str)]) -> Result<SlotManagerSettings, String> {
        let configuration = settings.iter().copied().collect();
        SlotManagerSettings::read(&configuration).map_err(|error| error.to_string())
    }

    #[test]
    fn the_newer_key_for_spreading_goes_before_the_older() {
        for (settings, expected) in [
            (&[][..], Matching::Any),
            (&[("taskmanager.load-balance.mode", "slots")], Matching::LeastUtilised),
            (&[("cluster.evenly-spread-out-slots", "true")], Matching::LeastUtilised),
            (
                &[
                    ("cluster.evenly-spread-out-slots", "true"),
                    ("taskmanager.load-balance.mode", "NONE"),
                ],
                Matching::Any,
            ),
        ] {
            assert_eq!(read(settings).unwrap().matching, expected, "{settings:?}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_refused_by_key_and_value() {
        for (settings, expected) in [
            (
                &[
                    ("slotmanager.number-of-slots.min", "5"),
                    ("slotmanager.number-of-slots.max", "4"),
                ][..],
                "slotmanager.number-of-slots.min: '5' is more than slotmanager.number-of-slots.max, which is 4",
            ),
            (
                &[
                    ("slotmanager.min-total-resource.cpu", "1.5"),
                    ("slotmanager.max-total-resource.cpu", "1"),
                ],
                "slotmanager.min-total-resource.cpu: '1.5' is more than slotmanager.max-total-resource.cpu, which is 1",
            ),
            (
                &[
                    ("slotmanager.min-total-resource.memory", "2kb"),
                    ("slotmanager.max-total-resource.memory", "1kb"),
                ],
                "slotmanager.min-total-resource.memory: '2048 bytes' is more than",
            ),
            (
                &[("slotmanager.number-of-slots.max", "0")],
                "slotmanager.number-of-slots.max: '0'",
            ),
            (
                &[("slotmanager.redundant-taskmanager-num", "-1")],
                "slotmanager.redundant-taskmanager-num: '-1'",
            ),
            (
                &[("slotmanager.requirement-check.delay", "-1 ms")],
                "slotmanager.requirement-check.delay: '-1 ms'",
            ),
            (
                &[("resourcemanager.taskmanager-timeout", "-1 s")],
                "resourcemanager.taskmanager-timeout: '-1 s'",
            ),
            (
                &[("taskmanager.load-balance.mode", "TASKS")],
                "taskmanager.load-balance.mode: 'TASKS'",
            ),
        ] {
            let message = read(settings).unwrap_err();
            assert!(message.starts_with(expected), "{message}");
        }
    }
}
