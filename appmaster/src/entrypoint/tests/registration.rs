//! What a worker is told when it registers.

use selvedge_core::InstanceId;
use selvedge_runtime::gateway::grpc::ResourceManagerClient;
use selvedge_runtime::gateway::proto::RegisterTaskExecutorRequest;
use selvedge_runtime::gateway::{ResourceManagerGateway, handshake};
use selvedge_runtime::rpc::RpcChannel;

use super::*;

#[tokio::test]
async fn a_worker_that_registers_is_told_where_blobs_are_and_who_has_accepted_it() {
    let root = tempfile::tempdir().unwrap();
    let settings = [
        ("process.working-dir", root.path().to_str().unwrap()),
        ("jobmanager.resource-id", "master-1"),
    ];
    let bed = bed(DispatcherMode::Session, Workers::new(Behaviour::Run), None, &settings).await;
    let secret = ApplicationSecret::from_bytes(&[7; 32]).unwrap();
    let channel = RpcChannel::control(bed.cluster.rpc_address(), &secret, BOUND).unwrap();
    let registration = RegisterTaskExecutorRequest {
        resource_id: "by-hand".to_owned(),
        rpc_address: "127.0.0.1:1".to_owned(),
        host: "node".to_owned(),
        total_resource: Some((&profile()).into()),
        default_slot: Some((&profile()).into()),
        number_of_slots: 1,
        process: Some(handshake::of_worker(InstanceId::from_bytes([9; 16]))),
        ..RegisterTaskExecutorRequest::default()
    };
    let answer = ResourceManagerClient::new(&channel)
        .register_task_executor(registration)
        .await
        .unwrap();
    let port = bed.cluster.dispatcher().blob_server_port().await.unwrap();
    assert_eq!(
        (answer.blob_server_address, answer.resource_id.as_str()),
        (format!("127.0.0.1:{port}"), "master-1")
    );
    bed.end().await;
}
