//! The slot table: decisions only, no clock.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use selvedge_core::resource::ResourceProfile;
use selvedge_core::{AllocationId, ExecutionAttemptId, JobId};
use selvedge_runtime::gateway::convert::WireId;
use selvedge_runtime::gateway::proto::SlotStatus;

use super::error::SlotError;

/// Who has a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SlotState {
    /// Nobody.
    Free,
    /// Given to a job that has not taken it yet.
    Allocated {
        /// The job.
        job: JobId,
        /// Under which id.
        allocation: AllocationId,
        /// Until when it waits to be taken.
        until: Instant,
    },
    /// Taken by its job.
    Active {
        /// The job.
        job: JobId,
        /// Under which id.
        allocation: AllocationId,
        /// What runs in it.
        tasks: BTreeSet<ExecutionAttemptId>,
    },
    /// Given up; waits for its tasks to end.
    Releasing {
        /// The job.
        job: JobId,
        /// Under which id.
        allocation: AllocationId,
        /// What still runs in it.
        tasks: BTreeSet<ExecutionAttemptId>,
    },
}

impl SlotState {
    const fn owner(&self) -> Option<(JobId, AllocationId)> {
        match self {
            Self::Free => None,
            Self::Allocated { job, allocation, .. }
            | Self::Active { job, allocation, .. }
            | Self::Releasing { job, allocation, .. } => Some((*job, *allocation)),
        }
    }
}

/// What became of a slot that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Freed {
    /// It is free.
    Now {
        /// The slot.
        index: u32,
    },
    /// It will be when these have ended, which are to be stopped.
    After(BTreeSet<ExecutionAttemptId>),
}

/// The slots of a worker, all of one size.
#[derive(Debug)]
pub struct SlotTable {
    slots: Vec<SlotState>,
    profile: ResourceProfile,
    timeout: Duration,
}

impl SlotTable {
    /// Free slots; an allocation that its job does not take within `timeout` is dropped.
    pub fn new(count: u32, profile: ResourceProfile, timeout: Duration) -> Self {
        Self {
            slots: (0..count).map(|_| SlotState::Free).collect(),
            profile,
            timeout,
        }
    }

    /// What each slot holds.
    pub const fn profile(&self) -> &ResourceProfile {
        &self.profile
    }

    /// Gives a slot to a job. Repeating a demand that was met changes nothing.
    pub fn allocate(
        &mut self,
        index: u32,
        job: JobId,
        allocation: AllocationId,
        now: Instant,
    ) -> Result<(), SlotError> {
        let last = u32::try_from(self.slots.len()).unwrap_or(u32::MAX).saturating_sub(1);
        if let Some((at, owner)) = self.find(allocation)
            && (at, owner) != (index, job)
        {
            return Err(SlotError::AllocationElsewhere {
                allocation,
                index: at,
                job: owner,
            });
        }
        let slot = self
            .slots
            .get_mut(index as usize)
            .ok_or(SlotError::NoSuchSlot { index, last })?;
        match slot.owner() {
            Some(owner) if owner == (job, allocation) => Ok(()),
            Some((job, allocation)) => Err(SlotError::Taken { index, allocation, job }),
            None => {
                let until = now + self.timeout;
                *slot = SlotState::Allocated { job, allocation, until };
                Ok(())
            }
        }
    }

    /// The job has taken the slot. Whether it still could.
    pub fn activate(&mut self, job: JobId, allocation: AllocationId) -> Result<(), SlotError> {
        match self.slot_mut(job, allocation) {
            Some(slot @ SlotState::Allocated { .. }) => {
                *slot = SlotState::Active {
                    job,
                    allocation,
                    tasks: BTreeSet::new(),
                };
                Ok(())
            }
            Some(SlotState::Active { .. }) => Ok(()),
            _ => Err(SlotError::NotAllocated { job, allocation }),
        }
    }

    /// Whether tasks of the job may be deployed into the slot.
    pub fn accepts(&self, job: JobId, allocation: AllocationId) -> Result<(), SlotError> {
        match self.slots.iter().find(|slot| slot.owner() == Some((job, allocation))) {
            Some(SlotState::Allocated { .. } | SlotState::Active { .. }) => Ok(()),
            _ => Err(SlotError::NotAllocated { job, allocation }),
        }
    }

