//! A master with thousands of workers: each is a server of its own that answers heartbeats over the real protocol.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream};
use selvedge_core::config::shipped;
use selvedge_core::{InstanceId, TaskExecutorProcessSpec};
use selvedge_it::bench::{ByHand, Child, SECRET, step};
use selvedge_it::cli::usage;
use selvedge_it::figure::{Samples, Table, runs, scaled};
use selvedge_runtime::gateway::grpc::{ResourceManagerClient, serve_task_executor};
use selvedge_runtime::gateway::proto::{
    CanBeReleasedRequest, CanBeReleasedResponse, CancelTasksRequest, DisconnectJobMasterRequest,
    FreeInactiveSlotsRequest, FreeSlotRequest, HardwareDescription, HeartbeatFromJobMasterRequest,
    HeartbeatFromResourceManagerRequest, JobHeartbeatPayload, MemoryConfiguration, MetricsDump, QueryMetricsRequest,
    ReadFileRequest, RegisterTaskExecutorRequest, ReleasePartitionsRequest, RequestSlotRequest, ResourceProfile,
    ShutdownRequest, SlotReport, SlotStatus, StartProfilingRequest, StartedProfiling, SubmitTasksRequest,
};
use selvedge_runtime::gateway::{
    FileContent, GatewayError, GatewayResult, ResourceManagerGateway, TaskExecutorGateway, handshake,
};
use selvedge_runtime::rpc::{ApplicationSecret, PortRange, RpcChannel, RpcServer, bind};
use tokio::time::Instant;
use tonic::service::Routes;

use crate::role;

const WORKERS: u32 = 5000;
const SLOTS: u32 = 4;
/// Over which the master's CPU time is taken.
const WINDOW: Duration = Duration::from_secs(20);
const SETTINGS: &str = "heartbeat.interval: 1 s\nheartbeat.timeout: 10 s\ntaskmanager.memory.process.size: 1728m\n";
/// So many register at a time.
const AT_ONCE: usize = 64;

pub(crate) async fn measure(table: &mut Table) -> anyhow::Result<()> {
    let count = scaled(WORKERS);
    let cluster = ByHand::start(SETTINGS).await?;
    let idle = usage::pss(cluster.master()).context("the master")?;
    let mut child = Child::start(role(&["workers", cluster.rpc_address(), &count.to_string()])?)?;
    child.step("registered")?;
    cluster.until_workers(count.into()).await?;
    let [mut cpu, mut beats, mut memory, mut lost] = <[Samples; 4]>::default();
    for run in 0..=runs() {
        child.go()?;
        let before = child.step("beats")?;
        let (begun, cpu_before) = (Instant::now(), usage::cpu(cluster.master()).context("the master")?);
        tokio::time::sleep(WINDOW).await;
        let cpu_after = usage::cpu(cluster.master()).context("the master")?;
        let took = begun.elapsed().as_secs_f64();
        child.go()?;
        let after = child.step("beats")?;
        let registered = cluster.get("/overview").await.map_err(anyhow::Error::msg)?["taskmanagers"].clone();
        let rate = (after.note.parse::<f64>()? - before.note.parse::<f64>()?) / took;
        ensure!(
            rate > 0.95 * f64::from(count),
            "{count} workers sent {rate:.0} heartbeats a second only: the machine is too busy, or the master too slow"
        );
        let share = (cpu_after - cpu_before).as_secs_f64() / took;
        println!("{count} workers, {rate:.0} heartbeats a second: {share:.3} cores, {registered} registered");
        // The first window has what the registrations left to do.
        if run > 0 {
            cpu.push(share);
            beats.push(rate);
            let held = usage::pss(cluster.master()).context("the master")?.saturating_sub(idle);
            memory.push(held as f64 / 1024.0 / f64::from(count));
            // A worker that was given up stays away.
            lost.push(f64::from(count) - registered.as_f64().context("a number")?);
        }
    }
    table.add(
        "5,000 workers, heartbeats of 1 s: the master's CPU",
        "cores",
        cpu,
        Some(1.0),
        "",
    );
    table.add("… heartbeats answered", "1/s", beats, None, "");
    table.add(
        "… the master's memory for each, above an idle one's",
        "KiB",
        memory,
        Some(20.0),
        "",
    );
    table.add("… lost by a false time-out", "", lost, Some(0.0), "");
    drop(child);
    cluster.stop(Vec::new()).await
}

