//! The regions that wait for slots, by how many of each kind they lack: whatever comes free, those that it is enough for are
//! found without a look at all others. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::time::Instant;

use super::regions::Regions;
use super::slot_pool::SlotPool;
use super::slot_sharing::SlotSharing;

/// How many slots of each kind.
type Lack = Vec<usize>;

#[derive(Debug)]
struct Waiting {
    since: Instant,
    lack: Lack,
}

/// The regions that wait.
#[derive(Debug)]
pub(super) struct WaitingRegions {
    sharing: Arc<SlotSharing>,
    /// The places of each region.
    places: Vec<Vec<usize>>,
    /// The regions that have tasks at each place.
    regions_at: Vec<Vec<usize>>,
    /// Whether each place has no slot, as far as that has been counted.
    open: Vec<bool>,
    waiting: BTreeMap<usize, Waiting>,
    by_time: BTreeSet<(Instant, usize)>,
    by_lack: BTreeMap<Lack, BTreeSet<usize>>,
}

impl WaitingRegions {
    pub(super) fn new(regions: &Regions, sharing: Arc<SlotSharing>) -> Self {
        let places: Vec<_> = regions.iter().map(|tasks| sharing.places_of(tasks)).collect();
        let mut regions_at = vec![Vec::new(); sharing.places()];
        for (region, places) in places.iter().enumerate() {
            places.iter().for_each(|place| regions_at[*place].push(region));
        }
        Self {
            open: vec![true; sharing.places()],
            places,
            regions_at,
            sharing,
            waiting: BTreeMap::new(),
            by_time: BTreeSet::new(),
            by_lack: BTreeMap::new(),
        }
    }

    /// The places of a region.
    pub(super) fn places(&self, region: usize) -> &[usize] {
        &self.places[region]
    }

    /// The region waits from now on.
    pub(super) fn insert(&mut self, region: usize, since: Instant) {
        self.remove(region);
        let mut lack = vec![0; self.sharing.profiles.len()];
        for place in self.places[region].iter().filter(|place| self.open[**place]) {
            lack[self.sharing.profile_of[*place]] += 1;
        }
        self.by_time.insert((since, region));
        self.by_lack.entry(lack.clone()).or_default().insert(region);
        self.waiting.insert(region, Waiting { since, lack });
    }

    /// The region waits no longer.
    pub(super) fn remove(&mut self, region: usize) {
        if let Some(waiting) = self.waiting.remove(&region) {
            self.by_time.remove(&(waiting.since, region));
            self.take_from_lack(&waiting.lack, region);
        }
    }

    fn take_from_lack(&mut self, lack: &[usize], region: usize) {
        if let Some(regions) = self.by_lack.get_mut(lack) {
            regions.remove(&region);
            if regions.is_empty() {
                self.by_lack.remove(lack);
            }
        }
    }

    /// The first region that the free slots are enough for.
    pub(super) fn ready(&mut self, pool: &mut SlotPool) -> Option<usize> {
        self.count(pool);
        let free: Vec<_> = pool.free_slots().collect();
        let enough = |lack: &Lack| lack.iter().zip(&free).all(|(lack, free)| lack <= free);
        let ready = self.by_lack.iter().filter(|(lack, _)| enough(lack));
        ready.filter_map(|(_, regions)| regions.first()).min().copied()
    }

    /// Counts places anew that were given a slot, or have lost it.
    fn count(&mut self, pool: &mut SlotPool) {
        for place in pool.take_changed() {
            let is_open = pool.is_open(place);
            if std::mem::replace(&mut self.open[place], is_open) == is_open {
                continue;
            }
            let kind = self.sharing.profile_of[place];
            for number in 0..self.regions_at[place].len() {
                let region = self.regions_at[place][number];
                let Some(waiting) = self.waiting.get_mut(&region) else {
                    continue;
                };
                let before = waiting.lack.clone();
                match is_open {
                    true => waiting.lack[kind] += 1,
                    false => waiting.lack[kind] -= 1,
                }
                let after = waiting.lack.clone();
                self.take_from_lack(&before, region);
                self.by_lack.entry(after).or_default().insert(region);
            }
        }
    }

