//! What an application waits for that YARN has taken and not started yet, in the user's words: the share of its queue, room on a
//! node, or its own start. Nothing is told of waits that are over at once.

use std::time::Duration;

use indicatif::HumanBytes;
use serde_json::{Map, Value};
use yarn_rest::model::{Application, ApplicationState};
use yarn_rest::rm::RmClient;

use super::failure;

/// Shorter waits are none.
const FIRST: Duration = Duration::from_secs(2);
/// How often it is looked for what is waited for.
const AGAIN: Duration = Duration::from_secs(10);
/// When YARN's own words are shown, and how often they are looked at.
const PATIENCE: Duration = Duration::from_secs(60);
/// What YARN says once the ApplicationMaster has a container.
const LAUNCHED: &str = "AM container is launched";
const ASSIGNED: &str = "has assigned a container for AM";
/// What it says of one that its user's share of the queue does not let in.
const OF_USER: &str = "User's AM resource limit";
/// What it says of one that no share lets in.
const NOT_ACTIVATED: &str = "not yet activated.";

/// What the cluster says of itself.
struct Facts {
    /// The queue's share for ApplicationMasters.
    share: Option<String>,
    /// Memory that is free and that there is, in MiB.
    room: Option<(u64, u64)>,
}

/// What was told of a wait.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    next: Option<Duration>,
    told: Option<String>,
    diagnostics_at: Option<Duration>,
    diagnosed: Option<String>,
}

impl Waiting {
    /// A line where there is something new to tell after so long.
    pub(super) async fn look(&mut self, rm: &RmClient, report: &Application, waited: Duration) -> Option<String> {
        if !self.is_due(report, waited) {
            return None;
        }
        let (scheduler, metrics) = tokio::join!(rm.scheduler(), rm.metrics());
        let name = report.queue.as_deref().unwrap_or_default();
        // Who may submit may still not be allowed to look.
        let scheduler = scheduler.ok();
        let queue = scheduler.as_ref().and_then(|scheduler| scheduler.find(name));
        let facts = Facts {
            share: queue.and_then(|queue| share_of_masters(&queue.name, &queue.extra)),
            room: metrics
                .ok()
                .and_then(|metrics| Some((metrics.available_mb?, metrics.total_mb?))),
        };
        self.line(report, &facts, waited)
    }

    /// Only what YARN has ACCEPTED waits for others.
    fn is_due(&mut self, report: &Application, waited: Duration) -> bool {
        let due = report.state == ApplicationState::Accepted && waited >= self.next.unwrap_or(FIRST);
        if due {
            self.next = Some(waited + AGAIN);
        }
        due
    }

    fn line(&mut self, report: &Application, facts: &Facts, waited: Duration) -> Option<String> {
        if waited >= self.diagnostics_at.unwrap_or(PATIENCE) {
            self.diagnostics_at = Some(waited + PATIENCE);
            let said = failure::diagnostics(report);
            if self.diagnosed.as_ref() != Some(&said) {
                let seconds = waited.as_secs();
                let line = format!("{} is ACCEPTED for {seconds} s; YARN says: {said}", report.id);
                self.diagnosed = Some(said);
                return Some(line);
            }
        }
        let reason = reason(report, facts)?;
        if self.told.as_ref() == Some(&reason) {
            return None;
        }
        self.told = Some(reason.clone());
        Some(format!("{} is ACCEPTED: {reason}", report.id))
    }
}

fn reason(report: &Application, facts: &Facts) -> Option<String> {
    let said = report.diagnostics.as_deref().unwrap_or_default();
    if said.contains(LAUNCHED) || said.contains(ASSIGNED) {
        return Some("its ApplicationMaster has a container and is being started".to_owned());
    }
    if said.contains(NOT_ACTIVATED) {
        let share = facts.share.as_deref().filter(|_| !said.contains(OF_USER));
        return Some(match share {
            Some(share) => share.to_owned(),
            None if said.contains(OF_USER) => "your share of its queue for ApplicationMasters is used up".to_owned(),
            None => "its queue lets in no more ApplicationMasters".to_owned(),
        });
    }
    let (free, all) = facts.room?;
    Some(format!(
        "its ApplicationMaster waits for room on a node; {} of {} are free in the cluster",
        mebibytes(free),
        mebibytes(all)
    ))
}

