//! The slot table: decisions only, no clock.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use selvedge_core::resource::ResourceProfile;
use selvedge_core::status::SlotPhase;
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
    const fn phase(&self) -> SlotPhase {
        match self {
            Self::Free => SlotPhase::Free,
            Self::Allocated { .. } => SlotPhase::Allocated,
            Self::Active { .. } => SlotPhase::Active,
            Self::Releasing { .. } => SlotPhase::Releasing,
        }
    }

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

/// A slot, and what it holds.
#[derive(Debug)]
struct Slot {
    profile: ResourceProfile,
    state: SlotState,
}

/// The slots of a worker: those of the default size, which are always there, and those that were made on request, which end
/// when they are freed. An allocated slot takes its resources from what all have in common.
#[derive(Debug)]
pub struct SlotTable {
    slots: BTreeMap<u32, Slot>,
    /// Slots of the default size have the indices below.
    fixed: u32,
    profile: ResourceProfile,
    /// What no allocation has.
    free: ResourceProfile,
    /// The index of the next slot that is made: none is used twice, so that late news of an ended one harms no other.
    next_dynamic: u32,
    timeout: Duration,
}

impl SlotTable {
    /// Free slots of the default size, and what all slots may hold together; an allocation that its job does not take within
    /// `timeout` is dropped.
    pub fn new(fixed: u32, profile: ResourceProfile, total: ResourceProfile, timeout: Duration) -> Self {
        let slot = |index| {
            let (profile, state) = (profile.clone(), SlotState::Free);
            (index, Slot { profile, state })
        };
        Self {
            slots: (0..fixed).map(slot).collect(),
            fixed,
            profile,
            free: total,
            next_dynamic: fixed,
            timeout,
        }
    }

    /// What each slot of the default size holds.
    pub const fn profile(&self) -> &ResourceProfile {
        &self.profile
    }

    /// What the slot of this allocation holds.
    pub fn profile_of(&self, allocation: AllocationId) -> Option<&ResourceProfile> {
        let (index, _) = self.find(allocation)?;
        self.slots.get(&index).map(|slot| &slot.profile)
    }

    /// Gives a slot of the default size to a job. Repeating a demand that was met changes nothing.
    pub fn allocate(
        &mut self,
        index: u32,
        job: JobId,
        allocation: AllocationId,
        now: Instant,
    ) -> Result<(), SlotError> {
        self.check_elsewhere(index, job, allocation)?;
        let last = self.fixed.saturating_sub(1);
        let slot = self.slots.get(&index).filter(|_| index < self.fixed);
        match slot.ok_or(SlotError::NoSuchSlot { index, last })?.state.owner() {
            Some(owner) if owner == (job, allocation) => Ok(()),
            Some((job, allocation)) => Err(SlotError::Taken { index, allocation, job }),
            None => {
                let profile = self.profile.clone();
                self.take(index, profile, job, allocation, now)
            }
        }
    }

    /// Makes a slot of this size for a job, and tells its index. Repeating a demand that was met changes nothing.
    pub fn allocate_dynamic(
        &mut self,
        profile: ResourceProfile,
        job: JobId,
        allocation: AllocationId,
        now: Instant,
    ) -> Result<u32, SlotError> {
        if let Some((index, owner)) = self.find(allocation) {
            let same = owner == job && self.profile_of(allocation) == Some(&profile);
            let elsewhere = SlotError::AllocationElsewhere {
                allocation,
                index,
                job: owner,
            };
            return if same { Ok(index) } else { Err(elsewhere) };
        }
        let index = self.next_dynamic;
        self.take(index, profile, job, allocation, now)?;
        self.next_dynamic += 1;
        Ok(index)
    }

    fn take(
        &mut self,
        index: u32,
        profile: ResourceProfile,
        job: JobId,
        allocation: AllocationId,
        now: Instant,
    ) -> Result<(), SlotError> {
        let Some(left) = self.free.checked_sub(&profile) else {
            return Err(SlotError::NotEnough {
                allocation,
                asked: Box::new(profile),
                free: Box::new(self.free.clone()),
            });
        };
        self.free = left;
        let until = now + self.timeout;
        let state = SlotState::Allocated { job, allocation, until };
        self.slots.insert(index, Slot { profile, state });
        Ok(())
    }

