//! When two connected operators run in one thread.

use std::fmt;

use selvedge_core::OperatorId;
use selvedge_core::job_graph::Partitioner;

/// Why two connected operators are not chained.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChainBreak {
    /// Records change subtasks.
    Partitioner(&'static str),
    /// The consumer has several inputs.
    Inputs(usize),
    /// The producer's records go to several consumers.
    Outputs(usize),
    /// The parallelisms of producer and consumer differ.
    Parallelism(u32, u32),
    /// Their maximum parallelisms differ.
    MaxParallelism(u32, u32),
    /// Their slot-sharing groups differ.
    SlotSharingGroup(String, String),
    /// One of them is kept out of chains.
    Disabled(OperatorId),
    /// `pipeline.operator-chaining.enabled` is false.
    SwitchedOff,
    /// Nothing keeps them apart but the graph itself, which names two vertices.
    SeparateVertices,
}

impl fmt::Display for ChainBreak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Partitioner(strategy) => write!(f, "its input is partitioned by {strategy}, not FORWARD"),
            Self::Inputs(count) => write!(f, "it has {count} inputs"),
            Self::Outputs(count) => write!(f, "the records go to {count} consumers"),
            Self::Parallelism(source, target) => write!(f, "the parallelisms differ ({source} and {target})"),
            Self::MaxParallelism(source, target) => {
                write!(f, "the maximum parallelisms differ ({source} and {target})")
            }
            Self::SlotSharingGroup(source, target) => {
                write!(f, "the slot-sharing groups differ ('{source}' and '{target}')")
            }
            Self::Disabled(operator) => write!(f, "chaining is disabled for '{operator}'"),
            Self::SwitchedOff => f.write_str("pipeline.operator-chaining.enabled is false"),
            Self::SeparateVertices => f.write_str("the graph keeps them in two vertices; they could be one chain"),
        }
    }
}

/// What is known of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link<'a> {
    pub(super) partitioner: &'a Partitioner,
    pub(super) outputs_of_source: usize,
    pub(super) inputs_of_target: usize,
    pub(super) parallelism: (u32, u32),
    pub(super) max_parallelism: (u32, u32),
    pub(super) slot_sharing_group: (&'a str, &'a str),
    pub(super) disabled: Option<&'a OperatorId>,
    pub(super) enabled: bool,
}

impl Link<'_> {
    /// All reasons against a chain; none means that the two are chained.
    pub(super) fn breaks(&self) -> Vec<ChainBreak> {
        let (source_group, target_group) = self.slot_sharing_group;
        let reasons = [
            (*self.partitioner != Partitioner::Forward)
                .then(|| ChainBreak::Partitioner(self.partitioner.ship_strategy())),
            (self.inputs_of_target != 1).then_some(ChainBreak::Inputs(self.inputs_of_target)),
            (self.outputs_of_source != 1).then_some(ChainBreak::Outputs(self.outputs_of_source)),
            (self.parallelism.0 != self.parallelism.1)
                .then_some(ChainBreak::Parallelism(self.parallelism.0, self.parallelism.1)),
            (self.max_parallelism.0 != self.max_parallelism.1).then_some(ChainBreak::MaxParallelism(
                self.max_parallelism.0,
                self.max_parallelism.1,
            )),
            (source_group != target_group)
                .then(|| ChainBreak::SlotSharingGroup(source_group.to_owned(), target_group.to_owned())),
            self.disabled.cloned().map(ChainBreak::Disabled),
            (!self.enabled).then_some(ChainBreak::SwitchedOff),
        ];
        reasons.into_iter().flatten().collect()
    }
}
