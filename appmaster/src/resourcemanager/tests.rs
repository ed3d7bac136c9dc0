//! The SlotManager, by examples.

use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::slots::{ReportedSlot, Requirement, SlotManager};
use selvedge_core::JobId;
use selvedge_core::resource::{Quantity, ResourceProfile};
use tokio::time::Instant;

use crate::testing::profile;

fn free(index: u32) -> ReportedSlot {
    ReportedSlot {
        index,
        profile: profile(),
        allocated: None,
    }
}

fn job(byte: u8) -> JobId {
    JobId::from_bytes([byte; 16])
}

fn needs(slots: u32) -> Requirement {
    Requirement {
        profile: profile(),
        slots,
    }
}

#[test]
fn free_slots_go_to_jobs_and_the_rest_is_missing() {
    let (now, mut rng, mut slots) = (Instant::now(), StdRng::seed_from_u64(1), SlotManager::default());
    slots.add_worker("a".into(), &[free(0), free(1)], now);
    slots.declare(job(1), needs(3));
    let (given, missing) = slots.allocate(now, &mut rng);
    assert_eq!((given.len(), missing), (2, 1));
    assert_eq!(
        slots.allocate(now, &mut rng),
        (vec![], 1),
        "slots that are asked for are not asked for again"
    );
    slots.add_worker("b".into(), &[free(0)], now);
    assert_eq!(slots.allocate(now, &mut rng).1, 0);
}

#[test]
fn a_slot_too_small_is_left_alone() {
    let (now, mut rng, mut slots) = (Instant::now(), StdRng::seed_from_u64(1), SlotManager::default());
    slots.add_worker("a".into(), &[free(0)], now);
    let larger = ResourceProfile {
        cpu_cores: Quantity::from_whole(64),
        ..profile()
    };
    slots.declare(
        job(1),
        Requirement {
            profile: larger,
            slots: 1,
        },
    );
    assert_eq!(slots.allocate(now, &mut rng), (vec![], 1));
}

#[test]
fn a_refused_slot_is_tried_again_after_a_pause() {
    let (now, mut rng, mut slots) = (Instant::now(), StdRng::seed_from_u64(1), SlotManager::default());
    slots.add_worker("a".into(), &[free(0)], now);
    slots.declare(job(1), needs(1));
    let (given, _) = slots.allocate(now, &mut rng);
    slots.answered(&given[0], false, now);
    assert_eq!(
        (slots.allocate(now, &mut rng), slots.paused_slots(now)),
        ((vec![], 1), 1)
    );
    assert_eq!(slots.allocate(now + Duration::from_secs(1), &mut rng).1, 0);
}

#[test]
fn a_report_that_is_older_than_a_change_does_not_undo_it() {
    let (sent, mut rng, mut slots) = (Instant::now(), StdRng::seed_from_u64(1), SlotManager::default());
    slots.add_worker("a".into(), &[free(0)], sent);
    slots.declare(job(1), needs(1));
    let now = sent + Duration::from_millis(5);
    let (given, _) = slots.allocate(now, &mut rng);
    slots.answered(&given[0], true, now);
    slots.report(&"a".into(), &[free(0)], sent, now);
    assert_eq!(slots.slots_of(&"a".into()).allocated.len(), 1);
    let later = now + Duration::from_secs(1);
    slots.report(&"a".into(), &[free(0)], later, later);
    assert_eq!(slots.slots_of(&"a".into()).free.len(), 1);
}

#[test]
fn a_worker_is_idle_from_when_its_last_slot_is_free() {
    let (now, mut rng, mut slots) = (Instant::now(), StdRng::seed_from_u64(1), SlotManager::default());
    let timeout = Duration::from_secs(30);
    slots.add_worker("a".into(), &[free(0)], now);
    slots.declare(job(1), needs(1));
    let (given, _) = slots.allocate(now, &mut rng);
    slots.answered(&given[0], true, now);
    assert!(slots.idle_workers(timeout, now + timeout).is_empty());
    slots.remove_job(&job(1));
    let freed = now + Duration::from_secs(60);
    slots.freed(&"a".into(), 0, &given[0].allocation_id, freed);
    assert_eq!(slots.deadline(timeout, freed), Some(freed + timeout));
    assert_eq!(slots.idle_workers(timeout, freed + timeout), ["a".into()]);
}
