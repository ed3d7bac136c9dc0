use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

/// A property of the scheduler: `{"name":"yarn.scheduler.capacity.root.queues","value":"default"}`.
///
/// Source: `ConfInfo`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct SchedulerProperty {
    /// Its whole name.
    pub name: String,
    /// Its value.
    #[serde(default)]
    pub value: String,
}

/// Properties of one queue, by their last names: `capacity`, `maximum-applications`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueueProperties {
    /// The path of the queue: `root.a.b`.
    pub queue: String,
    /// Its properties; `None` takes one away.
    pub properties: BTreeMap<String, Option<String>>,
}

/// A change of the capacity scheduler's configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SchedulerChange {
    /// Queues to make, parents first.
    pub add: Vec<QueueProperties>,
    /// Queues to take away, by path; they must be stopped.
    pub remove: Vec<String>,
    /// Queues to change.
    pub update: Vec<QueueProperties>,
    /// Properties outside of queues, by their whole names.
    pub global: BTreeMap<String, Option<String>>,
}

impl SchedulerChange {
    pub(crate) fn to_json(&self) -> Result<Value, String> {
        let paths = self
            .add
            .iter()
            .chain(&self.update)
            .map(|queue| &queue.queue)
            .chain(&self.remove);
        for path in paths {
            if !path.starts_with("root") {
                return Err(format!("{path:?} is not the path of a queue, such as root.default"));
            }
        }
        let mut body = Map::new();
        let mut set = |key: &str, is_empty: bool, value: Value| {
            if !is_empty {
                body.insert(key.to_owned(), value);
            }
        };
        let queues = |queues: &[QueueProperties]| queues.iter().map(QueueProperties::to_json).collect::<Value>();
        set("add-queue", self.add.is_empty(), queues(&self.add));
        set("remove-queue", self.remove.is_empty(), json!(self.remove));
        set("update-queue", self.update.is_empty(), queues(&self.update));
        set("global-updates", self.global.is_empty(), entries(&self.global));
        if body.is_empty() {
            return Err("the change changes nothing".to_owned());
        }
        Ok(Value::Object(body))
    }
}

impl QueueProperties {
    fn to_json(&self) -> Value {
        json!({ "queue-name": self.queue, "params": entries(&self.properties) })
    }
}

/// An absent value takes the property away.
fn entries(properties: &BTreeMap<String, Option<String>>) -> Value {
    let entries: Vec<_> = properties
        .iter()
        .map(|(key, value)| match value {
            Some(value) => json!({ "key": key, "value": value }),
            None => json!({ "key": key }),
        })
        .collect();
    json!({ "entry": entries })
}