    /// Those that wait since then or longer, the longest first.
    pub(super) fn since(&self, then: Instant) -> Vec<usize> {
        let over = self.by_time.iter().take_while(|(since, _)| *since <= then);
        over.map(|(_, region)| *region).collect()
    }

    /// Since when the one waits that has waited for the longest.
    pub(super) fn longest(&self) -> Option<Instant> {
        self.by_time.first().map(|(since, _)| *since)
    }

    /// All of them, in order; none waits any longer.
    pub(super) fn take_all(&mut self) -> Vec<usize> {
        self.by_time.clear();
        self.by_lack.clear();
        std::mem::take(&mut self.waiting).into_keys().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use selvedge_core::AllocationId;
    use selvedge_core::MemorySize;
    use selvedge_core::job_graph::{JobGraph, Partitioner};
    use selvedge_core::resource::ProfileSpec;

    use super::*;
    use crate::jobmaster::execution_graph::TaskLocation;
    use crate::jobmaster::slot_pool::OfferedSlot;
    use crate::testing::word_count;

    fn waiting(graph: &JobGraph) -> (WaitingRegions, SlotPool) {
        let sharing = Arc::new(SlotSharing::of(graph, |_| MemorySize::from_bytes(0)));
        let regions = Regions::of(graph, false);
        let pool = SlotPool::new(sharing.clone(), Duration::from_secs(50));
        (WaitingRegions::new(&regions, sharing), pool)
    }

    fn offer(pool: &mut SlotPool, number: u8, now: Instant) -> AllocationId {
        let allocation_id = AllocationId::from_bytes([number; 16]);
        let location = TaskLocation {
            resource_id: "a".into(),
            host: "node".to_owned(),
            data_address: "node:1".to_owned(),
            allocation_id,
        };
        let offered = OfferedSlot {
            location: Arc::new(location),
            slot_index: u32::from(number),
            profile: ProfileSpec::Infinite,
        };
        assert!(pool.offer(offered, now));
        allocation_id
    }

    #[test]
    fn a_region_is_ready_when_its_open_places_can_be_filled() {
        // Without the edge, regions 0 and 2 are at place 0, 1 and 3 at place 1.
        let mut graph = word_count(2);
        graph.edges.clear();
        let ((mut waiting, mut pool), now) = (waiting(&graph), Instant::now());
        for region in 0..4 {
            waiting.insert(region, now);
        }
        assert_eq!(waiting.ready(&mut pool), None);
        let slot = offer(&mut pool, 1, now);
        assert_eq!(waiting.ready(&mut pool), Some(0));
        assert!(pool.reserve(waiting.places(0)));
        waiting.remove(0);
        assert_eq!(waiting.ready(&mut pool), Some(2), "it is at the same place");
        pool.remove(&slot);
        assert_eq!(waiting.ready(&mut pool), None, "the slot is lost");
        offer(&mut pool, 2, now);
        assert_eq!(
            waiting.ready(&mut pool),
            Some(1),
            "any of them can have it, in their order"
        );
    }

    #[test]
    fn what_waits_for_more_does_not_hold_up_what_waits_for_less() {
        let mut graph = word_count(2);
        graph.vertices[1].slot_sharing_group = "sinks".to_owned();
        let other = graph.vertices[1].clone();
        graph.vertices.push(selvedge_core::job_graph::Vertex {
            id: "alone".into(),
            slot_sharing_group: "alone".to_owned(),
            ..other
        });
        assert_ne!(graph.edges[0].partitioner, Partitioner::Forward);
        let ((mut waiting, mut pool), now) = (waiting(&graph), Instant::now());
        let later = now + Duration::from_secs(1);
        waiting.insert(0, now);
        waiting.insert(1, later);
        waiting.insert(2, later);
        offer(&mut pool, 1, now);
        assert_eq!(waiting.ready(&mut pool), Some(1), "region 0 lacks four");
        assert_eq!((waiting.longest(), waiting.since(now)), (Some(now), vec![0]));
        waiting.remove(0);
        assert_eq!(waiting.longest(), Some(later));
        assert_eq!((waiting.take_all(), waiting.longest()), (vec![1, 2], None));
        assert_eq!(waiting.ready(&mut pool), None);
    }
}
