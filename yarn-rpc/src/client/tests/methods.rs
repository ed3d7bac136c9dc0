//! Every method under its own name on the wire, with what it says and hears.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;
use yarn_common::id::{ApplicationAttemptId, NodeId};

use super::*;
use crate::{
    nm::Signal,
    types::{ContainerState, NodeState},
};

#[allow(clippy::wildcard_imports, reason = "nearly every message of the protocol")]
use crate::proto::yarn::*;

fn attempt() -> ApplicationAttemptId {
    id().attempt(1)
}

pub(super) fn some<T>(value: T) -> Option<T> {
    Some(value)
}

/// Makes one call against one answer; gives what was asked and what came out.
pub(super) async fn exchange<Q, A, T, F>(method: &str, answer: A, call: impl FnOnce(YarnClient) -> F) -> (Q, T)
where
    Q: Message + Default,
    A: Message,
    F: Future<Output = Result<T, YarnClientError>>,
{
    let (client, mut listener) = client();
    let serve = async {
        let mut peer = accept_alice(&mut listener).await;
        peer.serve::<Q>(method, &answer).await
    };
    let (result, request) = tokio::join!(call(client), serve);
    (request, result.unwrap())
}

#[tokio::test]
async fn applications_are_listed_by_filter() {
    let report = ApplicationReportProto {
        application_id: some(id().into()),
        application_tags: vec!["nightly".to_owned()],
        log_aggregation_status: some(LogAggregationStatusProto::LogSucceeded.into()),
        app_timeouts: vec![AppTimeoutsMapProto {
            application_timeout_type: some(1),
            application_timeout: some(ApplicationTimeoutProto {
                application_timeout_type: 1,
                expire_time: some("UNLIMITED".to_owned()),
                remaining_time: some(-1),
            }),
        }],
        app_resource_usage: some(ApplicationResourceUsageReportProto {
            num_used_containers: some(3),
            used_resources: some((&Resource::new(3072, 3)).into()),
            memory_seconds: some(99),
            ..Default::default()
        }),
        ..Default::default()
    };
    let answer = GetApplicationsResponseProto {
        applications: vec![report],
    };
    let filter = ApplicationFilter {
        states: vec![ApplicationState::Running],
        users: vec!["alice".to_owned()],
        application_tags: BTreeSet::from(["nightly".to_owned()]),
        started_ms: Some((1, 2)),
        scope: ApplicationScope::Own,
        limit: Some(5),
        ..Default::default()
    };
    let (request, found): (GetApplicationsRequestProto, _) = exchange("getApplications", answer, async |client| {
        client.applications(&filter).await
    })
    .await;
    assert_eq!((request.application_states, request.limit), (vec![5], Some(5)));
    assert_eq!(
        (request.start_begin, request.start_end, request.scope),
        (Some(1), Some(2), Some(2))
    );
    let usage = found[0].usage.as_ref().unwrap();
    assert_eq!((usage.containers, usage.memory_seconds), (3, 99));
    assert_eq!(found[0].log_aggregation, Some(LogAggregationStatus::Succeeded));
    assert_eq!(found[0].lifetime.as_ref().unwrap().expires, "UNLIMITED");
    assert!(found[0].tags.contains("nightly"));
}

#[tokio::test]
async fn applications_are_moved_hurried_and_given_a_time() {
    let (request, ()): (MoveApplicationAcrossQueuesRequestProto, _) = exchange(
        "moveApplicationAcrossQueues",
        MoveApplicationAcrossQueuesResponseProto {},
        async |client| client.move_to_queue(id(), "root.b").await,
    )
    .await;
    assert_eq!(request.target_queue, "root.b");
    let capped = UpdateApplicationPriorityResponseProto {
        application_priority: some(Priority(10).into()),
    };
    let (_, priority): (UpdateApplicationPriorityRequestProto, _) =
        exchange("updateApplicationPriority", capped, async |client| {
            client.set_priority(id(), Priority(99)).await
        })
        .await;
    assert_eq!(priority, Priority(10));
    let (request, until): (UpdateApplicationTimeoutsRequestProto, _) = exchange(
        "updateApplicationTimeouts",
        UpdateApplicationTimeoutsResponseProto::default(),
        async |client| client.set_lifetime(id(), "2030-01-01T00:00:00.000+0000").await,
    )
    .await;
    assert_eq!(request.application_timeouts[0].expire_time(), until);
    let (request, ()): (FailApplicationAttemptRequestProto, _) = exchange(
        "failApplicationAttempt",
        FailApplicationAttemptResponseProto {},
        async |client| client.fail_attempt(attempt()).await,
    )
    .await;
    assert_eq!(request.application_attempt_id, Some(attempt().into()));
}

