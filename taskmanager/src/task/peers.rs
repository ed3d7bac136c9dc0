//! The other ends of a task's channels: listed for it, or a group that all tasks of a call share.

use bytes::Bytes;
use prost::Message;
use selvedge_core::{ExecutionAttemptId, ResourceId, VertexId};
use selvedge_runtime::gateway::convert::required_attempt;
use selvedge_runtime::gateway::proto;

use super::DeploymentError;
use crate::exchange::Peer;

/// The other end of a channel.
#[derive(Debug, Clone)]
pub(super) struct ChannelEnd {
    pub(super) attempt: ExecutionAttemptId,
    pub(super) peer: Peer,
}

/// The groups of a call, read once for all of its tasks.
#[derive(Debug)]
pub(super) struct PeerGroups(Vec<Vec<ChannelEnd>>);

impl PeerGroups {
    pub(super) fn decode(encoded: &[Bytes]) -> Result<Self, DeploymentError> {
        let groups = (1..).zip(encoded).map(|(group, bytes)| {
            let decoded = proto::PeerGroup::decode(bytes.clone()).map_err(|error| error.to_string());
            let ends = decoded.and_then(ends_of);
            ends.map_err(|problem| DeploymentError::PeerGroup { group, problem })
        });
        Ok(Self(groups.collect::<Result<_, _>>()?))
    }

    /// The ends of an edge: those of its group, which is counted from 1, or the listed ones where it has none.
    pub(super) fn ends(&self, group: u32, listed: Vec<proto::ChannelPeer>) -> Result<Vec<ChannelEnd>, DeploymentError> {
        let Some(index) = (group as usize).checked_sub(1) else {
            return listed.into_iter().map(listed_end).collect();
        };
        self.0.get(index).cloned().ok_or_else(|| DeploymentError::PeerGroup {
            group: group as usize,
            problem: format!("is named by a task, and the call has {}", self.0.len()),
        })
    }
}

fn listed_end(peer: proto::ChannelPeer) -> Result<ChannelEnd, DeploymentError> {
    Ok(ChannelEnd {
        attempt: required_attempt(peer.attempt)?,
        peer: Peer {
            resource_id: ResourceId(peer.resource_id),
            data_address: peer.data_address,
        },
    })
}

fn ends_of(group: proto::PeerGroup) -> Result<Vec<ChannelEnd>, String> {
    let (places, attempts) = (group.worker_of.len(), group.attempts.len());
    if places != attempts {
        return Err(format!(
            "has the workers of {places} subtasks and the attempts of {attempts}"
        ));
    }
    let vertex = VertexId(group.vertex);
    let subtasks = (0..).zip(group.worker_of.iter().zip(group.attempts));
    subtasks
        .map(|(subtask, (place, attempt))| {
            let unknown = || format!("places a subtask on worker {place} of {}", group.workers.len());
            let worker = group.workers.get(*place as usize).ok_or_else(unknown)?;
            Ok(ChannelEnd {
                attempt: ExecutionAttemptId {
                    vertex: vertex.clone(),
                    subtask,
                    attempt,
                },
                peer: Peer {
                    resource_id: worker.resource_id.as_str().into(),
                    data_address: worker.data_address.clone(),
                },
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group() -> proto::PeerGroup {
        let worker = |number: u32| proto::PeerWorker {
            resource_id: format!("container_{number}"),
            data_address: format!("node:{number}"),
        };
        proto::PeerGroup {
            vertex: "count".to_owned(),
            workers: vec![worker(0), worker(1)],
            worker_of: vec![1, 0, 1],
            attempts: vec![0, 2, 0],
        }
    }

    fn decode(group: &proto::PeerGroup) -> Result<PeerGroups, DeploymentError> {
        PeerGroups::decode(&[group.encode_to_vec().into()])
    }

    #[test]
    fn a_group_has_an_end_for_each_subtask() {
        let ends = decode(&group()).unwrap().ends(1, Vec::new()).unwrap();
        let texts: Vec<_> = ends
            .iter()
            .map(|end| format!("{} {} {}", end.attempt, end.peer.resource_id, end.peer.data_address))
            .collect();
        let expected = [
            "count_0_0 container_1 node:1",
            "count_1_2 container_0 node:0",
            "count_2_0 container_1 node:1",
        ];
        assert_eq!(texts, expected);
    }

    #[test]
    fn a_group_that_does_not_fit_is_refused() {
        type Damage = fn(&mut proto::PeerGroup);
        let table: [(Damage, &str); 2] = [
            (
                |group| group.attempts = vec![0],
                "peer group 1 has the workers of 3 subtasks and the attempts of 1",
            ),
            (
                |group| group.worker_of[2] = 2,
                "peer group 1 places a subtask on worker 2 of 2",
            ),
        ];
        for (damage, message) in table {
            let mut damaged = group();
            damage(&mut damaged);
            assert_eq!(decode(&damaged).unwrap_err().to_string(), message);
        }
        assert!(PeerGroups::decode(&[Bytes::from_static(&[0xff])]).is_err());
        let unknown = decode(&group()).unwrap().ends(2, Vec::new()).unwrap_err();
        assert_eq!(
            unknown.to_string(),
            "peer group 2 is named by a task, and the call has 1"
        );
    }
}
