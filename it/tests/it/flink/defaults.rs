//! Every option that Flink declares, read from its classes into `it/flink/options.json`, against our declarations.

use std::collections::BTreeSet;

use selvedge_core::config::catalogue::{self, Known};
use selvedge_core::config::{Declaration, Kind};
use serde::Deserialize;

/// An option as Flink's classes declare it.
#[derive(Debug, Deserialize)]
struct FlinkOption {
    key: String,
    default: Option<String>,
    r#type: String,
    is_list: bool,
    fallback_keys: Vec<String>,
    deprecated_keys: Vec<String>,
    deprecated: bool,
}

/// Where the default differs on purpose, and why.
const OTHER_DEFAULTS: &[(&str, &str)] = &[
    (
        "execution.attached",
        "Flink's command line sets it to what is our default",
    ),
    (
        "jobmanager.failure-enrichers",
        "whether the job or the cluster broke is told without being asked for",
    ),
    (
        "execution.runtime-mode",
        "a job is run as its sources end: what Flink calls AUTOMATIC",
    ),
    ("yarn.application.type", "the application is not Flink's"),
    (
        "rest.bind-port",
        "on YARN, Flink's client sets it to 0 where the user does not",
    ),
];

/// Where the other names differ on purpose, and why.
const OTHER_NAMES: &[(&str, &str)] = &[
    (
        "process.jobmanager.working-dir",
        "process.working-dir is read as an option of its own, so that an error names the key that was set",
    ),
    (
        "process.taskmanager.working-dir",
        "process.working-dir is read as an option of its own, so that an error names the key that was set",
    ),
    (
        "rest.bind-port",
        "its fallback is a port for clients, which may be taken on a shared node",
    ),
    (
        "jobmanager.adaptive-scheduler.resource-wait-timeout",
        "the name that it has in Flink 2 is read too",
    ),
    (
        "jobmanager.adaptive-scheduler.resource-stabilization-timeout",
        "the name that it has in Flink 2 is read too",
    ),
    (
        "jobmanager.adaptive-scheduler.scaling-interval.min",
        "the name that it has in Flink 2 is read too",
    ),
    (
        "jobmanager.memory.process.size",
        "on YARN the heap of old stands for the container",
    ),
    (
        "taskmanager.memory.process.size",
        "on YARN the heap of old stands for the container",
    ),
];

/// Namespaces of what is no setting of a cluster: internal, or a part of another key.
const NO_SETTINGS: &[&str] = &[
    "$internal",
    "<parameter>",
    "class",
    "enabled",
    "factory",
    "filter",
    "hidden",
    "internal",
    "interval",
    "scope",
    "sink",
    "source",
    "statebackend",
];

fn flink_options() -> Vec<FlinkOption> {
    let text = include_str!("../../../flink/options.json");
    let options: Vec<FlinkOption> = serde_json::from_str(text).unwrap();
    assert!(options.len() > 700, "{}", options.len());
    let is_setting = |option: &FlinkOption| {
        let namespace = option.key.split('.').next().unwrap();
        !NO_SETTINGS.contains(&namespace)
    };
    options.into_iter().filter(is_setting).collect()
}

/// The options that both have, under the same key.
fn shared() -> Vec<(FlinkOption, &'static Declaration)> {
    let both = |theirs: FlinkOption| {
        let ours = catalogue::option(&theirs.key)?;
        Some((theirs, ours))
    };
    let shared: Vec<_> = flink_options().into_iter().filter_map(both).collect();
    assert!(shared.len() > 400, "{}", shared.len());
    shared
}

fn is_listed(list: &[(&str, &str)], key: &str) -> bool {
    list.iter().any(|(listed, _)| *listed == key)
}

#[test]
fn every_default_is_flinks() {
    let mut other = BTreeSet::new();
    for (theirs, ours) in shared() {
        let same = match (&theirs.default, ours.default) {
            (None, None) => true,
            (Some(theirs), Some(default)) => ours.kind.is_same(theirs, default) || theirs.eq_ignore_ascii_case(default),
            _ => false,
        };
        if same {
            continue;
        }
        let told = format!("{}: Flink {:?}, here {:?}", theirs.key, theirs.default, ours.default);
        assert!(is_listed(OTHER_DEFAULTS, ours.key), "{told}");
        other.insert(ours.key);
    }
    let listed: BTreeSet<_> = OTHER_DEFAULTS.iter().map(|(key, _)| *key).collect();
    assert_eq!(other, listed, "what is said to differ, differs");
}

#[test]
fn every_type_is_flinks() {
    for (theirs, ours) in shared() {
        let same = match (theirs.r#type.as_str(), ours.kind) {
            _ if theirs.is_list => ours.kind == Kind::List,
            ("boolean", kind) => kind == Kind::Boolean,
            ("integer" | "long", kind) => kind == Kind::Integer || ours.key.ends_with("port"),
            ("double" | "float", kind) => matches!(kind, Kind::Number | Kind::Fraction),
            ("duration", kind) => matches!(kind, Kind::Duration | Kind::Timeout),
            ("memory", kind) => kind == Kind::Size,
            ("map", kind) => kind == Kind::Map,
            ("enum", kind) => matches!(kind, Kind::Choice(_)),
            ("string", kind) => matches!(kind, Kind::Text | Kind::Choice(_)),
            _ => false,
        };
        assert!(same, "{}: Flink {}, here {}", theirs.key, theirs.r#type, ours.kind);
    }
}

#[test]
fn every_other_name_is_flinks() {
    for (theirs, ours) in shared() {
        if is_listed(OTHER_NAMES, ours.key) {
            continue;
        }
        // Flink lists a key as its own former name in one place.
        let of_flink = |keys: &[String]| {
            keys.iter()
                .filter(|key| **key != theirs.key)
                .cloned()
                .collect::<Vec<_>>()
        };
        assert_eq!(ours.fallback_keys, of_flink(&theirs.fallback_keys), "{}", theirs.key);
        assert_eq!(
            ours.deprecated_keys,
            of_flink(&theirs.deprecated_keys),
            "{}",
            theirs.key
        );
    }
}

#[test]
fn every_key_of_flinks_is_an_option_a_former_name_of_a_family_or_without_meaning() {
    for option in flink_options() {
        // `external-resource.<resource_name>.amount` stands for the keys of one form.
        let key: String = option.key.replace(['<', '>'], "x");
        let known = catalogue::look_up(&key);
        assert!(known.is_some(), "{} is not known at all", option.key);
        if matches!(known, Some(Known::Former { .. })) {
            assert!(option.deprecated, "{} is an option of its own in Flink", option.key);
        }
    }
}
