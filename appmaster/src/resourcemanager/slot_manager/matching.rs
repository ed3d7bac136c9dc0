//! Which of the workers that could give a slot gives it, pure.

use std::collections::{BTreeMap, BTreeSet};

use rand::Rng;
use selvedge_core::resource::ProfileSpec;
use selvedge_core::{AllocationId, JobId, ResourceId};
use tokio::time::Instant;

use super::plan::Allocation;
use super::worker::Worker;

/// How workers are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matching {
    /// The first that fits, so that few workers are in use (`taskmanager.load-balance.mode: NONE`).
    Any,
    /// The one of which the least is taken, so that slots are spread (`SLOTS`, or `cluster.evenly-spread-out-slots`).
    LeastUtilised,
}

/// What a job needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Demand<'a> {
    pub(super) job_id: JobId,
    pub(super) profile: &'a ProfileSpec,
    pub(super) count: u32,
}

impl Matching {
    /// Takes as many slots as are wanted and can be had of the workers that `is_usable` lets through.
    pub(super) fn take(
        self,
        workers: &mut BTreeMap<ResourceId, Worker>,
        is_usable: impl Fn(&Worker) -> bool,
        demand: Demand<'_>,
        now: Instant,
        rng: &mut impl Rng,
    ) -> Vec<Allocation> {
        let fits = |worker: &Worker| worker.fits(demand.profile).is_some();
        // Least utilised first; with `Any` all are alike, and their ids decide.
        let rank = |worker: &Worker| match self {
            Self::Any => 0,
            Self::LeastUtilised => worker.utilisation(),
        };
        let candidates = workers.iter().filter(|(_, worker)| is_usable(worker) && fits(worker));
        let mut ranked: BTreeSet<_> = candidates.map(|(id, worker)| (rank(worker), id.clone())).collect();
        let mut taken = Vec::new();
        while taken.len() < demand.count as usize
            && let Some((_, resource_id)) = ranked.pop_first()
            && let Some(worker) = workers.get_mut(&resource_id)
        {
            let allocation_id = AllocationId::random(rng);
            taken.extend(worker.take(&resource_id, demand.profile, demand.job_id, allocation_id, now));
            if fits(worker) {
                ranked.insert((rank(worker), resource_id));
            }
        }
        taken
    }
}
