use std::collections::BTreeSet;
use std::time::Duration;

use selvedge_core::resource::{Quantity, ResourceProfile};
use selvedge_core::status::{SlotPhase, Walk};
use selvedge_core::{AllocationId, ExecutionAttemptId, JobId, MemorySize};
use selvedge_runtime::clock::thread_now;
use selvedge_runtime::gateway::convert::WireId;

use super::{Freed, SlotTable};

const TIMEOUT: Duration = Duration::from_secs(10);

fn table() -> SlotTable {
    SlotTable::new(2, of_cores(1), of_cores(2), TIMEOUT)
}

/// Cores, and a mebibyte for each.
fn of_cores(cores: u64) -> ResourceProfile {
    ResourceProfile {
        cpu_cores: Quantity::from_whole(cores),
        managed: MemorySize::from_mebibytes(cores),
        ..ResourceProfile::ZERO
    }
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

#[test]
fn a_slot_of_another_size_takes_from_the_same_whole_and_gives_it_back_when_it_ends() {
    let (mut table, now) = (table(), thread_now());
    let double = of_cores(2);
    table.allocate(0, job(1), allocation(1), now).unwrap();
    let error = table
        .allocate_dynamic(double.clone(), job(1), allocation(2), now)
        .unwrap_err();
    assert!(error.to_string().contains("there is not enough"), "{error}");
    assert_eq!(table.report().len(), 2, "a refused demand makes no slot");
    table.free(job(1), allocation(1)).unwrap();
    assert_eq!(
        table.allocate_dynamic(double.clone(), job(1), allocation(2), now),
        Ok(2)
    );
    assert_eq!(
        table.allocate_dynamic(double.clone(), job(1), allocation(2), now),
        Ok(2),
        "met already"
    );
    assert_eq!(table.profile_of(allocation(2)), Some(&double));
    let error = table.allocate(0, job(1), allocation(3), now).unwrap_err();
    assert!(error.to_string().contains("there is not enough"), "{error}");
    let error = table
        .allocate_dynamic(of_cores(1), job(1), allocation(2), now)
        .unwrap_err();
    assert!(error.to_string().contains("has slot 2"), "another size: {error}");
    assert_eq!(table.report()[2].allocation_id, allocation(2).to_wire());
    assert_eq!(table.free(job(1), allocation(2)), Some(Freed::Now { index: 2 }));
    assert_eq!(table.report().len(), 2);
    assert_eq!(
        table.allocate_dynamic(of_cores(2), job(2), allocation(4), now),
        Ok(3),
        "a new index"
    );
}

#[test]
fn a_slot_that_was_made_ends_when_its_last_task_has_or_when_it_is_not_taken() {
    let (mut table, now) = (table(), thread_now());
    table.allocate_dynamic(of_cores(1), job(1), allocation(1), now).unwrap();
    table.add_task(job(1), allocation(1), task(0)).unwrap();
    assert_eq!(
        table.free(job(1), allocation(1)),
        Some(Freed::After(BTreeSet::from([task(0)])))
    );
    assert_eq!(table.report().len(), 3, "its task runs still");
    assert_eq!(table.remove_task(allocation(1), &task(0)), Some(2));
    assert_eq!(table.report().len(), 2);
    table.allocate_dynamic(of_cores(1), job(1), allocation(2), now).unwrap();
    assert_eq!(table.expired(now + TIMEOUT), [(job(1), allocation(2))]);
    table.free(job(1), allocation(2)).unwrap();
    table.allocate(0, job(2), allocation(3), now).unwrap();
    table.allocate(1, job(2), allocation(4), now).unwrap();
}

#[test]
fn a_slot_that_was_made_cannot_be_asked_for_by_its_index() {
    let (mut table, now) = (table(), thread_now());
    table.allocate_dynamic(of_cores(1), job(1), allocation(1), now).unwrap();
    let error = table.allocate(2, job(1), allocation(1), now).unwrap_err();
    assert!(error.to_string().contains("there is no slot 2"), "{error}");
}

/// A table whose first slot is in this state, with a task where one may be.
fn in_phase(phase: SlotPhase) -> SlotTable {
    let (mut table, now) = (table(), thread_now());
    if phase != SlotPhase::Free {
        table.allocate(0, job(1), allocation(1), now).unwrap();
    }
    if matches!(phase, SlotPhase::Active | SlotPhase::Releasing) {
        table.add_task(job(1), allocation(1), task(0)).unwrap();
    }
    if phase == SlotPhase::Releasing {
        assert!(matches!(table.free(job(1), allocation(1)), Some(Freed::After(_))));
    }
    assert_eq!(table.phase(0), Some(phase));
    table
}

#[test]
fn a_slot_goes_only_where_its_table_says() {
    use SlotPhase::{Active, Allocated, Free, Releasing};
    type Event = fn(&mut SlotTable);
    let events: [Event; 6] = [
        |table| drop(table.allocate(0, job(2), allocation(2), thread_now())),
        |table| drop(table.activate(job(1), allocation(1))),
        |table| drop(table.add_task(job(1), allocation(1), task(1))),
        |table| {
            table.remove_task(allocation(1), &task(0));
        },
        |table| drop(table.free(job(1), allocation(1))),
        |table| drop(table.free(job(2), allocation(1))),
    ];
    let mut walk = Walk::new();
    let rows: &[(SlotPhase, &[SlotPhase])] = &[
        (Free, &[Allocated, Free, Free, Free, Free, Free]),
        (Allocated, &[Allocated, Active, Active, Allocated, Free, Allocated]),
        (Active, &[Active, Active, Active, Active, Releasing, Active]),
        (
            Releasing,
            &[Releasing, Releasing, Releasing, Free, Releasing, Releasing],
        ),
    ];
    walk.rows(&events, rows, |phase, event| {
        let mut table = in_phase(phase);
        event(&mut table);
        table.phase(0).unwrap()
    });
    // Without a task there is nothing to wait for.
    let mut idle = in_phase(Active);
    idle.remove_task(allocation(1), &task(0));
    idle.free(job(1), allocation(1));
    walk.step(Active, idle.phase(0).unwrap());
    walk.finish();
}
