//! The adaptive scheduler's machine by tables: every state with every event, and the times.

use std::time::Duration;

use selvedge_core::status::{AdaptiveState, JobStatus, Walk};
use tokio::time::Instant;

use super::AdaptiveSettings;
use super::allocator::{Allowed, VertexParallelism};
use super::machine::{Decision, Machine};
use crate::testing::word_count;

use AdaptiveState::{
    Canceling, Created, CreatingExecutionGraph, Executing, Failing, Finished, Restarting, WaitingForResources,
};

const SETTINGS: AdaptiveSettings = AdaptiveSettings {
    reactive: false,
    resource_wait: Some(seconds(300)),
    stabilization: seconds(10),
    cooldown: seconds(30),
    executing_stabilization: seconds(60),
    longest_interval: None,
    min_increase: 1,
    few_workers: true,
};

const fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

fn parallelism(number: u32) -> VertexParallelism {
    VertexParallelism::of(&word_count(number))
}

/// Slots for this parallelism of four; none where it is zero.
fn slots(number: u32) -> Allowed {
    Allowed {
        parallelism: (number > 0).then(|| parallelism(number)),
        all: number == 4,
    }
}

/// In a state, where there is one slot.
fn at(state: AdaptiveState, now: Instant) -> Machine {
    let mut machine = Machine::new(SETTINGS);
    let steps: &[&dyn Fn(&mut Machine)] = &[
        &|machine| {
            machine.wait(now);
        },
        &|machine| drop(machine.look(&slots(4), now)),
        &|machine| {
            machine.execute(now);
        },
        &|machine| machine.follow(JobStatus::Restarting),
    ];
    let taken = match state {
        Created => 0,
        WaitingForResources => 1,
        CreatingExecutionGraph => 2,
        Executing => 3,
        _ => 4,
    };
    steps[..taken].iter().for_each(|step| step(&mut machine));
    match state {
        Canceling => machine.follow(JobStatus::Cancelling),
        Failing => machine.follow(JobStatus::Failing),
        Finished => machine.follow(JobStatus::Suspended),
        _ => {}
    }
    assert_eq!(machine.state(), state);
    machine
}

#[derive(Debug)]
enum Event {
    /// The connectors are prepared, or the slots for a graph are gone.
    Wait,
    AllSlots,
    GraphIsThere,
    Rescale,
    /// The tasks have ended, with slots at hand.
    Restarted,
    Follow(JobStatus),
}

#[test]
fn every_state_with_every_event() {
    let now = Instant::now();
    let events = [
        Event::Wait,
        Event::AllSlots,
        Event::GraphIsThere,
        Event::Rescale,
        Event::Restarted,
        Event::Follow(JobStatus::Restarting),
        Event::Follow(JobStatus::Cancelling),
        Event::Follow(JobStatus::Failing),
        Event::Follow(JobStatus::Suspended),
    ];
    let after = |state, event: &Event| {
        let mut machine = at(state, now);
        match event {
            Event::Wait => {
                machine.wait(now);
            }
            Event::AllSlots => drop(machine.look(&slots(4), now)),
            Event::GraphIsThere => {
                machine.execute(now);
            }
            Event::Rescale => {
                machine.rescale();
            }
            // A restart that comes of itself waits; what a user does not see is tested below.
            Event::Restarted if state == Restarting => drop(machine.restarted(&slots(4), now)),
            Event::Restarted => {}
            Event::Follow(status) => machine.follow(*status),
        }
        machine.state()
    };
    let mut walk = Walk::new();
    walk.rows(
        &events,
        &[
            (
                Created,
                &[
                    WaitingForResources,
                    Created,
                    Created,
                    Created,
                    Created,
                    Created,
                    Canceling,
                    Failing,
                    Finished,
                ],
            ),
            (
                WaitingForResources,
                &[
                    WaitingForResources,
                    CreatingExecutionGraph,
                    WaitingForResources,
                    WaitingForResources,
                    WaitingForResources,
                    WaitingForResources,
                    Canceling,
                    Failing,
                    Finished,
                ],
            ),
            (
                CreatingExecutionGraph,
                &[
                    WaitingForResources,
                    CreatingExecutionGraph,
                    Executing,
                    CreatingExecutionGraph,
                    CreatingExecutionGraph,
                    CreatingExecutionGraph,
                    Canceling,
                    Failing,
                    Finished,
                ],
            ),
            (
                Executing,
                &[
                    Executing, Executing, Executing, Restarting, Executing, Restarting, Canceling, Failing, Finished,
                ],
            ),
            (
                Restarting,
                &[
                    WaitingForResources,
                    Restarting,
                    Restarting,
                    Restarting,
                    WaitingForResources,
                    Restarting,
                    Canceling,
                    Failing,
                    Finished,
                ],
            ),
            (
                Canceling,
                &[
                    Canceling, Canceling, Canceling, Canceling, Canceling, Canceling, Canceling, Canceling, Finished,
                ],
            ),
            (
                Failing,
                &[
                    Failing, Failing, Failing, Failing, Failing, Failing, Canceling, Failing, Finished,
                ],
            ),
            (Finished, &[Finished; 9]),
        ],
        after,
    );
    let mut rescaled = at(Executing, now);
    assert!(rescaled.rescale());
    assert_eq!(rescaled.restarted(&slots(2), now), Decision::Create(parallelism(2)));
    walk.step(Restarting, rescaled.state());
    walk.finish();
}

#[test]
fn a_rescaled_job_whose_slots_are_gone_waits_and_a_failure_on_the_way_changes_nothing() {
    let now = Instant::now();
    let mut machine = at(Executing, now);
    machine.rescale();
    machine.follow(JobStatus::Restarting);
    assert_eq!(machine.restarted(&slots(0), now), Decision::Stay);
    assert_eq!(machine.state(), WaitingForResources);
}