#[tokio::test]
async fn attempts_and_containers_are_told() {
    let report = ApplicationAttemptReportProto {
        application_attempt_id: some(attempt().into()),
        yarn_application_attempt_state: some(YarnApplicationAttemptStateProto::AppAttemptRunning.into()),
        am_container_id: some(attempt().container(1).into()),
        ..Default::default()
    };
    let listed = GetApplicationAttemptsResponseProto {
        application_attempts: vec![report.clone()],
    };
    let (_, attempts): (GetApplicationAttemptsRequestProto, _) =
        exchange("getApplicationAttempts", listed, async |client| {
            client.attempts(id()).await
        })
        .await;
    let single = GetApplicationAttemptReportResponseProto {
        application_attempt_report: some(report),
    };
    let (_, one): (GetApplicationAttemptReportRequestProto, _) =
        exchange("getApplicationAttemptReport", single, async |client| {
            client.attempt(attempt()).await
        })
        .await;
    assert_eq!(attempts, std::slice::from_ref(&one));
    assert_eq!(
        (one.state, one.am_container),
        (AttemptState::Running, Some(attempt().container(1)))
    );

    let report = ContainerReportProto {
        container_id: some(attempt().container(2).into()),
        container_state: some(ContainerStateProto::CComplete.into()),
        container_exit_status: some(-102),
        ..Default::default()
    };
    let listed = GetContainersResponseProto {
        containers: vec![report.clone()],
    };
    let (_, containers): (GetContainersRequestProto, _) = exchange("getContainers", listed, async |client| {
        client.containers(attempt()).await
    })
    .await;
    let single = GetContainerReportResponseProto {
        container_report: some(report),
    };
    let (_, one): (GetContainerReportRequestProto, _) = exchange("getContainerReport", single, async |client| {
        client.container(attempt().container(2)).await
    })
    .await;
    assert_eq!(containers, std::slice::from_ref(&one));
    assert_eq!((one.state, one.exit_status.0), (ContainerState::Complete, -102));
    let (request, ()): (SignalContainerRequestProto, _) =
        exchange("signalToContainer", SignalContainerResponseProto {}, async |client| {
            client.signal_container(attempt().container(2), Signal::Terminate).await
        })
        .await;
    assert_eq!(request.command, 2);
}

