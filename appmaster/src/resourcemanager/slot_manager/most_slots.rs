//! How many slots a cluster can have at most by its settings, pure: a job that needs more of them at once is refused when it is
//! submitted. What only is not there yet may come, and is waited for.

use selvedge_core::config::ConfigError;
use selvedge_core::config::options::resourcemanager as options;
use selvedge_core::memory::MemoryError;
use selvedge_core::resource::WorkerResourceSpec;
use selvedge_core::{Configuration, JobGraph, TaskExecutorProcessSpec};
use thiserror::Error;

use super::bounds::{Capacity, ClusterBounds};
use super::settings::SlotManagerSettings;
use crate::jobmaster::SchedulerKind;

/// The most slots that a cluster can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MostSlots {
    slots: u64,
    /// The setting that holds it there, with its value.
    limit: String,
    /// Under another one than Default, jobs may be content with fewer slots than they ask for.
    scheduler: SchedulerKind,
}

/// A job that can never have its slots.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "the job needs {needed} slots at once, and the cluster can have no more than {most}, by {limit}: raise that setting, or lower \
     the job's parallelism (-p)"
)]
pub struct TooFewSlots {
    /// How many slots it needs.
    pub needed: u32,
    /// How many there can be.
    pub most: u64,
    /// The setting that does not let more in, with its value.
    pub limit: String,
}

/// Why that cannot be told.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MostSlotsError {
    /// A setting.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The memory of a worker.
    #[error(transparent)]
    Memory(#[from] MemoryError),
}

impl MostSlots {
    /// Of a cluster with these settings that starts its workers on YARN, which gives whole cores only.
    ///
    /// # Errors
    /// [`MostSlotsError`].
    pub fn read(configuration: &Configuration) -> Result<Self, MostSlotsError> {
        let worker = WorkerResourceSpec::from(&TaskExecutorProcessSpec::derive(configuration)?.with_whole_cores());
        let bounds = SlotManagerSettings::read(configuration)?.bounds;
        Ok(Self::of(&bounds, Some(&worker), SchedulerKind::read(configuration)?))
    }

    /// Of a cluster with these bounds and workers of this size; `None` where workers come by themselves, of any size.
    pub(crate) fn of(bounds: &ClusterBounds, worker: Option<&WorkerResourceSpec>, scheduler: SchedulerKind) -> Self {
        let by_slots = || {
            (
                bounds.most.slots,
                format!("{} ({})", options::NUMBER_OF_SLOTS_MAX.key(), bounds.most.slots),
            )
        };
        let (slots, limit) = worker
            .and_then(|worker| of_workers(bounds, worker))
            .unwrap_or_else(by_slots);
        Self {
            slots,
            limit,
            scheduler,
        }
    }

    /// With how many slots the job can run: one under the adaptive scheduler.
    pub fn least(&self, graph: &JobGraph) -> u32 {
        match self.scheduler.adaptive(graph) {
            Some(_) => 1,
            None => graph.least_slots(),
        }
    }

    /// Whether the cluster can have what the job needs at the least. Slots of stated sizes are not counted: a worker may hold
    /// more of them.
    ///
    /// # Errors
    /// [`TooFewSlots`].
    pub fn check(&self, graph: &JobGraph) -> Result<(), TooFewSlots> {
        let needed = self.least(graph);
        if !graph.slot_sharing_groups.is_empty() || u64::from(needed) <= self.slots {
            return Ok(());
        }
        Err(TooFewSlots {
            needed,
            most: self.slots,
            limit: self.limit.clone(),
        })
    }
}

/// The slots of as many workers as there can be, and what does not let one more in.
fn of_workers(bounds: &ClusterBounds, worker: &WorkerResourceSpec) -> Option<(u64, String)> {
    let of = |workers: u64| {
        let one = Capacity::of(&worker.total, worker.number_of_slots);
        one.times(workers)
    };
    let fits = |workers: u64| bounds.exceeded_by(&of(workers)).is_none();
    // Workers without slots give none, however many they are.
    let slots_of_one = u64::from(worker.number_of_slots);
    let (mut most, mut too_many) = (0, (bounds.most.slots).checked_div(slots_of_one)? + 1);
    while too_many - most > 1 {
        let middle = most + (too_many - most) / 2;
        match fits(middle) {
            true => most = middle,
            false => too_many = middle,
        }
    }
    let limit = bounds.exceeded_by(&of(too_many))?;
    Some((most * slots_of_one, limit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::word_count;

    fn most(settings: &[(&str, &str)]) -> MostSlots {
        let sizes = [
            ("taskmanager.memory.process.size", "1728m"),
            ("taskmanager.numberOfTaskSlots", "2"),
        ];
        MostSlots::read(&sizes.iter().chain(settings).copied().collect()).unwrap()
    }

    #[test]
    fn a_job_that_can_never_have_its_slots_is_told_which_setting_to_raise() {
        for (settings, slots, limit) in [
            (
                &[("slotmanager.number-of-slots.max", "5")][..],
                4,
                "slotmanager.number-of-slots.max (5)",
            ),
            (
                &[
                    ("slotmanager.max-total-resource.cpu", "7"),
                    ("taskmanager.cpu.cores", "2"),
                ],
                6,
                "slotmanager.max-total-resource.cpu (7)",
            ),
            (
                &[("slotmanager.max-total-resource.memory", "1000m")],
                0,
                "slotmanager.max-total-resource.memory (1048576000 bytes)",
            ),
        ] {
            let most = most(settings);
            assert_eq!((most.slots, most.limit.as_str()), (slots, limit), "{settings:?}");
            let graph = word_count(8);
            let error = most.check(&graph).unwrap_err();
            assert_eq!((error.needed, error.most), (8, slots));
            let message = error.to_string();
            for part in ["needs 8 slots", limit, "raise that setting", "(-p)"] {
                assert!(message.contains(part), "{message}");
            }
        }
        assert_eq!(
            most(&[("slotmanager.number-of-slots.max", "8")]).check(&word_count(8)),
            Ok(())
        );
        assert_eq!(most(&[]).check(&word_count(128)), Ok(()));
    }

    #[test]
    fn where_workers_come_by_themselves_only_their_slots_are_counted() {
        let bounds = SlotManagerSettings::read(&[("slotmanager.number-of-slots.max", "3")].into_iter().collect());
        let most = MostSlots::of(&bounds.unwrap().bounds, None, SchedulerKind::Default);
        assert_eq!(most.check(&word_count(4)).unwrap_err().most, 3);
        assert_eq!(most.check(&word_count(3)), Ok(()));
    }
}