/// What the queue has left for ApplicationMasters, where its scheduler tells.
fn share_of_masters(name: &str, told: &Map<String, Value>) -> Option<String> {
    let memory = |key: &str| told.get(key)?.get("memory").and_then(Value::as_u64);
    let limit = memory("AMResourceLimit").or_else(|| memory("amResourceLimit"))?;
    let used = memory("usedAMResource")?;
    Some(format!(
        "queue {name} has {} of {} free for ApplicationMasters",
        mebibytes(limit.saturating_sub(used)),
        mebibytes(limit)
    ))
}

fn mebibytes(count: u64) -> HumanBytes {
    HumanBytes(count << 20)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn report(state: &str, diagnostics: &str) -> Application {
        let report =
            json!({"id": "application_1_0002", "state": state, "queue": "default", "diagnostics": diagnostics});
        serde_json::from_value(report).unwrap()
    }

    fn accepted(diagnostics: &str) -> Application {
        report("ACCEPTED", diagnostics)
    }

    fn facts() -> Facts {
        let told = json!({"AMResourceLimit": {"memory": 4096, "vCores": 8}, "usedAMResource": {"memory": 4096}});
        Facts {
            share: share_of_masters("default", told.as_object().unwrap()),
            room: Some((1024, 8192)),
        }
    }

    const FULL: &str =
        "[now] Application is added to the scheduler and is not yet activated. Queue's AM resource limit exceeded.";
    const NO_ROOM: &str = "[now] Application is activated, waiting for resources to be assigned for AM.";

    #[test]
    fn what_is_waited_for_is_told_once_and_again_when_it_is_something_else() {
        let mut waiting = Waiting::default();
        let (facts, second) = (facts(), Duration::from_secs(1));
        let mut line = |said: &str, at: u32| waiting.line(&accepted(said), &facts, second * at);
        let told = line(FULL, 2).unwrap();
        assert_eq!(
            told,
            "application_1_0002 is ACCEPTED: queue default has 0 B of 4.00 GiB free for ApplicationMasters"
        );
        assert_eq!(line(FULL, 12), None);
        let told = line(NO_ROOM, 22).unwrap();
        assert!(told.contains("room on a node; 1.00 GiB of 8.00 GiB are free"), "{told}");
        let of_user = FULL.replace("Queue's", "User's");
        let told = line(&of_user, 27).unwrap();
        assert!(told.contains("your share of its queue"), "{told}");
        let told = line("AM container is launched, waiting for AM to register", 32).unwrap();
        assert!(told.contains("has a container and is being started"), "{told}");
    }

    #[test]
    fn after_a_minute_yarns_own_words_are_shown_and_again_only_where_they_change() {
        let mut waiting = Waiting::default();
        let (facts, second) = (facts(), Duration::from_secs(1));
        let mut line = |said: &str, at: u32| waiting.line(&accepted(said), &facts, second * at);
        assert!(line(FULL, 52).unwrap().contains("ACCEPTED: queue default"));
        let told = line(FULL, 62).unwrap();
        assert!(
            told.contains("for 62 s; YARN says: [now] Application is added"),
            "{told}"
        );
        assert_eq!(line(FULL, 72), None);
        assert_eq!(line(FULL, 132), None);
        let told = line(NO_ROOM, 203).unwrap();
        assert!(
            told.contains("for 203 s; YARN says: [now] Application is activated"),
            "{told}"
        );
    }

    #[test]
    fn short_waits_and_other_states_are_not_looked_into() {
        let mut waiting = Waiting::default();
        let (accepted, running, second) = (accepted(FULL), report("RUNNING", FULL), Duration::from_secs(1));
        let due = [
            waiting.is_due(&accepted, second),
            waiting.is_due(&running, second * 3),
            waiting.is_due(&accepted, second * 3),
            waiting.is_due(&accepted, second * 4),
            waiting.is_due(&accepted, second * 13),
        ];
        assert_eq!(due, [false, false, true, false, true]);
    }
}
