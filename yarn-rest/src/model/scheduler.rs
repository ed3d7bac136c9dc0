use serde::Deserialize;
use serde_json::Value;
use yarn_common::resource::Resource;

use super::{Extra, ResourceInfo};

/// The scheduler of a cluster.
///
/// `{"scheduler":{"schedulerInfo":{"type":"capacityScheduler","queueName":"root","queues":{"queue":[…]}}}}`, of the fair
/// scheduler `{"type":"fairScheduler","rootQueue":{"queueName":"root","childQueues":{"queue":[…]}}}`
///
/// Source: `CapacitySchedulerInfo`, `FairSchedulerInfo`, `FifoSchedulerInfo`; ResourceManagerRest.md, "Cluster Scheduler
/// API".
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Scheduler {
    /// `capacityScheduler`, `fairScheduler` or `fifoScheduler`.
    pub kind: String,
    /// The queue at the root of all others.
    pub root: Queue,
}

/// A queue and those below it.
///
/// `{"queueName":"default","queuePath":"root.default","state":"RUNNING","capacity":100.0,…}`
///
/// Source: `CapacitySchedulerQueueInfo`, `FairSchedulerQueueInfo`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Queue {
    /// Its last name: `default`.
    pub name: String,
    /// All its names: `root.default`.
    pub path: String,
    /// `RUNNING` or `STOPPED`, where the scheduler says so.
    pub state: Option<String>,
    /// Those below it; a queue without any takes applications.
    pub children: Vec<Queue>,
    /// All other fields.
    pub extra: Extra,
}

impl Scheduler {
    /// Reads the answer of any of YARN's three schedulers.
    pub(crate) fn from_json(body: &Value) -> Result<Self, String> {
        let info = body
            .pointer("/scheduler/schedulerInfo")
            .ok_or("there is no scheduler.schedulerInfo in it")?;
        let kind = info.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
        let root = match kind.as_str() {
            "fifoScheduler" => Queue {
                name: "root".to_owned(),
                path: "root".to_owned(),
                state: None,
                children: vec![Queue::leaf("default", info)],
                extra: Extra::new(),
            },
            _ => Queue::from_json(info.get("rootQueue").unwrap_or(info), None)?,
        };
        Ok(Self { kind, root })
    }

    /// The queues that take applications, sorted by path.
    pub fn leaves(&self) -> Vec<&Queue> {
        let mut leaves = Vec::new();
        self.root.collect_leaves(&mut leaves);
        leaves.sort_by(|a, b| a.path.cmp(&b.path));
        leaves
    }

    /// The queue of this name (`default`) or path (`root.default`); a queue that takes applications goes before others.
    pub fn find(&self, name: &str) -> Option<&Queue> {
        let leaf = self
            .leaves()
            .into_iter()
            .find(|queue| queue.path == name || queue.name == name);
        leaf.or_else(|| self.root.find(name))
    }
}

impl Queue {
    /// The largest container that the queue gives, where the scheduler tells: the capacity scheduler of Hadoop 3.3 and newer, in
    /// `{"maximumAllocation":{"memory":8192,"vCores":4,…}}`. A queue without a limit of its own has the cluster's.
    pub fn maximum_allocation(&self) -> Option<Resource> {
        let info = ResourceInfo::deserialize(self.extra.get("maximumAllocation")?).ok()?;
        // What is not told is no limit of nothing.
        (info.memory.is_some() && info.v_cores.is_some()).then(|| info.to_resource())
    }

    fn from_json(value: &Value, parent: Option<&str>) -> Result<Self, String> {
        let mut extra = value.as_object().cloned().ok_or("a queue is not an object")?;
        let name = extra
            .get("queueName")
            .and_then(Value::as_str)
            .ok_or("a queue has no queueName")?
            .to_owned();
        let below = |parent: &str| format!("{parent}.{name}");
        // The fair scheduler names queues by their paths, and so does the capacity scheduler in queuePath.
        let path = match (extra.get("queuePath").and_then(Value::as_str), parent) {
            (Some(path), _) => path.to_owned(),
            (None, Some(parent)) if !name.starts_with(&format!("{parent}.")) => below(parent),
            (None, _) => name.clone(),
        };
        let state = extra.get("state").and_then(Value::as_str).map(str::to_owned);
        let children = match extra.remove("queues").or_else(|| extra.remove("childQueues")) {
            Some(queues) => children(queues.get("queue").unwrap_or(&queues), &path)?,
            None => Vec::new(),
        };
        let name = name.rsplit('.').next().unwrap_or_default().to_owned();
        Ok(Self {
            name,
            path,
            state,
            children,
            extra,
        })
    }

    fn leaf(name: &str, info: &Value) -> Self {
        Self {
            name: name.to_owned(),
            path: format!("root.{name}"),
            state: info.get("qstate").and_then(Value::as_str).map(str::to_owned),
            children: Vec::new(),
            extra: info.as_object().cloned().unwrap_or_default(),
        }
    }

    fn collect_leaves<'a>(&'a self, leaves: &mut Vec<&'a Queue>) {
        if self.children.is_empty() {
            leaves.push(self);
        }
        for child in &self.children {
            child.collect_leaves(leaves);
        }
    }

    fn find(&self, name: &str) -> Option<&Queue> {
        if self.path == name || self.name == name {
            return Some(self);
        }
        self.children.iter().find_map(|child| child.find(name))
    }
}

fn children(value: &Value, parent: &str) -> Result<Vec<Queue>, String> {
    match value {
        Value::Array(queues) => queues
            .iter()
            .map(|queue| Queue::from_json(queue, Some(parent)))
            .collect(),
        Value::Object(object) if !object.is_empty() => Ok(vec![Queue::from_json(value, Some(parent))?]),
        _ => Ok(Vec::new()),
    }
}
