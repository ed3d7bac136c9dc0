//! What a slot offers and what a worker is made of.

use serde::{Deserialize, Serialize};

use crate::MemorySize;

/// What a slot holds (Flink 1.20 `ResourceProfile`): CPU in cores, memory by use. Extended resources come later.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ResourceProfile {
    /// CPU cores; a fraction is allowed.
    pub cpu_cores: f64,
    /// What tasks may take for objects of their own.
    pub task_heap: MemorySize,
    /// Native memory of tasks.
    pub task_off_heap: MemorySize,
    /// What operators and state take from the managed budget.
    pub managed: MemorySize,
    /// Buffers of the exchange.
    pub network: MemorySize,
}

impl ResourceProfile {
    /// Whether a slot with `self` can host what `required` asks for.
    pub fn covers(&self, required: &Self) -> bool {
        self.cpu_cores >= required.cpu_cores
            && self.task_heap >= required.task_heap
            && self.task_off_heap >= required.task_off_heap
            && self.managed >= required.managed
            && self.network >= required.network
    }
}
