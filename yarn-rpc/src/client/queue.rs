//! Queues.

use std::collections::BTreeSet;

use crate::proto::yarn::{QueueInfoProto, QueueStateProto, QueueStatisticsProto};

/// Whether a queue takes applications.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QueueState {
    /// It takes none.
    Stopped,
    /// It takes applications.
    Running,
    /// It takes none, and those in it still run.
    Draining,
}

/// A queue, as the ResourceManager tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// Its full path, where the server tells it (3.4 and later).
    pub path: Option<String>,
    /// Whether it takes applications.
    pub state: QueueState,
    /// Its share, from 0 to 1.
    pub capacity: f32,
    /// The most that it may have, from 0 to 1.
    pub maximum_capacity: f32,
    /// What it has, as a share of its capacity.
    pub current_capacity: f32,
    /// Its weight, where shares are given by weights (3.4 and later).
    pub weight: Option<f32>,
    /// How many applications may run in it at a time (3.4 and later).
    pub max_parallel_apps: Option<i32>,
    /// The scheduler's name (3.4 and later).
    pub scheduler: Option<String>,
    /// The node labels that it may use.
    pub accessible_node_labels: BTreeSet<String>,
    /// The node label of applications that name none.
    pub default_node_label: Option<String>,
    /// Whether its containers are never preempted for other queues.
    pub preemption_disabled: bool,
    /// Figures of its applications and resources.
    pub statistics: Option<QueueStatisticsProto>,
    /// The queues below it, as far as was asked.
    pub children: Vec<Queue>,
}

impl From<QueueInfoProto> for Queue {
    fn from(queue: QueueInfoProto) -> Self {
        let state = match queue.state() {
            QueueStateProto::QStopped => QueueState::Stopped,
            QueueStateProto::QRunning => QueueState::Running,
            QueueStateProto::QDraining => QueueState::Draining,
        };
        Self {
            state,
            capacity: queue.capacity(),
            maximum_capacity: queue.maximum_capacity(),
            current_capacity: queue.current_capacity(),
            preemption_disabled: queue.preemption_disabled(),
            weight: queue.weight,
            max_parallel_apps: queue.max_parallel_apps,
            name: queue.queue_name.unwrap_or_default(),
            path: queue.queue_path,
            scheduler: queue.scheduler_type,
            accessible_node_labels: queue.accessible_node_labels.into_iter().collect(),
            default_node_label: queue.default_node_label_expression,
            statistics: queue.queue_statistics,
            children: queue.child_queues.into_iter().map(Into::into).collect(),
        }
    }
}
