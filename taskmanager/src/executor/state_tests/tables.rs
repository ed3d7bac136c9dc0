//! The worker's state machines against their tables.

use selvedge_core::status::{JobContact, TaskPhase, Walk, WorkerRegistration};

use super::super::job::{Contact, Phase};
use super::*;

#[test]
fn a_worker_registers_and_loses_its_resource_manager_as_the_table_says() {
    use WorkerRegistration::{Registered, Registering};
    type Event = fn(&mut State, Instant);
    let other = LeaderSessionId::from_bytes([77; 16]);
    let events: [Event; 4] = [
        |state, now| state.registered(leader(), HEARTBEAT, now),
        |state, now| drop(state.lose_resource_manager(leader(), now)),
        |state, now| drop(state.lose_resource_manager(LeaderSessionId::from_bytes([77; 16]), now)),
        |state, now| drop(state.leader_is(LeaderSessionId::from_bytes([77; 16]), now)),
    ];
    let kind = |state: &State| match state.resource_manager() {
        Some(id) => {
            assert_ne!(id, other);
            Registered
        }
        None => Registering,
    };
    let now = thread_now();
    let mut walk = Walk::new();
    let rows: &[(WorkerRegistration, &[WorkerRegistration])] = &[
        (Registering, &[Registered, Registering, Registering, Registering]),
        (Registered, &[Registered, Registering, Registered, Registering]),
    ];
    walk.rows(&events, rows, |from, event| {
        let mut state = worker(now);
        if from == Registering {
            state.lose_resource_manager(leader(), now);
        }
        event(&mut state, now);
        kind(&state)
    });
    walk.finish();
}

#[test]
fn a_job_and_its_task_on_a_worker_go_only_where_their_tables_say() {
    use JobContact::{Connected, Connecting, Disconnected};
    type Event = fn(&mut State, Instant);
    let now = thread_now();
    let contact = |state: &State| match state.jobs[&job(1).job_id].contact {
        Contact::Connecting => Connecting,
        Contact::Connected { .. } => Connected,
        Contact::Disconnected => Disconnected,
    };
    let events: [Event; 3] = [
        |state, now| drop(state.job_registered(job(1), HEARTBEAT, now)),
        |state, now| drop(state.disconnect(job(1), now)),
        |state, now| drop(state.disconnect(job(2), now)),
    ];
    let mut contacts = Walk::new();
    let rows: &[(JobContact, &[JobContact])] = &[
        (Connecting, &[Connected, Disconnected, Connecting]),
        (Connected, &[Connected, Disconnected, Connected]),
        (Disconnected, &[Disconnected, Disconnected, Disconnected]),
    ];
    contacts.rows(&events, rows, |from, event| {
        let mut state = with_task(now);
        let known = state.jobs.get_mut(&job(1).job_id).unwrap();
        if from == Connecting {
            known.contact = Contact::Connecting;
        }
        if from == Disconnected {
            state.disconnect(job(1), now);
        }
        event(&mut state, now);
        contact(&state)
    });
    contacts.finish();

    let phase = |state: &State| match state.jobs[&job(1).job_id].tasks[&attempt("v", 0)].phase {
        Phase::Running => TaskPhase::Running,
        Phase::Stopping(_) => TaskPhase::Stopping,
        Phase::Ended => TaskPhase::Ended,
    };
    let cancel: Event = |state, now| drop(state.cancel(job(1), &[attempt("v", 0)], now));
    let events: [Event; 4] = [
        cancel,
        |state, now| drop(state.cancel(job(2), &[attempt("v", 0)], now)),
        |state, _| drop(state.task_changed(job(1), &attempt("v", 0), ExecutionState::Running)),
        |state, _| drop(state.task_changed(job(1), &attempt("v", 0), ExecutionState::Finished)),
    ];
    let mut tasks = Walk::new();
    let [running, stopping, ended] = [TaskPhase::Running, TaskPhase::Stopping, TaskPhase::Ended];
    let rows: &[(TaskPhase, &[TaskPhase])] = &[
        (running, &[stopping, running, running, ended]),
        (stopping, &[stopping, stopping, stopping, ended]),
        (ended, &[ended, ended, ended, ended]),
    ];
    tasks.rows(&events, rows, |from, event| {
        let mut state = with_task(now);
        match from {
            TaskPhase::Running => {}
            TaskPhase::Stopping => cancel(&mut state, now),
            TaskPhase::Ended => drop(state.task_changed(job(1), &attempt("v", 0), ExecutionState::Canceled)),
        }
        event(&mut state, now);
        phase(&state)
    });
    tasks.finish();
}
