//! A case that Flink's classes decided, decided by ours.

use std::collections::BTreeMap;

use selvedge_core::memory::MemoryError;
use selvedge_core::resource::{ResourceProfile, WorkerResourceSpec};
use selvedge_core::{Configuration, JobManagerProcessSpec, TaskExecutorProcessSpec};
use serde::Deserialize;
use serde_json::{Value, json};

/// What `MemoryCases` writes in a line.
#[derive(Deserialize)]
struct Case {
    process: String,
    options: BTreeMap<String, String>,
    /// Sums in bytes, where it is accepted.
    spec: Option<Value>,
    /// The kind of the refusal.
    refusal: Option<String>,
    /// Flink's words.
    message: Option<String>,
}

/// How many cases there were, and those that were decided otherwise.
#[derive(Debug, Default)]
pub(super) struct Mismatches {
    pub(super) cases: usize,
    pub(super) refused: usize,
    mismatches: Vec<String>,
}

impl Mismatches {
    pub(super) fn of(lines: &str) -> Self {
        let mut seen = Self::default();
        for line in lines.lines() {
            let case: Case = serde_json::from_str(line).unwrap();
            seen.cases += 1;
            seen.refused += usize::from(case.refusal.is_some());
            let expected = match (&case.spec, &case.refusal) {
                (Some(spec), None) => Ok(without_order(spec.clone())),
                (None, Some(kind)) => Err(kind.clone()),
                other => panic!("{other:?} is neither accepted nor refused"),
            };
            let actual = decide(&case);
            if actual != expected {
                let difference = difference(&expected, &actual);
                let (process, options) = (&case.process, &case.options);
                let message = case.message.unwrap_or_default();
                seen.mismatches
                    .push(format!("{process} {options:?}: {difference} {message}"));
            }
        }
        seen
    }

    pub(super) fn assert_none(self) -> Self {
        let shown: Vec<_> = self.mismatches.iter().take(10).map(String::as_str).collect();
        let (wrong, cases) = (self.mismatches.len(), self.cases);
        assert!(
            shown.is_empty(),
            "{wrong} of {cases} are decided otherwise, such as\n{}",
            shown.join("\n")
        );
        self
    }
}

/// The sums that differ, or how one was refused.
fn difference(expected: &Result<Value, String>, actual: &Result<Value, String>) -> String {
    let (Ok(Value::Object(expected)), Ok(actual)) = (expected, actual) else {
        return format!("Flink {expected:?}, ours {actual:?}");
    };
    let others = expected.iter().filter(|(name, value)| actual[name.as_str()] != **value);
    let lines = others.map(|(name, value)| format!("{name}: Flink {value}, ours {}", actual[name.as_str()]));
    lines.collect::<Vec<_>>().join("; ")
}

fn decide(case: &Case) -> Result<Value, String> {
    let configuration: Configuration = case.options.iter().collect();
    let kind = |error: MemoryError| error.problem.id().to_owned();
    match case.process.as_str() {
        "taskmanager" => TaskExecutorProcessSpec::derive(&configuration)
            .map(|spec| worker(&configuration, &spec))
            .map_err(kind),
        _ => JobManagerProcessSpec::derive(&configuration)
            .map(|spec| master(&spec))
            .map_err(kind),
    }
}

fn worker(configuration: &Configuration, spec: &TaskExecutorProcessSpec) -> Value {
    let mut sums = outer(spec);
    let wish = WorkerResourceSpec::from(spec);
    let again = match TaskExecutorProcessSpec::for_worker(configuration, &wish) {
        Ok(again) => outer(&again),
        Err(error) => json!(error.problem.id()),
    };
    let own = json!({
        "framework_heap": spec.framework_heap.bytes(),
        "framework_off_heap": spec.framework_off_heap.bytes(),
        "task_heap": spec.task_heap.bytes(),
        "task_off_heap": spec.task_off_heap.bytes(),
        "network": spec.network.bytes(),
        "managed": spec.managed.bytes(),
        "cpu": spec.cpu_cores.to_string(),
        "slots": spec.number_of_slots,
        "total": profile(&spec.total_profile()),
        "slot": profile(&spec.slot_profile()),
        "dynamic": assignments(spec.to_dynamic_properties()),
        "from_wish": again,
    });
    extend(&mut sums, own);
    sums
}

fn outer(spec: &TaskExecutorProcessSpec) -> Value {
    json!({
        "total_process": spec.total_process().bytes(),
        "total_flink": spec.total_flink().bytes(),
        "metaspace": spec.jvm_metaspace.bytes(),
        "overhead": spec.jvm_overhead.bytes(),
    })
}

fn master(spec: &JobManagerProcessSpec) -> Value {
    json!({
        "total_process": spec.total_process().bytes(),
        "total_flink": spec.total_flink().bytes(),
        "metaspace": spec.jvm_metaspace.bytes(),
        "overhead": spec.jvm_overhead.bytes(),
        "heap": spec.heap.bytes(),
        "off_heap": spec.off_heap.bytes(),
        "dynamic": assignments(spec.to_dynamic_properties()),
    })
}

fn profile(profile: &ResourceProfile) -> Value {
    let amounts = profile.extended.iter();
    let extended: BTreeMap<_, _> = amounts.map(|(name, amount)| (name, amount.to_string())).collect();
    json!({
        "cpu": profile.cpu_cores.to_string(),
        "task_heap": profile.task_heap.bytes(),
        "task_off_heap": profile.task_off_heap.bytes(),
        "managed": profile.managed.bytes(),
        "network": profile.network.bytes(),
        "extended": extended,
    })
}

fn extend(value: &mut Value, other: Value) {
    if let (Value::Object(members), Value::Object(others)) = (value, other) {
        members.extend(others);
    }
}

fn assignments(properties: Vec<(String, String)>) -> Value {
    let pairs = properties.into_iter();
    pairs
        .map(|(key, value)| (key.clone(), value_of(&key, &value)))
        .collect()
}

/// The text `-D key=value -D key=value` as an object: Flink lists them in no order.
fn without_order(mut spec: Value) -> Value {
    let Some(text) = spec["dynamic"].as_str() else {
        return spec;
    };
    let pairs = text.split("-D ").filter_map(|pair| pair.trim().split_once('='));
    // In a shell a list with semicolons stands in quotes.
    let listed = pairs
        .map(|(key, value)| (key.to_owned(), value_of(key, value.trim_matches('"'))))
        .collect();
    spec["dynamic"] = listed;
    spec
}

/// Cores as a number, because both write exponents in their own way; a list in an order of its own.
fn value_of(key: &str, value: &str) -> Value {
    if key == "taskmanager.cpu.cores" {
        return value.parse::<f64>().unwrap().into();
    }
    let mut items: Vec<_> = value.split(';').collect();
    items.sort_unstable();
    items.join(";").into()
}
