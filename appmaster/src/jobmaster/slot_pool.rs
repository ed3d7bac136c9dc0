//! The slots of a job: declared, offered, reserved for places, released, returned. Pure.
//!
//! ```text
//!  place: needed ──reserve, all of a bulk or none──► filled ──its tasks have FINISHED──► not needed
//!  slot:  offered ──a place needs such a one──► free ──reserve──► at a place ──release──► free ──idle──► returned
//! ```
//!
//! What is declared to the ResourceManager is the number of needed places by profile; slots follow.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use selvedge_core::resource::ProfileSpec;
use selvedge_core::{AllocationId, ResourceId};
use tokio::time::Instant;

use super::execution_graph::TaskLocation;
use super::ledger::Ledger;
use super::slot_sharing::SlotSharing;

/// A slot that a worker offers.
#[derive(Debug, Clone)]
pub(super) struct OfferedSlot {
    pub(super) location: Arc<TaskLocation>,
    pub(super) slot_index: u32,
    /// What it holds; unlimited where the worker does not say.
    pub(super) profile: ProfileSpec,
}

/// A slot that the job has.
#[derive(Debug)]
struct PooledSlot {
    location: Arc<TaskLocation>,
    slot_index: u32,
    /// The kind of place that it was accepted for.
    kind: usize,
    standing: Standing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Free { since: Instant },
    At(usize),
}

#[derive(Debug, Clone)]
struct Place {
    needed: bool,
    slot: Option<AllocationId>,
    /// The slot that it had before: what its tasks have left there can be used again.
    previous: Option<AllocationId>,
}

/// Free slots in the order in which places take them: worker by worker.
type FreeSlots = BTreeSet<(ResourceId, u32, AllocationId)>;

/// The slots of a job.
#[derive(Debug)]
pub(super) struct SlotPool {
    sharing: Arc<SlotSharing>,
    idle_timeout: Duration,
    places: Vec<Place>,
    slots: BTreeMap<AllocationId, PooledSlot>,
    ledger: Ledger,
    /// By kind: how many slots there are, how many places need one, those of them that have none, and the free slots.
    held: Vec<usize>,
    needed: Vec<u32>,
    unfilled: Vec<usize>,
    free: Vec<FreeSlots>,
    /// By kind: the free slots, those that have been free for the longest first.
    idle: Vec<BTreeSet<(Instant, AllocationId)>>,
    /// Places that were given a slot, or lost it, since somebody asked.
    changed: Vec<usize>,
    /// How often places were looked at for slots.
    #[cfg(test)]
    pub(super) reservations: usize,
}

impl SlotPool {
    /// A pool in which every place needs a slot.
    pub(super) fn new(sharing: Arc<SlotSharing>, idle_timeout: Duration) -> Self {
        let kinds = sharing.profiles.len();
        let place = Place {
            needed: true,
            slot: None,
            previous: None,
        };
        let mut pool = Self {
            places: vec![place; sharing.places()],
            slots: BTreeMap::new(),
            ledger: Ledger::default(),
            held: vec![0; kinds],
            needed: vec![0; kinds],
            unfilled: vec![0; kinds],
            free: vec![FreeSlots::new(); kinds],
            idle: vec![BTreeSet::new(); kinds],
            changed: Vec::new(),
            sharing,
            idle_timeout,
            #[cfg(test)]
            reservations: 0,
        };
        for kind in &pool.sharing.profile_of {
            pool.needed[*kind] += 1;
            pool.unfilled[*kind] += 1;
        }
        pool
    }

    /// What the job needs now, by profile.
    pub(super) fn requirements(&self) -> Vec<(ProfileSpec, u32)> {
        let kinds = self.sharing.profiles.iter().cloned().zip(self.needed.iter().copied());
        kinds.filter(|(_, count)| *count > 0).collect()
    }

    /// How many slots the job needs.
    pub(super) fn required(&self) -> u32 {
        self.needed.iter().sum()
    }

    /// How many slots the job has.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Accepts a slot that a place still needs, or one that it has already: an offer may be repeated.
    pub(super) fn offer(&mut self, offered: OfferedSlot, now: Instant) -> bool {
        let allocation = offered.location.allocation_id;
        if self.slots.contains_key(&allocation) {
            return true;
        }
        let kinds = self.sharing.profiles.iter().enumerate();
        let wanted = |kind: usize| self.unfilled[kind] > self.free[kind].len();
        let found = kinds
            .filter(|(kind, profile)| wanted(*kind) && offered.profile.matches(profile))
            // Who states what it needs takes nothing else; who leaves it open does.
            .min_by_key(|(_, profile)| **profile == ProfileSpec::Unknown);
        let Some((kind, _)) = found else {
            return false;
        };
        let slot = PooledSlot {
            location: offered.location,
            slot_index: offered.slot_index,
            kind,
            standing: Standing::Free { since: now },
        };
        self.free[kind].insert(slot.key());
        self.idle[kind].insert((now, allocation));
        self.ledger.take(&slot.location);
        self.held[kind] += 1;
        self.slots.insert(allocation, slot);
        true
    }

