use selvedge_core::status::{TrackedWorker, Walk};

use super::*;

const USUAL: WorkerKind = WorkerKind::USUAL;

fn needed(usual: u32) -> Needed {
    Needed::from([(USUAL, usual)])
}

/// The plan where only usual workers are needed.
fn plan(workers: &mut WorkerTracker, usual: u32, now: Instant) -> WorkerPlan {
    let mut plans = workers.plan(&needed(usual), now);
    assert_eq!(plans.len(), 1, "{plans:?}");
    plans.remove(0).1
}

fn tracker() -> WorkerTracker {
    WorkerTracker::new(StartLimits {
        failures_per_minute: 3.0,
        retry_interval: Duration::from_secs(3),
        registration_timeout: Duration::from_secs(300),
        recovery_timeout: Duration::from_secs(10),
    })
}

#[test]
fn a_worker_of_an_earlier_attempt_is_waited_for_before_another_one_is_asked_for() {
    let (now, mut workers) = (Instant::now(), tracker());
    assert!(workers.recovered(&"old".into(), "node", now));
    assert_eq!(plan(&mut workers, 2, now).request, 1, "one comes back");
    assert!(workers.is_settled(&needed(2), now));
    let late = now + Duration::from_secs(10);
    assert_eq!(workers.deadline(now), Some(late));
    assert!(!workers.is_settled(&needed(2), late));
    assert_eq!(plan(&mut workers, 2, late).request, 1, "it did not come in time");
    workers.registers(&"old".into(), USUAL);
    assert_eq!(workers.pending(), 2, "it is none of those that were asked for");
}

#[test]
fn a_worker_of_an_earlier_attempt_that_never_registers_is_overdue_and_no_failed_start() {
    let (now, mut workers) = (Instant::now(), tracker());
    assert!(workers.recovered(&"old".into(), "node", now));
    let late = now + Duration::from_secs(300);
    assert_eq!(workers.overdue(late), ["old".into()]);
    assert_eq!(workers.ended(&"old".into(), late), None);
    assert_eq!((workers.overdue(late).len(), workers.failed_starts()), (0, 0));
    assert!(!workers.recovered(&"old".into(), "node", late), "it was given up");
}

#[test]
fn what_is_missing_is_asked_for_once() {
    let (now, mut workers) = (Instant::now(), tracker());
    assert_eq!(plan(&mut workers, 2, now).request, 2);
    assert_eq!(plan(&mut workers, 2, now), WorkerPlan::default());
    assert!(workers.started(&"a".into(), "node", USUAL, now));
    workers.registers(&"a".into(), USUAL);
    assert_eq!(plan(&mut workers, 1, now), WorkerPlan::default());
}

#[test]
fn a_worker_may_register_before_its_driver_has_told_of_it() {
    let (now, mut workers) = (Instant::now(), tracker());
    assert_eq!(plan(&mut workers, 1, now).request, 1);
    workers.registers(&"a".into(), USUAL);
    assert_eq!(plan(&mut workers, 0, now), WorkerPlan::default());
    assert!(workers.started(&"a".into(), "node", USUAL, now));
    assert_eq!(plan(&mut workers, 0, now), WorkerPlan::default());
}

#[test]
fn a_worker_goes_only_where_the_table_says() {
    use TrackedWorker::{Gone, Registered, Starting, Unknown};
    type Event = fn(&mut WorkerTracker, &ResourceId, Instant);
    let events: [Event; 4] = [
        |workers, id, now| {
            workers.started(id, "node", USUAL, now);
        },
        |workers, id, _| workers.registers(id, USUAL),
        |workers, id, now| {
            workers.ended(id, now);
        },
        |workers, id, _| workers.released(id),
    ];
    let (now, id) = (Instant::now(), ResourceId::from("a"));
    let kind = |workers: &WorkerTracker| match workers.registered.contains(&id) {
        true => {
            assert!(!workers.starting.contains_key(&id), "it is waited for no longer");
            Registered
        }
        false if workers.starting.contains_key(&id) => Starting,
        false if workers.is_gone(&id) => Gone,
        false => Unknown,
    };
    let mut walk = Walk::new();
    let rows: &[(TrackedWorker, &[TrackedWorker])] = &[
        (Unknown, &[Starting, Registered, Gone, Gone]),
        (Starting, &[Starting, Registered, Gone, Gone]),
        (Registered, &[Registered, Registered, Gone, Gone]),
        (Gone, &[Gone, Registered, Gone, Gone]),
    ];
    walk.rows(&events, rows, |from, event| {
        let mut workers = tracker();
        match from {
            Unknown => {}
            Starting => assert!(workers.started(&id, "node", USUAL, now)),
            Registered => workers.registers(&id, USUAL),
            Gone => workers.released(&id),
        }
        event(&mut workers, &id, now);
        kind(&workers)
    });
    walk.finish();
}