    /// The slot has no owner any more; one that was made on request ends.
    fn give_back(&mut self, index: u32) {
        let Some(slot) = self.slots.get_mut(&index) else {
            return;
        };
        slot.state = SlotState::Free;
        let whole = self.free.checked_add(&slot.profile);
        self.free = whole.expect("the slot's part was taken from the same whole");
        if index >= self.fixed {
            self.slots.remove(&index);
        }
    }

    fn check_elsewhere(&self, index: u32, job: JobId, allocation: AllocationId) -> Result<(), SlotError> {
        match self.find(allocation) {
            Some((at, owner)) if (at, owner) != (index, job) => Err(SlotError::AllocationElsewhere {
                allocation,
                index: at,
                job: owner,
            }),
            _ => Ok(()),
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
        let mut states = self.slots.values().map(|slot| &slot.state);
        match states.find(|state| state.owner() == Some((job, allocation))) {
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
            SlotState::Releasing { tasks, .. } => {
                tasks.remove(attempt);
                if !tasks.is_empty() {
                    return None;
                }
                self.give_back(index);
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
            self.give_back(index);
            return Some(Freed::Now { index });
        }
        let stopping = tasks.clone();
        *slot = SlotState::Releasing { job, allocation, tasks };
        Some(Freed::After(stopping))
    }

    /// Allocations that their jobs have not taken in time.
    pub fn expired(&self, now: Instant) -> Vec<(JobId, AllocationId)> {
        let expired = |slot: &Slot| match &slot.state {
            SlotState::Allocated { job, allocation, until } if *until <= now => Some((*job, *allocation)),
            _ => None,
        };
        self.slots.values().filter_map(expired).collect()
    }

    /// When the next allocation expires.
    pub fn next_expiry(&self) -> Option<Instant> {
        let until = |slot: &Slot| match slot.state {
            SlotState::Allocated { until, .. } => Some(until),
            _ => None,
        };
        self.slots.values().filter_map(until).min()
    }

    /// Who has a slot, in short; `None` where there is no such slot.
    pub fn phase(&self, index: u32) -> Option<SlotPhase> {
        self.slots.get(&index).map(|slot| slot.state.phase())
    }

    /// What the job has: allocation, slot, and whether it has taken it.
    pub fn of_job(&self, job: JobId) -> Vec<(AllocationId, u32, bool)> {
        let owned = self.slots.iter().filter_map(|(index, slot)| {
            let (owner, allocation) = slot.state.owner()?;
            let taken = !matches!(slot.state, SlotState::Allocated { .. });
            (owner == job).then_some((allocation, *index, taken))
        });
        owned.collect()
    }

    /// Every slot as the ResourceManager is told of it.
    pub fn report(&self) -> Vec<SlotStatus> {
        let status = |(slot_index, slot): (&u32, &Slot)| {
            let (job_id, allocation_id) = match slot.state.owner() {
                Some((job, allocation)) => (job.to_wire(), allocation.to_wire()),
                None => Default::default(),
            };
            SlotStatus {
                slot_index: *slot_index,
                profile: Some((&slot.profile).into()),
                job_id,
                allocation_id,
            }
        };
        self.slots.iter().map(status).collect()
    }

    fn find(&self, allocation: AllocationId) -> Option<(u32, JobId)> {
        self.slots.iter().find_map(|(index, slot)| {
            let (job, owned) = slot.state.owner()?;
            (owned == allocation).then_some((*index, job))
        })
    }

    fn slot_mut(&mut self, job: JobId, allocation: AllocationId) -> Option<&mut SlotState> {
        let mut states = self.slots.values_mut().map(|slot| &mut slot.state);
        states.find(|state| state.owner() == Some((job, allocation)))
    }
}