    /// Which worker has which of the slots.
    pub(super) fn ledger(&mut self) -> &mut Ledger {
        &mut self.ledger
    }

    /// How many slots of each kind are free.
    pub(super) fn free_slots(&self) -> impl Iterator<Item = usize> {
        self.free.iter().map(BTreeSet::len)
    }

    /// Whether a place has no slot.
    pub(super) fn is_open(&self, place: usize) -> bool {
        self.places[place].slot.is_none()
    }

    /// The places that were given a slot, or lost it, since this was asked last.
    pub(super) fn take_changed(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.changed)
    }

    /// Takes free slots away that no place is to have for now: of each kind, at least so many are left, on as few workers
    /// as possible, those with the most (Flink 1.20 `DefaultSlotAssigner`). The others are to be
    /// [put back](Self::put_back).
    pub(super) fn set_aside(&mut self, wanted: &[usize]) -> Vec<FreeSlots> {
        let kinds = self.free.iter_mut().zip(wanted);
        let aside = kinds.map(|(free, wanted)| {
            let spare = spare_workers(free, *wanted);
            let all = std::mem::take(free).into_iter();
            let (aside, left): (FreeSlots, FreeSlots) = all.partition(|(worker, ..)| spare.contains(worker));
            *free = left;
            aside
        });
        aside.collect()
    }

    /// What was set aside can be taken again.
    pub(super) fn put_back(&mut self, aside: Vec<FreeSlots>) {
        for (free, mut aside) in self.free.iter_mut().zip(aside) {
            free.append(&mut aside);
        }
    }

    /// Gives a slot to each of these places, or to none where they cannot all have one.
    pub(super) fn reserve(&mut self, places: &[usize]) -> bool {
        #[cfg(test)]
        {
            self.reservations += 1;
        }
        let open: Vec<_> = places.iter().copied().filter(|place| self.is_open(*place)).collect();
        if !self.suffices(&open, |pool, kind| pool.free[kind].len()) {
            return false;
        }
        for place in open {
            let kind = self.sharing.profile_of[place];
            let Some(key) = self.choose(place, kind) else {
                return false;
            };
            self.free[kind].remove(&key);
            let allocation = key.2;
            if let Some(slot) = self.slots.get_mut(&allocation) {
                if let Standing::Free { since } = slot.standing {
                    self.idle[kind].remove(&(since, allocation));
                }
                slot.standing = Standing::At(place);
            }
            self.set_slot(place, Some(allocation));
        }
        true
    }

    /// Whether each of these places could have a slot if the job had no others to fill.
    pub(super) fn could_fill(&self, places: &[usize]) -> bool {
        let of_kind = self.held();
        self.suffices(places, |_, kind| of_kind[kind])
    }

    fn suffices(&self, places: &[usize], available: impl Fn(&Self, usize) -> usize) -> bool {
        let mut asked = vec![0; self.free.len()];
        places
            .iter()
            .for_each(|place| asked[self.sharing.profile_of[*place]] += 1);
        asked
            .iter()
            .enumerate()
            .all(|(kind, count)| *count <= available(self, kind))
    }

    /// The slot that it had, else one on the worker that most of its input comes from, else the first.
    fn choose(&self, place: usize, kind: usize) -> Option<(ResourceId, u32, AllocationId)> {
        let free = &self.free[kind];
        let previous = self.places[place]
            .previous
            .and_then(|allocation| self.slots.get(&allocation));
        let previous = previous.map(PooledSlot::key).filter(|key| free.contains(key));
        previous
            .or_else(|| self.near_its_input(place, free))
            .or_else(|| free.first().cloned())
    }

    fn near_its_input(&self, place: usize, free: &FreeSlots) -> Option<(ResourceId, u32, AllocationId)> {
        let mut producers = BTreeMap::<&ResourceId, usize>::new();
        for input in self.sharing.inputs_of(place) {
            if let Some(location) = self.location(*input) {
                *producers.entry(&location.resource_id).or_default() += 1;
            }
        }
        let mut by_number: Vec<_> = producers.into_iter().collect();
        by_number.sort_by_key(|(_, number)| std::cmp::Reverse(*number));
        by_number.into_iter().find_map(|(worker, _)| {
            let start = (worker.clone(), 0, AllocationId::from_bytes([0; 16]));
            free.range(start..).next().filter(|key| key.0 == *worker).cloned()
        })
    }

    /// The slot of a place.
    pub(super) fn location(&self, place: usize) -> Option<&Arc<TaskLocation>> {
        let allocation = self.places[place].slot?;
        self.slots.get(&allocation).map(|slot| &slot.location)
    }

    fn set_slot(&mut self, place: usize, slot: Option<AllocationId>) {
        let was = self.is_unfilled(place);
        let had = std::mem::replace(&mut self.places[place].slot, slot);
        if had.is_some() != slot.is_some() {
            self.changed.push(place);
        }
        self.places[place].previous = had.or(self.places[place].previous);
        self.count_unfilled(place, was);
    }

    fn set_needed(&mut self, place: usize, needed: bool) {
        let was = self.is_unfilled(place);
        let kind = self.sharing.profile_of[place];
        match (std::mem::replace(&mut self.places[place].needed, needed), needed) {
            (false, true) => self.needed[kind] += 1,
            (true, false) => self.needed[kind] -= 1,
            _ => {}
        }
        self.count_unfilled(place, was);
    }

    fn is_unfilled(&self, place: usize) -> bool {
        self.places[place].needed && self.places[place].slot.is_none()
    }

    fn count_unfilled(&mut self, place: usize, was: bool) {
        let kind = self.sharing.profile_of[place];
        match (was, self.is_unfilled(place)) {
            (false, true) => self.unfilled[kind] += 1,
            (true, false) => self.unfilled[kind] -= 1,
            _ => {}
        }
    }

    /// How many slots of each kind the job has.
    pub(super) fn held(&self) -> Vec<usize> {
        self.held.clone()
    }

    /// A slot is needed at exactly these places.
    pub(super) fn need_where(&mut self, needed: impl Fn(usize) -> bool) {
        (0..self.places.len()).for_each(|place| self.set_needed(place, needed(place)));
    }

    /// Nothing runs at any place any more, and slots are needed as before.
    pub(super) fn vacate(&mut self, now: Instant) {
        for place in 0..self.places.len() {
            let needed = self.places[place].needed;
            self.release(place, now);
            self.set_needed(place, needed);
        }
    }

    /// Other tasks are to run at the same places.
    pub(super) fn set_sharing(&mut self, sharing: Arc<SlotSharing>) {
        debug_assert_eq!(sharing.profile_of, self.sharing.profile_of, "places stay");
        self.sharing = sharing;
    }

    /// Tasks are to run at a place (again).
    pub(super) fn need(&mut self, place: usize) {
        self.set_needed(place, true);
    }

    /// Nothing runs at a place any more: its slot is free for others.
    pub(super) fn release(&mut self, place: usize, now: Instant) {
        let allocation = self.places[place].slot;
        self.set_slot(place, None);
        self.set_needed(place, false);
        if let Some(slot) = allocation.and_then(|allocation| self.slots.get_mut(&allocation)) {
            slot.standing = Standing::Free { since: now };
            self.free[slot.kind].insert(slot.key());
            self.idle[slot.kind].insert((now, slot.location.allocation_id));
        }
    }

    /// A slot is lost.
    pub(super) fn remove(&mut self, allocation: &AllocationId) {
        let Some(slot) = self.slots.remove(allocation) else {
            return;
        };
        self.ledger.give_up(&slot.location);
        self.held[slot.kind] -= 1;
        match slot.standing {
            Standing::Free { since } => {
                self.free[slot.kind].remove(&slot.key());
                self.idle[slot.kind].remove(&(since, *allocation));
            }
            Standing::At(place) => self.set_slot(place, None),
        }
    }

    /// A worker is lost, with all its slots.
    pub(super) fn remove_worker(&mut self, worker: &ResourceId) {
        let lost = self.ledger.of_worker(worker);
        lost.iter().for_each(|allocation| self.remove(allocation));
    }

    /// When [`Self::return_idle`] is to be called.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let kinds = (0..self.free.len()).filter(|kind| self.excess(*kind) > 0);
        let longest = kinds.filter_map(|kind| self.idle[kind].first());
        longest.map(|(since, _)| *since + self.idle_timeout).min()
    }

    /// The slots that no place needs and that have been free for so long; they are the job's no longer.
    pub(super) fn return_idle(&mut self, now: Instant) -> Vec<Arc<TaskLocation>> {
        let mut returned = Vec::new();
        for kind in 0..self.free.len() {
            let idle = self.idle[kind].iter().take(self.excess(kind));
            let over: Vec<_> = idle
                .take_while(|(since, _)| *since + self.idle_timeout <= now)
                .filter_map(|(_, allocation)| Some(self.slots.get(allocation)?.location.clone()))
                .collect();
            over.iter().for_each(|location| self.remove(&location.allocation_id));
            returned.extend(over);
        }
        returned
    }

    fn excess(&self, kind: usize) -> usize {
        self.free[kind].len().saturating_sub(self.unfilled[kind])
    }
}

/// The workers whose free slots so many places can do without.
fn spare_workers(free: &FreeSlots, wanted: usize) -> BTreeSet<ResourceId> {
    let mut by_worker = BTreeMap::<&ResourceId, usize>::new();
    for (worker, ..) in free {
        *by_worker.entry(worker).or_default() += 1;
    }
    let mut workers: Vec<_> = by_worker.into_iter().collect();
    workers.sort_by_key(|(_, slots)| std::cmp::Reverse(*slots));
    let mut found = 0;
    let is_enough = workers.into_iter().skip_while(|(_, slots)| {
        let is_needed = found < wanted;
        found += slots;
        is_needed
    });
    is_enough.map(|(worker, _)| worker.clone()).collect()
}

impl PooledSlot {
    fn key(&self) -> (ResourceId, u32, AllocationId) {
        let location = &self.location;
        (location.resource_id.clone(), self.slot_index, location.allocation_id)
    }
}

#[cfg(test)]
#[path = "slot_pool_tests.rs"]
mod tests;