    /// A task runs in the slot, which is active thereby.
    pub fn add_task(
        &mut self,
        job: JobId,
        allocation: AllocationId,
        attempt: ExecutionAttemptId,
    ) -> Result<(), SlotError> {
        self.activate(job, allocation)?;
        if let Some(SlotState::Active { tasks, .. }) = self.slot_mut(job, allocation) {
            tasks.insert(attempt);
        }
        Ok(())
    }

    /// A task has ended. The slot, where it is free thereby.
    pub fn remove_task(&mut self, allocation: AllocationId, attempt: &ExecutionAttemptId) -> Option<u32> {
        let (index, job) = self.find(allocation)?;
        match self.slot_mut(job, allocation)? {
            SlotState::Active { tasks, .. } => {
                tasks.remove(attempt);
                None
            }
            slot @ SlotState::Releasing { .. } => {
                if let SlotState::Releasing { tasks, .. } = slot {
                    tasks.remove(attempt);
                    if !tasks.is_empty() {
                        return None;
                    }
                }
                *slot = SlotState::Free;
                Some(index)
            }
            SlotState::Free | SlotState::Allocated { .. } => None,
        }
    }

    /// Gives up a slot; `None` where the job has none of that id.
    pub fn free(&mut self, job: JobId, allocation: AllocationId) -> Option<Freed> {
        let (index, owner) = self.find(allocation)?;
        if owner != job {
            return None;
        }
        let slot = self.slot_mut(job, allocation)?;
        let tasks = match slot {
            SlotState::Active { tasks, .. } | SlotState::Releasing { tasks, .. } => std::mem::take(tasks),
            SlotState::Free | SlotState::Allocated { .. } => BTreeSet::new(),
        };
        if tasks.is_empty() {
            *slot = SlotState::Free;
            return Some(Freed::Now { index });
        }
        let stopping = tasks.clone();
        *slot = SlotState::Releasing { job, allocation, tasks };
        Some(Freed::After(stopping))
    }

    /// Allocations that their jobs have not taken in time.
    pub fn expired(&self, now: Instant) -> Vec<(JobId, AllocationId)> {
        let expired = |slot: &SlotState| match slot {
            SlotState::Allocated { job, allocation, until } if *until <= now => Some((*job, *allocation)),
            _ => None,
        };
        self.slots.iter().filter_map(expired).collect()
    }

    /// When the next allocation expires.
    pub fn next_expiry(&self) -> Option<Instant> {
        let until = |slot: &SlotState| match slot {
            SlotState::Allocated { until, .. } => Some(*until),
            _ => None,
        };
        self.slots.iter().filter_map(until).min()
    }

    /// What the job has: allocation, slot, and whether it has taken it.
    pub fn of_job(&self, job: JobId) -> Vec<(AllocationId, u32, bool)> {
        let slots = (0..).zip(&self.slots);
        let owned = slots.filter_map(|(index, slot)| {
            let (owner, allocation) = slot.owner()?;
            let taken = !matches!(slot, SlotState::Allocated { .. });
            (owner == job).then_some((allocation, index, taken))
        });
        owned.collect()
    }

    /// Every slot as the ResourceManager is told of it.
    pub fn report(&self) -> Vec<SlotStatus> {
        let status = |(slot_index, slot): (u32, &SlotState)| {
            let (job_id, allocation_id) = match slot.owner() {
                Some((job, allocation)) => (job.to_wire(), allocation.to_wire()),
                None => Default::default(),
            };
            SlotStatus {
                slot_index,
                profile: Some((&self.profile).into()),
                job_id,
                allocation_id,
            }
        };
        (0..).zip(&self.slots).map(status).collect()
    }

    fn find(&self, allocation: AllocationId) -> Option<(u32, JobId)> {
        (0..).zip(&self.slots).find_map(|(index, slot)| {
            let (job, owned) = slot.owner()?;
            (owned == allocation).then_some((index, job))
        })
    }