#[test]
fn a_job_starts_with_all_at_once_with_enough_when_that_is_stable_and_not_with_less_than_the_least() {
    let start = Instant::now();
    // What there is at which second, and what follows.
    let created = |number| Decision::Create(parallelism(number));
    let cases: [Case; 6] = [
        (&[(0, 0), (3, 4)], 3, created(4)),
        (&[(0, 0), (3, 1), (8, 2)], 13, created(2)),
        (&[(0, 1), (5, 0), (8, 2)], 18, created(2)),
        (&[(0, 0), (295, 3)], 300, created(3)),
        (&[(0, 0)], 300, Decision::GiveUp),
        (&[(0, 1), (299, 0)], 10, created(1)),
    ];
    for (slots_at, ends_at, expected) in cases {
        let mut machine = at(Created, start);
        machine.wait(start);
        let mut there = 0;
        let mut events = slots_at.iter().copied().peekable();
        loop {
            let deadline = machine.deadline().unwrap_or(start).max(start);
            let next_event = events.peek().map(|(second, _)| start + seconds(*second));
            let now = next_event.map_or(deadline, |event| event.min(deadline));
            if next_event == Some(now) {
                there = events.next().unwrap().1;
            }
            let decision = machine.look(&slots(there), now);
            if decision != Decision::Stay {
                assert_eq!((decision, now - start), (expected, seconds(ends_at)), "{slots_at:?}");
                break;
            }
            assert!(now - start <= seconds(300), "{slots_at:?}");
        }
    }
}

/// What there is from which second on, at which the job starts or gives up, and which it does.
type Case = (&'static [(u64, u32)], u64, Decision);

/// A job that has run with one slot since then, and when more come at once.
fn running_with_one(settings: AdaptiveSettings, start: Instant) -> Machine {
    let mut machine = Machine::new(settings);
    machine.wait(start);
    let waited = start + seconds(10);
    assert_eq!(machine.look(&slots(1), start), Decision::Stay);
    assert_eq!(machine.look(&slots(1), waited), Decision::Create(parallelism(1)));
    assert!(machine.execute(start));
    machine
}

#[test]
fn a_running_job_is_rescaled_for_all_after_the_cooldown_and_for_more_when_that_is_stable() {
    let start = Instant::now();
    let rescaled_at = |settings, second: u64, there: u32| {
        let mut machine = running_with_one(settings, start);
        let came = start + seconds(second);
        let mut decision = machine.look(&slots(there), came);
        if decision == Decision::Stay {
            let due = machine.deadline()?;
            decision = machine.look(&slots(there), due);
            assert_eq!(machine.deadline(), Some(due));
        }
        let (from, to) = (parallelism(1), parallelism(there));
        assert_eq!(decision, Decision::Rescale { from, to });
        machine.deadline().map(|due| (due.max(came) - start).as_secs())
    };
    assert_eq!(rescaled_at(SETTINGS, 5, 4), Some(30), "after the cooldown");
    assert_eq!(rescaled_at(SETTINGS, 40, 4), Some(40), "at once");
    assert_eq!(rescaled_at(SETTINGS, 40, 2), Some(100), "when it is stable");
    assert_eq!(rescaled_at(SETTINGS, 40, 1), None, "the same");
    let bold = AdaptiveSettings {
        min_increase: 2,
        ..SETTINGS
    };
    assert_eq!(rescaled_at(bold, 40, 2), None, "too little");
    assert_eq!(rescaled_at(bold, 40, 3), Some(100));
    let forced = AdaptiveSettings {
        longest_interval: Some(seconds(600)),
        ..bold
    };
    assert_eq!(rescaled_at(forced, 40, 2), Some(600), "in the end for less");
}

#[test]
fn more_slots_that_go_again_are_as_if_they_had_not_come() {
    let start = Instant::now();
    let mut machine = running_with_one(SETTINGS, start);
    let at = |second| start + seconds(second);
    assert_eq!(machine.look(&slots(2), at(40)), Decision::Stay);
    assert_eq!(machine.deadline(), Some(at(100)));
    assert_eq!(machine.look(&slots(1), at(50)), Decision::Stay);
    assert_eq!(machine.deadline(), None);
    assert_eq!(machine.look(&slots(2), at(60)), Decision::Stay);
    assert_eq!(machine.deadline(), Some(at(120)));
}

#[test]
fn bounds_that_shrink_rescale_a_job_after_the_cooldown() {
    let start = Instant::now();
    let mut machine = at(Executing, start);
    let fewer = Allowed {
        parallelism: Some(parallelism(2)),
        all: true,
    };
    assert_eq!(machine.look(&fewer, start), Decision::Stay);
    assert_eq!(machine.deadline(), Some(start + seconds(30)));
    let (from, to) = (parallelism(4), parallelism(2));
    assert_eq!(
        machine.look(&fewer, start + seconds(30)),
        Decision::Rescale { from, to }
    );
}

#[test]
fn slots_that_are_too_few_to_matter_do_not_shorten_the_wait_of_those_that_do() {
    let start = Instant::now();
    let bold = AdaptiveSettings {
        min_increase: 2,
        ..SETTINGS
    };
    let mut machine = running_with_one(bold, start);
    let at = |second| start + seconds(second);
    assert_eq!(machine.look(&slots(2), at(40)), Decision::Stay);
    assert_eq!(machine.deadline(), None);
    assert_eq!(machine.look(&slots(3), at(200)), Decision::Stay);
    assert_eq!(machine.deadline(), Some(at(260)));
}
