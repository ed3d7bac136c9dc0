//! What workers say of their slots.

use super::*;

#[test]
fn a_report_is_right_except_for_what_changed_since_it_was_asked_for() {
    let mut bed = Bed::with(&[]);
    bed.add("a");
    let asked = bed.now;
    bed.now += Duration::from_millis(5);
    bed.declare(1, [open(1)]);
    let plan = bed.settle();
    let allocation_id = plan.allocations[0].allocation_id;
    let (worker, now) = ("a".into(), bed.now);
    assert_eq!(bed.slots.report(&worker, &[], Some(asked), now), Ok(vec![]));
    assert_eq!(bed.slots.slots_of(&worker).free, 1, "the report is older than the slot");
    assert_eq!(
        bed.slots.report(&worker, &[], None, now),
        Ok(vec![]),
        "said at the registration"
    );
    let later = now + Duration::from_secs(1);
    let lost = LostSlot {
        job_id: job(1),
        allocation_id,
    };
    assert_eq!(bed.slots.report(&worker, &[], Some(later), later), Ok(vec![lost]));
    assert_eq!(bed.slots.slots_of(&worker).free, 2);
}

#[test]
fn a_slot_in_the_books_goes_only_where_the_table_says() {
    use HeldSlotState::{Absent, Asked, Taken};
    let (now, id) = (Instant::now(), ResourceId::from("a"));
    let (job, allocation) = (job(1), AllocationId::from_bytes([1; 16]));
    let reported = ReportedSlot {
        index: 0,
        profile: size(1),
        job_id: job,
        allocation_id: allocation,
    };
    let later = now + Duration::from_secs(1);
    type Event<'a> = Box<dyn Fn(&mut Worker) + 'a>;
    let take = |worker: &mut Worker| drop(worker.take(&id, &ProfileSpec::Unknown, job, allocation, now));
    let events: Vec<Event<'_>> = vec![
        Box::new(take),
        Box::new(|worker| worker.answered(&allocation, true, now)),
        Box::new(|worker| worker.answered(&allocation, false, now)),
        Box::new(|worker| {
            worker.freed(&allocation, now);
        }),
        Box::new(|worker| drop(worker.report(std::slice::from_ref(&reported), Some(later), later))),
        Box::new(|worker| drop(worker.report(&[], Some(later), later))),
    ];
    let mut walk = Walk::new();
    let rows: &[(HeldSlotState, &[HeldSlotState])] = &[
        (Absent, &[Asked, Absent, Absent, Absent, Taken, Absent]),
        (Asked, &[Asked, Taken, Absent, Absent, Taken, Asked]),
        (Taken, &[Taken, Taken, Taken, Absent, Taken, Absent]),
    ];
    walk.rows(&events, rows, |from, event| {
        let mut worker = Worker::new(resources(1), &[], now);
        if from != Absent {
            take(&mut worker);
        }
        if from == Taken {
            worker.answered(&allocation, true, now);
        }
        event(&mut worker);
        worker.state_of(&allocation)
    });
    walk.finish();
}

#[test]
fn a_report_that_was_overtaken_takes_no_slot_away() {
    let mut bed = Bed::with(&[]);
    bed.add("a");
    bed.declare(1, [open(1)]);
    let plan = bed.settle();
    let allocation = &plan.allocations[0];
    let reported = ReportedSlot {
        index: 0,
        profile: allocation.profile.clone(),
        job_id: job(1),
        allocation_id: allocation.allocation_id,
    };
    let (worker, asked) = ("a".into(), bed.now + Duration::from_secs(1));
    let beat = bed.slots.report(&worker, &[reported], Some(asked), asked);
    assert_eq!(beat, Ok(vec![]));
    let said_at_the_registration = bed.slots.report(&worker, &[], None, asked);
    assert_eq!(said_at_the_registration, Ok(vec![]));
    let asked_before = bed.slots.report(&worker, &[], Some(bed.now), asked);
    assert_eq!(asked_before, Ok(vec![]));
    assert_eq!(bed.slots.slots_of(&worker).free, 1);
}

#[test]
fn a_slot_that_only_its_worker_knows_is_counted_and_one_that_was_freed_does_not_come_back() {
    let mut bed = Bed::with(&[]);
    bed.add("a");
    let reported = ReportedSlot {
        index: 1,
        profile: size(1),
        job_id: job(1),
        allocation_id: AllocationId::from_bytes([1; 16]),
    };
    let (worker, asked) = ("a".into(), bed.now);
    bed.slots
        .report(&worker, std::slice::from_ref(&reported), Some(asked), asked)
        .unwrap();
    bed.declare(1, [open(2)]);
    assert_eq!(places(&bed.plan()), [("a", Some(0))]);
    bed.slots.freed(&worker, &reported.allocation_id, bed.now).unwrap();
    bed.slots
        .report(&worker, std::slice::from_ref(&reported), Some(asked), bed.now)
        .unwrap();
    assert_eq!(bed.slots.slots_of(&worker).allocated.len(), 1);
    let unknown = SlotManagerError::UnknownAllocation {
        worker: worker.clone(),
        allocation: AllocationId::from_bytes([9; 16]),
    };
    let freed = bed.slots.freed(&worker, &AllocationId::from_bytes([9; 16]), bed.now);
    assert_eq!(freed, Err(unknown));
    assert_eq!(
        bed.slots.freed(&worker, &reported.allocation_id, bed.now),
        Ok(()),
        "said twice"
    );
    let nobody = SlotManagerError::UnknownWorker("z".into());
    assert_eq!(bed.slots.report(&"z".into(), &[], None, bed.now), Err(nobody.clone()));
    assert_eq!(
        bed.slots.freed(&"z".into(), &reported.allocation_id, bed.now),
        Err(nobody)
    );
}

#[test]
fn a_worker_that_registers_again_keeps_what_it_says_and_loses_the_rest() {
    let mut bed = Bed::with(&[]);
    bed.add("a");
    bed.declare(1, [open(2)]);
    let plan = bed.settle();
    let kept = &plan.allocations[0];
    let reported = ReportedSlot {
        index: kept.slot_index.unwrap(),
        profile: kept.profile.clone(),
        job_id: kept.job_id,
        allocation_id: kept.allocation_id,
    };
    let lost = bed.slots.add_worker("a".into(), resources(2), &[reported], bed.now);
    let gone = LostSlot {
        job_id: job(1),
        allocation_id: plan.allocations[1].allocation_id,
    };
    assert_eq!(lost, Ok(vec![gone]));
    assert_eq!(places(&bed.plan()), [("a", Some(1))], "the job gets it anew");
    assert_eq!(bed.slots.remove_worker(&"a".into()).len(), 2);
    assert_eq!(bed.plan().workers, 1);
}
