//! Slots by examples: offers, places, and what goes back.

use selvedge_core::job_graph::Partitioner;
use selvedge_core::resource::{Quantity, ResourceProfile};
use selvedge_core::{JobGraph, MemorySize};

use super::*;
use crate::testing::word_count;

const IDLE: Duration = Duration::from_secs(50);

fn pool(graph: &JobGraph) -> SlotPool {
    let sharing = SlotSharing::of(graph, |_| MemorySize::from_bytes(0));
    SlotPool::new(Arc::new(sharing), IDLE)
}

/// Two groups, so that sources and sinks have places of their own: 0 and 1 of the sources, 2 and 3 of the sinks.
fn two_groups() -> JobGraph {
    let mut graph = word_count(2);
    graph.vertices[0].slot_sharing_group = "a-sources".to_owned();
    graph.vertices[1].slot_sharing_group = "sinks".to_owned();
    graph.edges[0].partitioner = Partitioner::Forward;
    graph
}

fn cores(cores: u64) -> ProfileSpec {
    ProfileSpec::Exactly(ResourceProfile {
        cpu_cores: Quantity::from_whole(cores),
        ..ResourceProfile::ZERO
    })
}

fn slot_with(number: u8, worker: &str, profile: ProfileSpec) -> OfferedSlot {
    let location = TaskLocation {
        resource_id: worker.into(),
        host: "node".to_owned(),
        data_address: "node:1".to_owned(),
        allocation_id: AllocationId::from_bytes([number; 16]),
    };
    OfferedSlot {
        location: Arc::new(location),
        slot_index: u32::from(number),
        profile,
    }
}

fn slot(number: u8, worker: &str) -> OfferedSlot {
    slot_with(number, worker, cores(1))
}

fn workers(pool: &SlotPool) -> Vec<&str> {
    let places = 0..pool.places.len();
    places
        .map(|place| {
            pool.location(place)
                .map_or("", |location| location.resource_id.as_str())
        })
        .collect()
}

#[test]
fn only_needed_slots_are_taken_and_offers_may_repeat() {
    let (mut pool, now) = (pool(&word_count(2)), Instant::now());
    assert!(pool.offer(slot(1, "b"), now) && pool.offer(slot(1, "b"), now));
    assert!(!pool.reserve(&[0, 1]), "all of them or none");
    assert!(pool.offer(slot(2, "a"), now));
    assert!(!pool.offer(slot(3, "a"), now), "a third slot is not needed");
    assert!(pool.reserve(&[0, 1]));
    assert!(pool.offer(slot(2, "a"), now), "a slot in use is accepted again");
    assert_eq!(workers(&pool), ["a", "b"]);
    pool.remove_worker(&"a".into());
    assert!(pool.offer(slot(3, "c"), now) && pool.reserve(&[0, 1]));
    assert_eq!(workers(&pool), ["c", "b"], "a slot in use keeps its place");
}

/// Of two groups, of which `sinks` states its profile: this one.
fn pool_of_large_sinks() -> (SlotPool, ProfileSpec) {
    let mut graph = two_groups();
    graph.slot_sharing_groups = serde_json::from_value(serde_json::json!({
        "sinks": {"cpu_cores": 2.0, "task_heap": "1m"}
    }))
    .unwrap();
    (pool(&graph), graph.slot_profile("sinks"))
}

#[test]
fn a_slot_is_taken_for_a_place_that_needs_exactly_its_profile() {
    let (mut pool, sinks) = pool_of_large_sinks();
    let now = Instant::now();
    assert_eq!(
        pool.requirements(),
        [(ProfileSpec::Unknown, 2), (sinks.clone(), 2)],
        "the default slot, and that of the group"
    );
    for number in [1, 2] {
        assert!(
            pool.offer(slot(number, "any"), now),
            "a place without a profile takes any"
        );
    }
    assert!(!pool.offer(slot(3, "any"), now), "another profile");
    for number in [4, 5] {
        assert!(pool.offer(slot_with(number, "large", sinks.clone()), now));
    }
    assert!(pool.reserve(&[2, 3]) && pool.reserve(&[0, 1]));
    assert_eq!(workers(&pool), ["any", "any", "large", "large"]);
}