    fn slot_mut(&mut self, job: JobId, allocation: AllocationId) -> Option<&mut SlotState> {
        self.slots
            .iter_mut()
            .find(|slot| slot.owner() == Some((job, allocation)))
    }
}

#[cfg(test)]
mod tests {
    use selvedge_runtime::clock::thread_now;

    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(10);

    fn table() -> SlotTable {
        SlotTable::new(2, ResourceProfile::ZERO, TIMEOUT)
    }

    fn job(byte: u8) -> JobId {
        JobId::from_bytes([byte; 16])
    }

    fn allocation(byte: u8) -> AllocationId {
        AllocationId::from_bytes([byte; 16])
    }

    fn task(subtask: u32) -> ExecutionAttemptId {
        ExecutionAttemptId {
            vertex: "v".into(),
            subtask,
            attempt: 0,
        }
    }

    #[test]
    fn a_slot_is_given_once_and_a_repeated_demand_changes_nothing() {
        let (mut table, now) = (table(), thread_now());
        assert_eq!(table.allocate(0, job(1), allocation(1), now), Ok(()));
        assert_eq!(table.allocate(0, job(1), allocation(1), now + TIMEOUT), Ok(()));
        assert_eq!(table.next_expiry(), Some(now + TIMEOUT));
        let refusals = [
            (0, job(2), allocation(2), "slot 0 is taken"),
            (1, job(1), allocation(1), "has slot 0 for job"),
            (0, job(2), allocation(1), "has slot 0 for job"),
            (
                7,
                job(1),
                allocation(3),
                "there is no slot 7: the worker has slots 0 to 1",
            ),
        ];
        for (index, job, allocation, expected) in refusals {
            let error = table.allocate(index, job, allocation, now).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn an_allocation_that_is_not_taken_expires_and_one_that_is_does_not() {
        let (mut table, now) = (table(), thread_now());
        table.allocate(0, job(1), allocation(1), now).unwrap();
        table.allocate(1, job(1), allocation(2), now).unwrap();
        table.activate(job(1), allocation(2)).unwrap();
        assert!(table.expired(now).is_empty());
        assert_eq!(table.expired(now + TIMEOUT), [(job(1), allocation(1))]);
        assert_eq!(table.free(job(1), allocation(1)), Some(Freed::Now { index: 0 }));
        assert_eq!(table.next_expiry(), None);
        assert!(table.activate(job(1), allocation(1)).is_err());
        assert_eq!(table.of_job(job(1)), [(allocation(2), 1, true)]);
    }

    #[test]
    fn a_slot_with_tasks_is_free_when_the_last_has_ended() {
        let (mut table, now) = (table(), thread_now());
        table.allocate(0, job(1), allocation(1), now).unwrap();
        assert!(table.add_task(job(2), allocation(1), task(0)).is_err(), "not its job");
        table.add_task(job(1), allocation(1), task(0)).unwrap();
        table.add_task(job(1), allocation(1), task(1)).unwrap();
        assert_eq!(table.free(job(2), allocation(1)), None);
        let both = BTreeSet::from([task(0), task(1)]);
        assert_eq!(table.free(job(1), allocation(1)), Some(Freed::After(both)));
        assert!(table.accepts(job(1), allocation(1)).is_err(), "it is being released");
        assert_eq!(
            table.report()[0].allocation_id,
            allocation(1).to_wire(),
            "and not free yet"
        );
        assert_eq!(table.remove_task(allocation(1), &task(0)), None);
        assert_eq!(table.remove_task(allocation(1), &task(1)), Some(0));
        assert!(table.report()[0].allocation_id.is_empty());
        table.allocate(0, job(2), allocation(2), now).unwrap();
    }

    #[test]
    fn a_task_that_ends_in_an_active_slot_leaves_it_to_its_job() {
        let (mut table, now) = (table(), thread_now());
        table.allocate(1, job(1), allocation(1), now).unwrap();
        table.add_task(job(1), allocation(1), task(0)).unwrap();
        assert_eq!(table.remove_task(allocation(1), &task(0)), None);
        assert!(table.accepts(job(1), allocation(1)).is_ok());
        assert_eq!(table.free(job(1), allocation(1)), Some(Freed::Now { index: 1 }));
    }
}
