//! The JobMasters' side of the exchange: the real one, in which a JobMaster can break down.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use selvedge_appmaster::jobmaster::execution_graph::TaskLocation;
use selvedge_appmaster::jobmaster::{Channels, FlightShuffleMaster, PartitionId, ShuffleDescriptor, ShuffleMaster};
use selvedge_core::{JobId, MemorySize};

use super::panics;

/// Takes down the next JobMasters that deploy a task, as many as there are faults.
#[derive(Debug, Clone, Default)]
pub(crate) struct BreakingShuffleMaster {
    pub(crate) faults: Arc<AtomicU32>,
}

impl ShuffleMaster for BreakingShuffleMaster {
    fn register_job(&self, job: JobId) {
        FlightShuffleMaster.register_job(job);
    }

    fn unregister_job(&self, job: JobId) {
        FlightShuffleMaster.unregister_job(job);
    }

    fn register_partition(&self, job: JobId, partition: PartitionId, producer: &TaskLocation) -> ShuffleDescriptor {
        let left = |faults: u32| faults.checked_sub(1);
        if self
            .faults
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, left)
            .is_ok()
        {
            tracing::warn!(%job, "the simulation wants this JobMaster to break down");
            panics::break_down();
        }
        FlightShuffleMaster.register_partition(job, partition, producer)
    }

    fn release_partition(&self, job: JobId, partition: PartitionId) {
        FlightShuffleMaster.release_partition(job, partition);
    }

    fn network_memory(&self, channels: Channels) -> MemorySize {
        FlightShuffleMaster.network_memory(channels)
    }
}