#[tokio::test]
async fn the_cluster_its_nodes_and_queues_are_told() {
    let metrics = GetClusterMetricsResponseProto {
        cluster_metrics: some(YarnClusterMetricsProto {
            num_node_managers: some(4),
            num_active_nms: some(3),
            num_lost_nms: some(1),
            ..Default::default()
        }),
    };
    let (_, metrics): (GetClusterMetricsRequestProto, _) =
        exchange("getClusterMetrics", metrics, async |client| client.metrics().await).await;
    assert_eq!((metrics.nodes, metrics.active, metrics.lost), (4, 3, 1));
    let node = NodeReportProto {
        node_id: some((&NodeId::new("nm1", 1)).into()),
        node_state: some(NodeStateProto::NsRunning.into()),
        num_containers: some(7),
        node_labels: vec!["gpu".to_owned()],
        node_utilization: some(ResourceUtilizationProto {
            pmem: some(512),
            cpu: some(0.5),
            ..Default::default()
        }),
        ..Default::default()
    };
    let nodes = GetClusterNodesResponseProto {
        node_reports: vec![node],
    };
    let (request, nodes): (GetClusterNodesRequestProto, _) = exchange("getClusterNodes", nodes, async |client| {
        client.nodes(&[NodeState::Running]).await
    })
    .await;
    assert_eq!(request.node_states, [2]);
    assert_eq!((nodes[0].containers, nodes[0].node_utilization.unwrap().cpu), (7, 0.5));
    let child = QueueInfoProto {
        queue_name: some("a".to_owned()),
        state: some(QueueStateProto::QDraining.into()),
        queue_path: some("root.a".to_owned()),
        ..Default::default()
    };
    let root = GetQueueInfoResponseProto {
        queue_info: some(QueueInfoProto {
            queue_name: some("root".to_owned()),
            capacity: some(1.0),
            child_queues: vec![child],
            ..Default::default()
        }),
    };
    let (request, queue): (GetQueueInfoRequestProto, _) =
        exchange("getQueueInfo", root, async |client| client.queue("root", true).await).await;
    assert_eq!((request.queue_name(), request.recursive()), ("root", true));
    assert_eq!(
        (queue.children[0].state, queue.children[0].path.as_deref()),
        (QueueState::Draining, Some("root.a"))
    );
    let acls = GetQueueUserAclsInfoResponseProto {
        queue_user_acls: vec![QueueUserAclInfoProto {
            queue_name: some("a".to_owned()),
            user_acls: vec![1, 2],
        }],
    };
    let (_, access): (GetQueueUserAclsInfoRequestProto, _) =
        exchange("getQueueUserAcls", acls, async |client| client.queue_access().await).await;
    assert_eq!(
        access["a"],
        BTreeSet::from([QueueAccess::Submit, QueueAccess::Administer])
    );
}

#[tokio::test]
async fn resource_types_and_profiles_are_told() {
    let types = GetAllResourceTypeInfoResponseProto {
        resource_type_info: vec![ResourceTypeInfoProto {
            name: "yarn.io/gpu".to_owned(),
            ..Default::default()
        }],
    };
    let (_, types): (GetAllResourceTypeInfoRequestProto, _) = exchange("getResourceTypeInfo", types, async |client| {
        client.resource_types().await
    })
    .await;
    assert_eq!(types[0].name, "yarn.io/gpu");
    let profiles = GetAllResourceProfilesResponseProto {
        resource_profiles: ResourceProfilesProto {
            resource_profiles_map: vec![ResourceProfileEntryProto {
                name: "small".to_owned(),
                resources: (&Resource::new(1, 1)).into(),
            }],
        },
    };
    let (_, profiles): (GetAllResourceProfilesRequestProto, _) =
        exchange("getResourceProfiles", profiles, async |client| {
            client.resource_profiles().await
        })
        .await;
    assert_eq!(profiles, BTreeMap::from([("small".to_owned(), Resource::new(1, 1))]));
    let profile = GetResourceProfileResponseProto {
        resources: (&Resource::new(1, 1)).into(),
    };
    let (request, profile): (GetResourceProfileRequestProto, _) =
        exchange("getResourceProfile", profile, async |client| {
            client.resource_profile("small").await
        })
        .await;
    assert_eq!((request.profile.as_str(), profile), ("small", Resource::new(1, 1)));
}

