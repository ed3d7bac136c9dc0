//! What a job says of its checkpoints, as Flink's `JobCheckpointingSettings`. No checkpoints are taken yet: the settings are
//! checked, carried and shown, and a job that asks for checkpoints by an interval is refused.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::JobGraph;
use super::validate::GraphError;
use crate::config::ConfigValue;

/// A checkpoint that may take less would never be whole.
const LEAST_TIME: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(365 * 86_400);

/// The settings of a job's checkpoints. What is left out has Flink's default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Texts", into = "Texts")]
pub struct CheckpointSettings {
    /// How often a checkpoint is begun; `None` is never.
    pub interval: Option<Duration>,
    /// What a checkpoint guarantees.
    pub mode: CheckpointMode,
    /// How long a checkpoint may take.
    pub timeout: Duration,
    /// The least pause between two checkpoints.
    pub min_pause: Duration,
    /// How many may be under way at once.
    pub max_concurrent: u32,
    /// How many in a row may fail before the job does.
    pub tolerable_failed: u32,
    /// What becomes of the last one when the job ends.
    pub externalized: CheckpointRetention,
    /// Whether barriers overtake data.
    pub unaligned: bool,
    /// After how long an aligned one goes on unaligned; 0 is at once.
    pub aligned_timeout: Duration,
    /// Whether they go on when a part of the tasks has ended.
    pub after_tasks_finish: bool,
}

/// What a checkpoint guarantees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CheckpointMode {
    /// Each record counts once in the state.
    #[default]
    ExactlyOnce,
    /// After a failure, some may count twice.
    AtLeastOnce,
}

/// What becomes of a job's last checkpoint when the job ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CheckpointRetention {
    /// It goes with the job.
    #[default]
    None,
    /// It stays when the job has failed.
    DeleteOnCancellation,
    /// It stays when the job has failed or was cancelled.
    RetainOnCancellation,
}

impl Default for CheckpointSettings {
    fn default() -> Self {
        Self {
            interval: None,
            mode: CheckpointMode::default(),
            timeout: Duration::from_secs(600),
            min_pause: Duration::ZERO,
            max_concurrent: 1,
            tolerable_failed: 0,
            externalized: CheckpointRetention::default(),
            unaligned: false,
            aligned_timeout: Duration::ZERO,
            after_tasks_finish: true,
        }
    }
}

/// How a file states them: durations are texts with a unit, such as `30 s`.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "CheckpointSettings")]
#[serde(deny_unknown_fields)]
struct Texts {
    /// How often a checkpoint is begun, such as `30 s`; left out, none is. No checkpoints are taken yet: a job that states
    /// this is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    interval: Option<String>,
    /// What a checkpoint guarantees.
    #[serde(default)]
    mode: CheckpointMode,
    /// How long a checkpoint may take; `10 min` where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timeout: Option<String>,
    /// The least pause between two checkpoints; none where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    min_pause: Option<String>,
    /// How many checkpoints may be under way at once, at least 1.
    #[serde(default = "one")]
    max_concurrent: u32,
    /// How many checkpoints in a row may fail before the job does.
    #[serde(default)]
    tolerable_failed: u32,
    /// What becomes of the last checkpoint when the job ends.
    #[serde(default)]
    externalized: CheckpointRetention,
    /// Whether barriers overtake data.
    #[serde(default)]
    unaligned: bool,
    /// With `unaligned`: after how long an aligned checkpoint goes on unaligned; at once where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    aligned_timeout: Option<String>,
    /// Whether checkpoints go on when a part of the tasks has ended.
    #[serde(default = "yes")]
    after_tasks_finish: bool,
}

impl TryFrom<Texts> for CheckpointSettings {
    type Error = String;

    fn try_from(texts: Texts) -> Result<Self, Self::Error> {
        let read = |name: &str, text: Option<String>| {
            let duration = text.map(|text| Duration::parse(&text)).transpose();
            duration.map_err(|reason| format!("checkpointing.{name}: {reason}"))
        };
        let default = Self::default();
        Ok(Self {
            interval: read("interval", texts.interval)?,
            mode: texts.mode,
            timeout: read("timeout", texts.timeout)?.unwrap_or(default.timeout),
            min_pause: read("min_pause", texts.min_pause)?.unwrap_or(default.min_pause),
            max_concurrent: texts.max_concurrent,
            tolerable_failed: texts.tolerable_failed,
            externalized: texts.externalized,
            unaligned: texts.unaligned,
            aligned_timeout: read("aligned_timeout", texts.aligned_timeout)?.unwrap_or(default.aligned_timeout),
            after_tasks_finish: texts.after_tasks_finish,
        })
    }
}

impl From<CheckpointSettings> for Texts {
    fn from(settings: CheckpointSettings) -> Self {
        Self {
            interval: settings.interval.map(|interval| interval.to_text()),
            mode: settings.mode,
            timeout: Some(settings.timeout.to_text()),
            min_pause: Some(settings.min_pause.to_text()),
            max_concurrent: settings.max_concurrent,
            tolerable_failed: settings.tolerable_failed,
            externalized: settings.externalized,
            unaligned: settings.unaligned,
            aligned_timeout: Some(settings.aligned_timeout.to_text()),
            after_tasks_finish: settings.after_tasks_finish,
        }
    }
}