/// All workers, until nobody asks any more.
pub(crate) async fn play(words: &[String]) -> anyhow::Result<()> {
    let [master, count] = words else {
        anyhow::bail!("which master and how many: {words:?}");
    };
    let secret = ApplicationSecret::from_bytes(&hex::decode(SECRET)?)?;
    let channel = RpcChannel::control(master, &secret, Duration::from_secs(30))?;
    let client = ResourceManagerClient::new(&channel);
    let beats = Arc::new(AtomicU64::new(0));
    let process = TaskExecutorProcessSpec::derive(&configuration())?;
    stream::iter(0..count.parse::<u128>()?)
        .map(|number| one(number, &client, &secret, &process, &beats))
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await?;
    step("registered")?;
    while tokio::task::spawn_blocking({
        let said = format!("beats {}", beats.load(Ordering::Relaxed));
        move || step(&said).is_ok()
    })
    .await?
    {}
    Ok(())
}

fn configuration() -> selvedge_core::Configuration {
    let mut configuration = shipped();
    configuration.set_text("taskmanager.numberOfTaskSlots", SLOTS.to_string());
    configuration
}

/// A worker that is served and registered.
async fn one(
    number: u128,
    client: &ResourceManagerClient,
    secret: &ApplicationSecret,
    process: &TaskExecutorProcessSpec,
    beats: &Arc<AtomicU64>,
) -> anyhow::Result<()> {
    let server = RpcServer::new(bind("127.0.0.1", &PortRange::any()).await?)?;
    let address = server.address().to_string();
    let resource_id = format!("worker-{number}");
    let profile = ResourceProfile::from(&process.slot_profile());
    let slots = (0..SLOTS).map(|slot_index| SlotStatus {
        slot_index,
        profile: Some(profile.clone()),
        ..SlotStatus::default()
    });
    let slots: Vec<_> = slots.collect();
    let report = SlotReport {
        resource_id: resource_id.clone(),
        slots: slots.clone(),
        ..SlotReport::default()
    };
    let worker = Arc::new(Worker {
        report,
        beats: beats.clone(),
    });
    let routes = Routes::new(serve_task_executor(worker, secret));
    tokio::spawn(server.serve(routes, std::future::pending()));
    let registered = client.register_task_executor(RegisterTaskExecutorRequest {
        resource_id,
        rpc_address: address.clone(),
        data_address: address,
        host: "127.0.0.1".to_owned(),
        hardware: Some(HardwareDescription::default()),
        memory: Some(MemoryConfiguration::default()),
        total_resource: Some((&process.total_profile()).into()),
        default_slot: Some(profile),
        slots,
        external_resources: Vec::new(),
        number_of_slots: SLOTS,
        process: Some(handshake::of_worker(InstanceId::from_bytes(number.to_be_bytes()))),
    });
    let registered = registered.await?;
    ensure!(registered.heartbeat_interval_ms == 1000, "{registered:?}");
    Ok(())
}

struct Worker {
    report: SlotReport,
    beats: Arc<AtomicU64>,
}

fn unasked<T>() -> GatewayResult<T> {
    Err(GatewayError::Rejected("this worker runs nothing".to_owned()))
}

#[async_trait]
impl TaskExecutorGateway for Worker {
    async fn heartbeat_from_resource_manager(
        &self,
        _: HeartbeatFromResourceManagerRequest,
    ) -> GatewayResult<SlotReport> {
        self.beats.fetch_add(1, Ordering::Relaxed);
        Ok(self.report.clone())
    }

    async fn request_slot(&self, _: RequestSlotRequest) -> GatewayResult<()> {
        unasked()
    }

    async fn submit_tasks(&self, _: SubmitTasksRequest) -> GatewayResult<()> {
        unasked()
    }

    async fn cancel_tasks(&self, _: CancelTasksRequest) -> GatewayResult<()> {
        unasked()
    }

    async fn release_partitions(&self, _: ReleasePartitionsRequest) -> GatewayResult<()> {
        unasked()
    }

    async fn free_slot(&self, _: FreeSlotRequest) -> GatewayResult<()> {
        unasked()
    }

    async fn free_inactive_slots(&self, _: FreeInactiveSlotsRequest) -> GatewayResult<()> {
        unasked()
    }

    async fn heartbeat_from_job_master(&self, _: HeartbeatFromJobMasterRequest) -> GatewayResult<JobHeartbeatPayload> {
        unasked()
    }

    async fn disconnect_job_master(&self, _: DisconnectJobMasterRequest) -> GatewayResult<()> {
        unasked()
    }

    async fn start_profiling(&self, _: StartProfilingRequest) -> GatewayResult<StartedProfiling> {
        unasked()
    }

    async fn query_metrics(&self, _: QueryMetricsRequest) -> GatewayResult<MetricsDump> {
        unasked()
    }

    async fn can_be_released(&self, _: CanBeReleasedRequest) -> GatewayResult<CanBeReleasedResponse> {
        Ok(CanBeReleasedResponse { can_be_released: true })
    }

    async fn read_file(&self, _: ReadFileRequest) -> GatewayResult<FileContent> {
        unasked()
    }

    async fn shutdown(&self, _: ShutdownRequest) -> GatewayResult<()> {
        Ok(())
    }
}