#[test]
fn a_slot_of_a_stated_profile_is_kept_for_a_place_that_states_it_whatever_comes_first() {
    let (mut pool, sinks) = pool_of_large_sinks();
    let now = Instant::now();
    for number in [1, 2] {
        assert!(pool.offer(slot_with(number, "large", sinks.clone()), now));
    }
    for number in [3, 4] {
        assert!(pool.offer(slot(number, "any"), now), "the others are still wanted");
    }
    assert!(pool.reserve(&[0, 1, 2, 3]));
    assert_eq!(workers(&pool), ["any", "any", "large", "large"]);
}

#[test]
fn a_place_takes_the_slot_that_it_had_then_one_near_its_input() {
    let (mut pool, now) = (pool(&two_groups()), Instant::now());
    for (number, worker) in [(1, "a"), (2, "b"), (3, "b"), (4, "a")] {
        assert!(pool.offer(slot(number, worker), now));
    }
    assert!(pool.reserve(&[0]), "the sources first");
    assert!(pool.reserve(&[1]));
    assert_eq!(workers(&pool)[..2], ["a", "a"]);
    pool.release(1, now);
    pool.need(1);
    assert!(pool.reserve(&[1]));
    assert_eq!(
        pool.location(1).unwrap().allocation_id,
        AllocationId::from_bytes([4; 16])
    );
    pool.release(1, now);
    pool.remove(&AllocationId::from_bytes([4; 16]));
    pool.need(1);
    assert!(pool.reserve(&[1]));
    assert_eq!(workers(&pool)[1], "b");
    assert!(pool.offer(slot(5, "a"), now));
    assert!(pool.reserve(&[3]), "its input is on b, though a would be the first");
    assert_eq!(workers(&pool)[3], "b");
}

#[test]
fn what_is_set_aside_is_not_taken_before_it_is_put_back() {
    for (wanted, expected) in [(1, ["b", "b"]), (2, ["b", "b"]), (3, ["a", "b"]), (0, ["", ""])] {
        let (mut pool, now) = (pool(&word_count(4)), Instant::now());
        for (number, worker) in [(1, "a"), (2, "b"), (3, "b"), (4, "c")] {
            assert!(pool.offer(slot(number, worker), now));
        }
        let aside = pool.set_aside(&[wanted]);
        assert_eq!(pool.reserve(&[0, 1]), wanted > 0);
        assert_eq!(workers(&pool)[..2], expected, "{wanted} wanted");
        pool.put_back(aside);
        assert!(pool.reserve(&[0, 1, 2, 3]), "all are there again");
    }
}

#[test]
fn what_is_declared_follows_the_places_that_are_needed() {
    let (mut pool, now) = (pool(&word_count(3)), Instant::now());
    assert_eq!(pool.requirements(), [(ProfileSpec::Unknown, 3)]);
    assert!(pool.offer(slot(1, "a"), now) && pool.reserve(&[0]));
    pool.release(0, now);
    assert_eq!(pool.requirements(), [(ProfileSpec::Unknown, 2)]);
    pool.need(0);
    pool.remove(&AllocationId::from_bytes([1; 16]));
    assert_eq!((pool.required(), pool.len()), (3, 0));
}

#[test]
fn only_slots_that_no_place_waits_for_go_back_the_longest_idle_first() {
    let (mut pool, now) = (pool(&word_count(2)), Instant::now());
    assert!(pool.offer(slot(1, "a"), now) && pool.offer(slot(2, "a"), now));
    assert_eq!(pool.deadline(), None, "both are waited for");
    assert!(pool.reserve(&[0, 1]));
    pool.release(1, now + IDLE);
    pool.release(0, now + IDLE * 2);
    assert_eq!(pool.deadline(), Some(now + IDLE * 2));
    assert!(pool.return_idle(now + IDLE).is_empty());
    let returned = pool.return_idle(now + IDLE * 2);
    let allocations: Vec<_> = returned.iter().map(|location| location.allocation_id).collect();
    assert_eq!(allocations, [AllocationId::from_bytes([2; 16])]);
    pool.need(0);
    assert_eq!(pool.deadline(), None, "the other one is needed again");
    assert!(pool.could_fill(&[0]) && !pool.could_fill(&[0, 1]));
}