impl JsonSchema for CheckpointSettings {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        Texts::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Texts::json_schema(generator)
    }
}

const fn one() -> u32 {
    1
}

const fn yes() -> bool {
    true
}

pub(super) fn check_checkpointing(graph: &JobGraph) -> Result<(), GraphError> {
    let Some(settings) = &graph.checkpointing else {
        return Ok(());
    };
    let fault = |setting: &'static str, problem: String| Err(GraphError::Checkpointing { setting, problem });
    let least = LEAST_TIME.to_text();
    if let Some(interval) = settings.interval.filter(|interval| *interval < LEAST_TIME) {
        let stated = interval.to_text();
        return fault("interval", format!("is {stated}: it must be at least {least}"));
    }
    if settings.timeout < LEAST_TIME {
        let stated = settings.timeout.to_text();
        return fault("timeout", format!("is {stated}: it must be at least {least}"));
    }
    if settings.min_pause > LONGEST_PAUSE {
        let stated = settings.min_pause.to_text();
        return fault("min_pause", format!("is {stated}: it must be at most a year"));
    }
    if settings.max_concurrent == 0 {
        return fault("max_concurrent", "is 0: it must be at least 1".to_owned());
    }
    if settings.unaligned && settings.mode != CheckpointMode::ExactlyOnce {
        let problem = "is true, which needs the mode exactly-once: leave one of them out";
        return fault("unaligned", problem.to_owned());
    }
    if settings.unaligned && settings.max_concurrent > 1 {
        let stated = settings.max_concurrent;
        return fault(
            "unaligned",
            format!("is true, and max_concurrent is {stated}: it must be 1 then"),
        );
    }
    match settings.interval {
        Some(interval) => Err(GraphError::CheckpointInterval {
            interval: interval.to_text(),
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(settings: Value) -> Result<CheckpointSettings, String> {
        serde_json::from_value(settings).map_err(|error| error.to_string())
    }

    fn checked(settings: Value) -> Result<(), String> {
        let graph = json!({"name": "j", "vertices": [], "checkpointing": settings});
        let graph = serde_json::from_value::<JobGraph>(graph).map_err(|error| error.to_string())?;
        check_checkpointing(&graph).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_left_out_has_flinks_default_and_all_reads_back() {
        assert_eq!(read(json!({})), Ok(CheckpointSettings::default()));
        let stated = json!({"interval": "30 s", "mode": "at-least-once", "timeout": "5min", "min_pause": "500ms",
            "max_concurrent": 2, "tolerable_failed": 3, "externalized": "retain-on-cancellation", "after_tasks_finish": false});
        let settings = read(stated).unwrap();
        assert_eq!(settings.interval, Some(Duration::from_secs(30)));
        assert_eq!(
            (settings.timeout, settings.min_pause.as_millis()),
            (Duration::from_secs(300), 500)
        );
        assert_eq!(read(serde_json::to_value(&settings).unwrap()), Ok(settings));
    }

    #[test]
    fn settings_without_an_interval_are_sound() {
        assert_eq!(checked(json!({"timeout": "1 min", "unaligned": true})), Ok(()));
    }

    #[test]
    fn a_job_that_asks_for_checkpoints_is_told_that_none_are_taken() {
        let message = checked(json!({"interval": "30 s"})).unwrap_err();
        for expected in [
            "checkpointing.interval is 30 s",
            "no checkpoints are taken yet",
            "leave it out",
        ] {
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn each_fault_names_its_setting_and_value() {
        for (settings, expected) in [
            (
                json!({"interval": "-1 s"}),
                "checkpointing.interval: '-1 s' is not a duration",
            ),
            (
                json!({"timeout": "soon"}),
                "checkpointing.timeout: 'soon' is not a duration",
            ),
            (
                json!({"interval": "5 ms"}),
                "checkpointing.interval is 5 ms: it must be at least 10 ms",
            ),
            (
                json!({"timeout": "0 s"}),
                "checkpointing.timeout is 0 ms: it must be at least 10 ms",
            ),
            (
                json!({"min_pause": "366 d"}),
                "checkpointing.min_pause is 366 d: it must be at most a year",
            ),
            (
                json!({"max_concurrent": 0}),
                "checkpointing.max_concurrent is 0: it must be at least 1",
            ),
            (json!({"tolerable_failed": -1}), "-1"),
            (json!({"mode": "exactly_once"}), "exactly_once"),
            (
                json!({"unaligned": true, "mode": "at-least-once"}),
                "checkpointing.unaligned is true, which needs",
            ),
            (json!({"unaligned": true, "max_concurrent": 2}), "max_concurrent is 2"),
            (json!({"intervall": "1 s"}), "unknown field `intervall`"),
        ] {
            let message = checked(settings).unwrap_err();
            assert!(message.contains(expected), "{message} / {expected}");
        }
    }
}
