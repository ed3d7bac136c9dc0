//! Everything that YARN answers in JSON, with arbitrary bytes and with damaged samples.

use decoder_fuzz::Target;
use serde::de::DeserializeOwned;
use yarn_rest::model::{
    Application, ApplicationAttempt, ClusterInfo, ClusterMetrics, Container, NewApplication, Node, NodeContainer,
    NodeManagerInfo, ResourceInfo,
};

const APPLICATION: &str = r#"{"id":"application_1700000000000_0007","user":"alice","name":"wc","queue":"default",
    "state":"FINISHED","finalStatus":"SUCCEEDED","progress":100.0,"trackingUrl":"http://rm:8088/proxy/x","diagnostics":"",
    "applicationType":"YARN","applicationTags":"a,b","priority":0,"startedTime":1700000000123,"finishedTime":"1700000000456",
    "elapsedTime":333,"amHostHttpAddress":"nm:8042","allocatedMB":-1,"allocatedVCores":-1,"runningContainers":-1,
    "memorySeconds":1234,"resourceRequests":[],"timeouts":{"timeout":[{"type":"LIFETIME","remainingTimeInSeconds":-1}]}}"#;
const ATTEMPT: &str = r#"{"id":1,"startTime":"1700000000000","finishedTime":0,"containerId":
    "container_1700000000000_0007_01_000001","nodeHttpAddress":"nm:8042","nodeId":"nm:45454","logsLink":"//nm:8042/x",
    "appAttemptId":"appattempt_1700000000000_0007_000001","exportPorts":null}"#;
const CLUSTER: &str = r#"{"id":1700000000000,"startedOn":1700000000000,"state":"STARTED","haState":"ACTIVE",
    "resourceManagerVersion":"3.4.3","hadoopVersion":"3.4.3","totalMB":"16384","availableMB":8192,"activeNodes":2,
    "appsRunning":null,"crossPartitionMetricsAvailable":false,"utilizedMBPercent":50}"#;
const NODE: &str = r#"{"rack":"/default-rack","state":"RUNNING","id":"127.0.0.2:45454","nodeHostName":"127.0.0.2",
    "nodeHTTPAddress":"127.0.0.2:8042","lastHealthUpdate":1,"version":"3.4.3","healthReport":"","numContainers":1,
    "usedMemoryMB":1024,"availMemoryMB":3072,"usedVirtualCores":1,"availableVirtualCores":"3","nodeLabels":["gpu"],
    "totalResource":{"memory":4096,"vCores":4,"resourceInformations":{"resourceInformation":[{"name":"yarn.io/gpu",
    "value":1}]}},"nodeHealthy":true,"totalVmemAllocatedContainersMB":8601,"totalPmemAllocatedContainersMB":4096}"#;
const CONTAINER: &str = r#"{"id":"container_e17_1700000000000_0007_01_000002","containerId":
    "container_e17_1700000000000_0007_01_000002","state":"COMPLETE","exitCode":-104,"containerExitStatus":"143",
    "diagnostics":"killed","user":"alice","totalMemoryNeededMB":1024,"totalVCoresNeeded":1,"allocatedMB":"1024",
    "containerLogsLink":"http://nm:8042/x","nodeId":"nm:45454","assignedNodeId":"nm:45454","priority":"1",
    "executionType":"GUARANTEED","containerLogFiles":["stdout","stderr"],"startedTime":1,"finishedTime":2}"#;
const NEW_APPLICATION: &str = r#"{"application-id":"application_1700000000000_0007","maximum-resource-capability":
    {"memory":8192,"vCores":"4","resourceInformations":{"resourceInformation":[{"name":"memory-mb","value":8192}]}}}"#;

fn decode<M: DeserializeOwned>(name: &'static str, sample: &str) {
    // A sample that is not understood whole would leave most of the decoder untouched.
    drop(serde_json::from_str::<M>(sample).expect("the sample is understood"));
    Target::new(name, [sample.as_bytes().to_vec()])
        .cases(1500)
        .run(|bytes| {
            drop(serde_json::from_slice::<M>(bytes));
            drop(serde_json::from_slice::<Vec<M>>(&[b"[", bytes, b"]"].concat()));
        });
}

#[test]
fn applications() {
    decode::<Application>("applications", APPLICATION);
    decode::<ApplicationAttempt>("attempts", ATTEMPT);
    decode::<NewApplication>("new applications", NEW_APPLICATION);
}

#[test]
fn clusters() {
    decode::<ClusterInfo>("clusters", CLUSTER);
    decode::<ClusterMetrics>("metrics", CLUSTER);
    decode::<ResourceInfo>("resources", r#"{"memory":4096,"vCores":4}"#);
}

#[test]
fn nodes_and_containers() {
    decode::<Node>("nodes", NODE);
    decode::<NodeManagerInfo>("node managers", NODE);
    decode::<Container>("containers", CONTAINER);
    decode::<NodeContainer>("containers of a node", CONTAINER);
}