#[test]
fn surplus_is_given_up_wishes_first() {
    let (now, mut workers) = (Instant::now(), tracker());
    plan(&mut workers, 3, now);
    workers.started(&"a".into(), "node", USUAL, now);
    let first = plan(&mut workers, 0, now);
    assert_eq!(
        first,
        WorkerPlan {
            request: 0,
            cancel: 2,
            release: vec!["a".into()]
        }
    );
    assert_eq!(
        plan(&mut workers, 0, now),
        WorkerPlan::default(),
        "they are being taken back"
    );
    assert!(workers.is_settled(&needed(0), now));
    workers.requests_cancelled(USUAL, 2, 1);
    assert_eq!(
        (workers.pending(), workers.is_settled(&needed(0), now)),
        (1, false),
        "one came after all"
    );
    assert!(workers.is_gone(&"a".into()), "a released worker may not come back");
}

#[test]
fn of_the_workers_that_are_gone_only_the_last_are_kept_in_mind() {
    let (now, mut workers) = (Instant::now(), tracker());
    for number in 0..=GONE_KEPT {
        workers.ended(&format!("worker-{number}").into(), now);
        workers.ended(&format!("worker-{number}").into(), now);
    }
    assert_eq!(
        (workers.gone.known.len(), workers.gone.order.len()),
        (GONE_KEPT, GONE_KEPT)
    );
    assert!(workers.is_gone(&"worker-1".into()), "it was given up");
}

#[test]
fn too_many_failed_starts_pause_the_asking() {
    let (now, mut workers) = (Instant::now(), tracker());
    plan(&mut workers, 3, now);
    for _ in 0..3 {
        workers.request_failed(USUAL, now);
    }
    assert_eq!(
        (workers.recent_failures(now), workers.recent_failures(now + MINUTE)),
        (3, 0)
    );
    assert_eq!(workers.failed_starts(), 3);
    assert_eq!(plan(&mut workers, 3, now), WorkerPlan::default());
    assert_eq!(workers.deadline(now), Some(now + Duration::from_secs(3)));
    assert_eq!(plan(&mut workers, 3, now + Duration::from_secs(3)).request, 3);
}

#[test]
fn a_worker_that_does_not_register_is_overdue() {
    let (now, mut workers) = (Instant::now(), tracker());
    plan(&mut workers, 1, now);
    workers.started(&"a".into(), "node", USUAL, now);
    assert!(workers.overdue(now).is_empty());
    let late = now + Duration::from_secs(300);
    assert_eq!(workers.overdue(late), ["a".into()]);
    assert_eq!(
        workers.ended(&"a".into(), late).as_deref(),
        Some("node"),
        "its start counts as failed"
    );
    assert_eq!(plan(&mut workers, 1, late).request, 1);
}

#[test]
fn workers_of_two_sizes_are_asked_for_and_given_up_apart() {
    let (now, mut workers) = (Instant::now(), tracker());
    let large = WorkerKind(1);
    let asks = |plans: Vec<(WorkerKind, WorkerPlan)>| -> Vec<_> {
        let asks = plans
            .into_iter()
            .map(|(kind, plan)| (kind, plan.request, plan.cancel, plan.release));
        asks.collect()
    };
    let both = Needed::from([(USUAL, 2), (large, 1)]);
    assert_eq!(
        asks(workers.plan(&both, now)),
        [(USUAL, 2, 0, vec![]), (large, 1, 0, vec![])]
    );
    workers.started(&"large".into(), "node", large, now);
    workers.started(&"usual".into(), "node", USUAL, now);
    assert!(workers.is_settled(&both, now));
    assert_eq!(workers.pending(), 3);
    assert_eq!(
        asks(workers.plan(&Needed::new(), now)),
        [(USUAL, 0, 1, vec!["usual".into()]), (large, 0, 0, vec!["large".into()])]
    );
    workers.requests_cancelled(USUAL, 1, 1);
    assert_eq!(workers.pending(), 0);
}
