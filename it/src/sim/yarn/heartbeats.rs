//! Heartbeats of the ApplicationMaster: what befalls them on their way, and what the ResourceManager makes of those that come,
//! in whatever order, as Hadoop's `ApplicationMasterService` does.

use std::iter;
use std::time::Duration;

use yarn_rpc::proto::yarn::{AllocateRequestProto, AllocateResponseProto, ResourceRequestProto};

use super::cluster::{Ask, Cluster, INVALID, NOT_REGISTERED, Refusal};

/// What befalls a heartbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeartbeatFault {
    /// It is carried out, and its answer is lost, though not the connection: its caller gives it up one day.
    Unanswered,
    /// It arrives twice, and is answered twice.
    Repeated,
    /// It arrives so much later; where its caller has given it up by then, after what was sent instead.
    Late(Duration),
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Answered,
    /// It is carried out, and its answer is lost with its connection.
    CutOff,
    Heartbeat(HeartbeatFault),
}

impl Cluster {
    /// This befalls so many of the next heartbeats.
    pub(crate) fn fault_heartbeats(&mut self, fault: HeartbeatFault, count: u32) {
        self.heartbeat_faults.extend(iter::repeat_n(fault, count as usize));
    }

    /// What becomes of a call to a host.
    pub(super) fn fate_of(&mut self, host: &str, method: &str) -> Fate {
        if self.loses_answer(host) {
            return Fate::CutOff;
        }
        // One that is late may not come from before a registration: it could be taken for a new one, as by a real
        // ResourceManager.
        let is_heartbeat = method == "allocate" && self.is_active(host) && self.is_registered;
        let fault = is_heartbeat.then(|| self.heartbeat_faults.pop_front()).flatten();
        fault.map_or(Fate::Answered, Fate::Heartbeat)
    }

    pub(super) fn allocate(&mut self, request: AllocateRequestProto) -> Result<AllocateResponseProto, Refusal> {
        if !self.is_registered {
            return Err(Refusal::new(
                NOT_REGISTERED,
                "AM is not registered for known application attempt",
            ));
        }
        let (last, acknowledged) = (self.last_answer.response_id(), request.response_id());
        if acknowledged + 1 == last {
            // Sent again, or twice: whatever it carries counts once.
            tracing::info!(acknowledged, "a heartbeat is answered again");
            return Ok(self.last_answer.clone());
        }
        if acknowledged != last {
            tracing::info!(acknowledged, last, "a heartbeat is refused");
            let message = format!(
                "Invalid responseId in AllocateRequest from application attempt: {} expect responseId to be {last} but get \
                 {acknowledged}",
                super::attempt(self.attempt)
            );
            return Err(Refusal::new(INVALID, message));
        }
        self.last_answer = AllocateResponseProto {
            response_id: Some(last + 1),
            ..self.hear(request)
        };
        Ok(self.last_answer.clone())
    }

    /// What an application that has unregistered says counts no more.
    fn hear(&mut self, request: AllocateRequestProto) -> AllocateResponseProto {
        if self.finished.is_some() {
            return AllocateResponseProto::default();
        }
        for ask in &request.ask {
            self.ask(ask);
        }
        let blacklist = request.blacklist_request.unwrap_or_default();
        self.blacklist.extend(blacklist.blacklist_additions);
        for node in &blacklist.blacklist_removals {
            self.blacklist.remove(node);
        }
        for released in &request.release {
            self.release(released.id() as u64);
        }
        AllocateResponseProto {
            num_cluster_nodes: Some(i32::try_from(self.nodes.len()).unwrap_or(i32::MAX)),
            limit: Some((&self.maximum).into()),
            ..self.take_news()
        }
    }

    /// Only the row for any node counts; rows for nodes and racks only say where it would be best.
    fn ask(&mut self, ask: &ResourceRequestProto) {
        if ask.resource_name() != "*" {
            return;
        }
        let priority = ask.priority.as_ref().map_or(0, |priority| priority.priority());
        if ask.num_containers() == 0 {
            self.asks.remove(&priority);
            return;
        }
        let wanted = Ask {
            count: ask.num_containers(),
            capability: ask.capability.clone().unwrap_or_default(),
            request_id: ask.allocation_request_id(),
        };
        self.asks.insert(priority, wanted);
    }
}

#[cfg(test)]
mod tests {
    use yarn_common::resource::Resource;
    use yarn_rpc::proto::yarn::{FinishApplicationMasterRequestProto, RegisterApplicationMasterRequestProto};

    use super::super::RESOURCE_MANAGERS;
    use super::*;

    fn registered() -> Cluster {
        let mut cluster = Cluster::new(["nm-1".to_owned()], &Resource::new(2048, 2));
        cluster
            .register(RegisterApplicationMasterRequestProto::default())
            .unwrap();
        cluster
    }

    /// A heartbeat that wants so many containers.
    fn heartbeat(response_id: i32, count: i32) -> AllocateRequestProto {
        let ask = ResourceRequestProto {
            resource_name: Some("*".to_owned()),
            num_containers: Some(count),
            ..Default::default()
        };
        AllocateRequestProto {
            response_id: Some(response_id),
            ask: vec![ask],
            ..Default::default()
        }
    }

    #[test]
    fn a_heartbeat_that_comes_again_counts_once_and_an_older_one_is_refused() {
        let mut cluster = registered();
        let first = cluster.allocate(heartbeat(0, 1)).unwrap();
        assert_eq!(first.response_id(), 1);
        assert_eq!(cluster.allocate(heartbeat(0, 5)).unwrap(), first);
        assert_eq!(cluster.asked(), 1);
        cluster.allocate(heartbeat(1, 2)).unwrap();
        let refusal = cluster.allocate(heartbeat(0, 5)).unwrap_err();
        assert_eq!(refusal.class, INVALID);
        assert!(
            refusal.message.ends_with(" expect responseId to be 2 but get 0"),
            "{refusal:?}"
        );
        assert_eq!(cluster.asked(), 2);
    }

    #[test]
    fn what_comes_after_the_application_has_unregistered_counts_no_more() {
        let mut cluster = registered();
        cluster.finish(FinishApplicationMasterRequestProto::default()).unwrap();
        assert_eq!(cluster.allocate(heartbeat(0, 1)).unwrap().response_id(), 1);
        assert_eq!(cluster.asked(), 0);
    }

    #[test]
    fn faults_befall_as_many_heartbeats_of_a_registered_attempt_and_no_other_call() {
        let mut cluster = registered();
        let [active, standby] = RESOURCE_MANAGERS;
        cluster.fault_heartbeats(HeartbeatFault::Repeated, 2);
        assert_eq!(cluster.fate_of(active, "finishApplicationMaster"), Fate::Answered);
        assert_eq!(cluster.fate_of(standby, "allocate"), Fate::Answered);
        cluster.restart_resource_manager();
        assert_eq!(cluster.fate_of(active, "allocate"), Fate::Answered);
        cluster
            .register(RegisterApplicationMasterRequestProto::default())
            .unwrap();
        let fates = [0; 3].map(|_| cluster.fate_of(active, "allocate"));
        let repeated = Fate::Heartbeat(HeartbeatFault::Repeated);
        assert_eq!(fates, [repeated, repeated, Fate::Answered]);
    }
}
