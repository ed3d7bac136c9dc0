//! Paths about workers.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use selvedge_core::ResourceId;
use selvedge_core::resource::ResourceProfile;
use selvedge_runtime::gateway::proto::ReadFileRequest;
use selvedge_runtime::gateway::proto::read_file_request::Kind;
use serde_json::{Value, json};

use super::cluster::text;
use super::{Answer, RestContext, RestError, taskmanager_memory};
use crate::resourcemanager::{ResourceManagerError, TaskManagerInfo};

pub(super) async fn list(State(context): State<RestContext>) -> Answer {
    let workers = context.resource_manager.task_managers().await?;
    Ok(json!({ "taskmanagers": workers.iter().map(worker_json).collect::<Vec<_>>() }).into())
}

pub(super) async fn details(State(context): State<RestContext>, Path(id): Path<String>) -> Answer {
    let found = context
        .resource_manager
        .task_manager(&ResourceId(id))
        .await
        .map_err(RestError::from);
    let worker = found.map_err(|error| error.unknown_as(StatusCode::INTERNAL_SERVER_ERROR))?;
    let mut answer = worker_json(&worker);
    let allocated = worker.slots.allocated.iter();
    let allocated = allocated.map(|(job, profile)| json!({"jobId": job, "resource": resource_json(profile)}));
    answer["allocatedSlots"] = allocated.collect();
    answer["externalResources"] = json!(worker.external_resources);
    answer["metrics"] = taskmanager_memory::metrics(&worker.memory, &worker.memory_use);
    Ok(answer.into())
}

pub(super) async fn log(State(context): State<RestContext>, Path(id): Path<String>) -> Result<Response, RestError> {
    Ok(read(&context, id, Kind::Log, String::new()).await?)
}

pub(super) async fn stdout(State(context): State<RestContext>, Path(id): Path<String>) -> Result<Response, RestError> {
    Ok(read(&context, id, Kind::Stdout, String::new()).await?)
}

/// What runs in the worker: tasks, then threads.
pub(super) async fn thread_dump(
    State(context): State<RestContext>,
    Path(id): Path<String>,
) -> Result<Response, RestError> {
    let answer = read_json(&context, id, Kind::ThreadDump).await;
    answer.map_err(|error| error.unknown_as(StatusCode::INTERNAL_SERVER_ERROR))
}

/// Which files the worker's directory of logs has.
pub(super) async fn logs(State(context): State<RestContext>, Path(id): Path<String>) -> Result<Response, RestError> {
    read_json(&context, id, Kind::LogList).await
}

/// One of them.
pub(super) async fn log_named(
    State(context): State<RestContext>,
    Path((id, name)): Path<(String, String)>,
) -> Result<Response, RestError> {
    Ok(read(&context, id, Kind::Named, name).await?)
}

pub(super) async fn read_json(context: &RestContext, id: String, kind: Kind) -> Result<Response, RestError> {
    let mut answer = read(context, id, kind, String::new()).await?;
    let json = HeaderValue::from_static("application/json; charset=UTF-8");
    answer.headers_mut().insert(CONTENT_TYPE, json);
    Ok(answer)
}

/// What a worker has to read, from its start to its end.
pub(super) async fn read(
    context: &RestContext,
    id: String,
    kind: Kind,
    name: String,
) -> Result<Response, ResourceManagerError> {
    let kind = kind.into();
    let file = ReadFileRequest { kind, name };
    let file = context.resource_manager.read_file(&ResourceId(id), file).await?;
    let mut answer = text(Body::from_stream(file.chunks));
    // YARN's proxy hands the length on.
    answer.headers_mut().insert(CONTENT_LENGTH, file.length.into());
    Ok(answer)
}

fn worker_json(worker: &TaskManagerInfo) -> Value {
    let (hardware, memory) = (&worker.hardware, &worker.memory);
    let mut answer = json!({
        "id": worker.resource_id,
        "path": format!("grpc://{}", worker.rpc_address),
        "dataPort": port(&worker.data_address),
        "jmxPort": -1,
        "timeSinceLastHeartbeat": worker.last_heartbeat,
        "slotsNumber": worker.slots.total,
        "freeSlots": worker.slots.free,
        "totalResource": resource_json(&worker.total),
        "freeResource": resource_json(&worker.slots.free_resource),
        "hardware": {
            "cpuCores": hardware.cpu_cores,
            "physicalMemory": hardware.physical_memory,
            "freeMemory": hardware.free_memory,
            "managedMemory": hardware.managed_memory,
        },
        "memoryConfiguration": {
            "frameworkHeap": memory.framework_heap,
            "taskHeap": memory.task_heap,
            "frameworkOffHeap": memory.framework_off_heap,
            "taskOffHeap": memory.task_off_heap,
            "networkMemory": memory.network,
            "managedMemory": memory.managed,
            "jvmMetaspace": memory.jvm_metaspace,
            "jvmOverhead": memory.jvm_overhead,
            "totalFlinkMemory": memory.total_flink,
            "totalProcessMemory": memory.total_process,
        },
        "memoryUse": taskmanager_memory::by_category(memory, &worker.memory_use),
    });
    if worker.slots.blocked {
        answer["blocked"] = true.into();
    }
    answer
}

fn resource_json(profile: &ResourceProfile) -> Value {
    let amounts = profile.extended.iter();
    let extended: BTreeMap<_, _> = amounts.map(|(name, amount)| (name, amount.to_f64())).collect();
    json!({
        "cpuCores": profile.cpu_cores.to_f64(),
        "taskHeapMemory": profile.task_heap.mebibytes(),
        "taskOffHeapMemory": profile.task_off_heap.mebibytes(),
        "managedMemory": profile.managed.mebibytes(),
        "networkMemory": profile.network.mebibytes(),
        "extendedResources": extended,
    })
}

fn port(address: &str) -> i64 {
    address
        .rsplit_once(':')
        .and_then(|(_, port)| port.parse().ok())
        .unwrap_or(-1)
}