#[tokio::test]
async fn labels_and_attributes_are_told() {
    let node = NodeId::new("nm1", 1);
    let labels = GetClusterNodeLabelsResponseProto {
        node_labels: vec![NodeLabelProto {
            name: some("gpu".to_owned()),
            is_exclusive: some(false),
        }],
        ..Default::default()
    };
    let (_, labels): (GetClusterNodeLabelsRequestProto, _) = exchange("getClusterNodeLabels", labels, async |client| {
        client.node_labels().await
    })
    .await;
    assert_eq!((labels[0].name.as_str(), labels[0].exclusive), ("gpu", false));
    let of_nodes = GetNodesToLabelsResponseProto {
        node_to_labels: vec![NodeIdToLabelsProto {
            node_id: some((&node).into()),
            node_labels: vec!["gpu".to_owned()],
        }],
    };
    let (_, of_nodes): (GetNodesToLabelsRequestProto, _) = exchange("getNodeToLabels", of_nodes, async |client| {
        client.labels_of_nodes().await
    })
    .await;
    assert!(of_nodes[&node].contains("gpu"));
    let of_labels = GetLabelsToNodesResponseProto {
        labels_to_nodes: vec![LabelsToNodeIdsProto {
            node_labels: some("gpu".to_owned()),
            node_id: vec![(&node).into()],
        }],
    };
    let (request, of_labels): (GetLabelsToNodesRequestProto, _) =
        exchange("getLabelsToNodes", of_labels, async |client| {
            client.nodes_of_labels(&["gpu"]).await
        })
        .await;
    assert_eq!((request.node_labels[0].as_str(), of_labels["gpu"].len()), ("gpu", 1));

    let key = NodeAttributeKeyProto {
        attribute_prefix: some("rm.yarn.io".to_owned()),
        attribute_name: "os".to_owned(),
    };
    let attributes = GetClusterNodeAttributesResponseProto {
        node_attributes: vec![NodeAttributeInfoProto {
            attribute_key: key.clone(),
            attribute_type: 1,
        }],
    };
    let (_, names): (GetClusterNodeAttributesRequestProto, _) =
        exchange("getClusterNodeAttributes", attributes, async |client| {
            client.node_attributes().await
        })
        .await;
    assert_eq!(names, BTreeSet::from(["rm.yarn.io/os".to_owned()]));
    let hosts = GetAttributesToNodesResponseProto {
        attributes_to_nodes: vec![AttributeToNodesProto {
            node_attribute: key.clone(),
            node_value_map: vec![NodeToAttributeValueProto {
                hostname: "nm1".to_owned(),
                attribute_value: "linux".to_owned(),
            }],
        }],
    };
    let (request, hosts): (GetAttributesToNodesRequestProto, _) =
        exchange("getAttributesToNodes", hosts, async |client| {
            client.hosts_of_attributes(&["rm.yarn.io/os"]).await
        })
        .await;
    assert_eq!(
        (&request.node_attributes[0], hosts["rm.yarn.io/os"]["nm1"].as_str()),
        (&key, "linux")
    );
    let of_hosts = GetNodesToAttributesResponseProto {
        nodes_to_attributes: vec![NodeToAttributesProto {
            node: some("nm1".to_owned()),
            node_attributes: vec![NodeAttributeProto {
                attribute_key: key,
                attribute_value: some("linux".to_owned()),
                ..Default::default()
            }],
        }],
    };
    let (_, of_hosts): (GetNodesToAttributesRequestProto, _) =
        exchange("getNodesToAttributes", of_hosts, async |client| {
            client.attributes_of_hosts(&["nm1"]).await
        })
        .await;
    assert_eq!(of_hosts["nm1"]["rm.yarn.io/os"], "linux");
}

#[tokio::test]
async fn an_impossible_submission_is_refused_before_it_is_sent() {
    let (client, _listener) = client();
    let good = || ApplicationSubmissionContext::new(id(), "wc", Resource::new(512, 1), launch());
    let mut no_command = good();
    no_command.am_container.commands.clear();
    let mut no_memory = good();
    no_memory.resource.memory_mb = 0;
    let mut negative = good();
    negative.resource.memory_mb = u64::MAX;
    let mut bad_tag = good();
    bad_tag.tags.insert("é".to_owned());
    let mut many_tags = good();
    many_tags.tags = (0..11).map(|number| number.to_string()).collect();
    let mut no_attempts = good();
    no_attempts.max_app_attempts = Some(0);
    let table = [
        (no_command, "no command"),
        (no_memory, "<memory:0"),
        (negative, "<memory:18446744073709551615"),
        (bad_tag, "\"é\""),
        (many_tags, "11 tags"),
        (no_attempts, "0 attempts"),
    ];
    for (application, expected) in table {
        let error = client.submit(&application).await.unwrap_err();
        assert!(
            matches!(error, YarnClientError::Invalid { .. }) && error.to_string().contains(expected),
            "{error}"
        );
    }
}
