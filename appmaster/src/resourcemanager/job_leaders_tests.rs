use selvedge_core::status::{JobLeader, Walk};

use super::*;

const TIMEOUT: Duration = Duration::from_secs(300);

fn job(byte: u8) -> JobId {
    JobId::from_bytes([byte; 16])
}

fn master(byte: u8) -> LeaderSessionId {
    LeaderSessionId::from_bytes([byte; 16])
}

/// Job 1 is led by JobMaster 1, which is registered.
fn led(now: Instant) -> JobLeaders {
    let mut leaders = JobLeaders::new(TIMEOUT);
    leaders.follow(job(1), now);
    leaders.leader_is(job(1), Some(master(1)), now);
    assert_eq!(leaders.claim(job(1), master(1)), Ok(Claim::Holds));
    leaders
}

#[test]
fn a_job_master_waits_until_the_election_names_it() {
    let (now, mut leaders) = (Instant::now(), JobLeaders::new(TIMEOUT));
    assert_eq!(
        leaders.claim(job(1), master(1)),
        Err(ResourceManagerError::UnknownJob(job(1)))
    );
    leaders.follow(job(1), now);
    assert_eq!(leaders.claim(job(1), master(1)), Ok(Claim::Waits));
    assert_eq!(leaders.leader_is(job(1), Some(master(9)), now), None);
    assert_eq!(
        leaders.claim(job(1), master(1)),
        Ok(Claim::Waits),
        "the election may yet tell of it"
    );
    assert!(leaders.check(job(1), master(1)).is_err() && !leaders.had_job_master(&job(1)));
    assert_eq!(leaders.leader_is(job(1), Some(master(1)), now), None);
    assert_eq!(leaders.claim(job(1), master(1)), Ok(Claim::Holds));
    assert_eq!(leaders.check(job(1), master(1)), Ok(()));
    assert_eq!(leaders.deadline(), None);
}

#[test]
fn a_second_job_master_is_refused_while_the_first_leads_and_taken_when_the_election_names_it() {
    let now = Instant::now();
    let mut leaders = led(now);
    assert_eq!(leaders.claim(job(1), master(1)), Ok(Claim::Holds), "once more");
    let stale = ResourceManagerError::StaleJobMaster {
        job: job(1),
        known: master(1),
        given: master(2),
    };
    assert_eq!(leaders.claim(job(1), master(2)), Err(stale.clone()));
    assert_eq!(leaders.check(job(1), master(2)), Err(stale));
    assert_eq!(
        leaders.check(job(2), master(1)),
        Err(ResourceManagerError::UnknownJob(job(2)))
    );
    assert_eq!(leaders.leader_is(job(1), Some(master(2)), now), Some(master(1)));
    let not_leading = ResourceManagerError::NotLeading {
        job: job(1),
        job_master: master(1),
    };
    assert_eq!(leaders.check(job(1), master(1)), Err(not_leading));
    assert_eq!(leaders.check_last(job(1), master(1)), Ok(()), "it may say good-bye");
    assert_eq!(leaders.claim(job(1), master(1)), Ok(Claim::Waits));
    assert_eq!(leaders.claim(job(1), master(2)), Ok(Claim::Holds));
    assert!(leaders.check_last(job(1), master(1)).is_err());
}

#[test]
fn a_leader_that_the_election_names_again_is_taken_again() {
    let now = Instant::now();
    let mut leaders = led(now);
    assert_eq!(leaders.leader_is(job(1), None, now), Some(master(1)));
    assert_eq!(leaders.leader_is(job(1), None, now), None, "it is known");
    assert_eq!(leaders.deadline(), Some(now + TIMEOUT));
    assert_eq!(leaders.claim(job(1), master(1)), Ok(Claim::Waits));
    assert_eq!(leaders.leader_is(job(1), Some(master(1)), now), None);
    assert_eq!(leaders.claim(job(1), master(1)), Ok(Claim::Holds));
}

#[test]
fn the_leader_of_a_job_changes_only_as_the_table_says() {
    use JobLeader::{Awaited, Led, Unknown};
    type Event = fn(&mut JobLeaders, Instant);
    let events: [Event; 10] = [
        |leaders, now| leaders.follow(job(1), now),
        |leaders, _| drop(leaders.claim(job(1), master(1))),
        |leaders, _| drop(leaders.claim(job(1), master(2))),
        |leaders, now| {
            let _ = leaders.leader_is(job(1), None, now);
        },
        |leaders, now| {
            let _ = leaders.leader_is(job(1), Some(master(2)), now);
        },
        |leaders, now| {
            let _ = leaders.ended(job(1), master(1), now);
        },
        |leaders, now| {
            let _ = leaders.ended(job(1), master(2), now);
        },
        |leaders, now| drop(leaders.expired(now)),
        |leaders, now| drop(leaders.expired(now + TIMEOUT)),
        |leaders, _| leaders.forget(&job(1)),
    ];
    let kind = |leaders: &JobLeaders| match leaders.jobs.get(&job(1)) {
        None => Unknown,
        Some(known) if known.awaited_until.is_some() => Awaited,
        Some(_) => Led,
    };
    let now = Instant::now();
    let mut walk = Walk::new();
    let [u, a, l] = [Unknown, Awaited, Led];
    let rows: &[(JobLeader, &[JobLeader])] = &[
        (u, &[a, u, u, u, u, u, u, u, u, u]),
        // The election names the first one, which has ended, or not come yet.
        (a, &[a, l, a, a, a, a, a, a, u, u]),
        (l, &[l, l, l, a, a, a, l, l, l, u]),
    ];
    walk.rows(&events, rows, |from, event| {
        let mut leaders = match from {
            Unknown => JobLeaders::new(TIMEOUT),
            Awaited | Led => led(now),
        };
        if from == Awaited {
            assert!(leaders.ended(job(1), master(1), now));
        }
        event(&mut leaders, now);
        kind(&leaders)
    });
    walk.finish();
}

#[test]
fn a_job_whose_job_master_is_lost_is_forgotten_after_the_timeout() {
    let now = Instant::now();
    let mut leaders = led(now);
    leaders.follow(job(2), now + TIMEOUT);
    assert!(!leaders.ended(job(1), master(2), now), "it does not lead the job");
    assert!(leaders.ended(job(1), master(1), now));
    assert_eq!(leaders.deadline(), Some(now + TIMEOUT));
    assert!(leaders.expired(now).is_empty());
    assert_eq!(leaders.expired(now + TIMEOUT), [job(1)]);
    assert_eq!(leaders.deadline(), Some(now + 2 * TIMEOUT));
    leaders.forget(&job(2));
    assert_eq!(leaders.deadline(), None);
}
