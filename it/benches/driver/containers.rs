//! The YARN driver alone: many containers, with processes in place of workers that do nothing.

use std::collections::BTreeMap;
use std::env;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use selvedge_appmaster::resourcemanager::{DriverEvent, DriverStart, ResourceManagerDriver, WorkerSpec};
use selvedge_appmaster::yarn::YarnResourceManagerDriver;
use selvedge_core::config::shipped;
use selvedge_core::status::ApplicationStatus;
use selvedge_core::{Configuration, JobId, TaskExecutorProcessSpec};
use selvedge_it::bed::{Bed, BedOptions};
use selvedge_it::bench::{Child, Unmanaged, step};
use selvedge_it::figure::{Samples, Table, runs, scaled};
use selvedge_it::wait;
use selvedge_runtime::container::Container;
use selvedge_runtime::deployment::{DIST_DIRECTORY, MasterEnvironment, MasterRole, ShippedFile, Visibility};
use selvedge_runtime::rpc::ApplicationSecret;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::Instant;
use yarn_common::conf::HadoopConfiguration;
use yarn_common::container_env::ContainerEnvironment;
use yarn_common::environment::Environment;
use yarn_common::token::Credentials;
use yarn_rpc::ipc::IpcOptions;

use crate::role;

const CONTAINERS: u32 = 500;
const VCORES: u32 = 1000;
/// That of the smallest worker that the memory model allows.
const CONTAINER_MB: u32 = 512;
/// The archive of a binary that does nothing.
const ARCHIVE: &str = "/user/alice/idle.tar.gz";
const SCRIPT: &str = "#!/bin/sh\nexec sleep 3600\n";
/// All containers of a NodeManager's heartbeat at once, and nothing else that it would do for each of them: it costs minutes.
const PER_HEARTBEAT: &str = "yarn.scheduler.capacity.per-node-heartbeat.maximum-offswitch-assignments";
const UNWATCHED: [&str; 3] = [
    "yarn.nodemanager.log-container-debug-info.enabled",
    "yarn.nodemanager.container-monitor.enabled",
    "yarn.nodemanager.container-metrics.enable",
];
const BOUND: Duration = Duration::from_secs(600);
/// Longer than a few heartbeats of everybody.
const SETTLED: Duration = Duration::from_secs(3);

#[derive(Default)]
struct Figures {
    wall: Samples,
    cpu: Samples,
    surplus: Samples,
}

pub(crate) async fn measure(table: &mut Table) -> anyhow::Result<()> {
    let bed = Bed::start(BedOptions {
        node_managers: 1,
        node_vcores: VCORES,
        node_memory_mb: VCORES * CONTAINER_MB,
        minimum_allocation_mb: CONTAINER_MB,
        capacity_scheduler: [(PER_HEARTBEAT.to_owned(), VCORES.to_string())].into(),
        yarn_site: UNWATCHED
            .map(|key| (key.to_owned(), "false".to_owned()))
            .into_iter()
            .collect(),
        ready_within: Duration::from_secs(300),
        ..BedOptions::default()
    })
    .await?;
    bed.hdfs()?.put(ARCHIVE, archive()?).await?;
    let mut figures = Figures::default();
    for run in 0..=runs() {
        let mut unused = Figures::default();
        once(&bed, if run > 0 { &mut figures } else { &mut unused }).await?;
    }
    bed.stop().await;
    table.add(
        "500 containers through the driver: asked to started",
        "s",
        figures.wall,
        None,
        "",
    );
    table.add(
        "… CPU of the ApplicationMaster for each",
        "ms",
        figures.cpu,
        Some(1.0),
        "",
    );
    table.add("… kept in surplus", "", figures.surplus, Some(0.0), "");
    Ok(())
}

async fn once(bed: &Bed, figures: &mut Figures) -> anyhow::Result<()> {
    let count = scaled(CONTAINERS);
    let application = Unmanaged::submit(bed).await?;
    let id = application.id().to_string();
    let status = bed.hdfs()?.status(ARCHIVE).await?.context("the archive")?;
    let dist = ShippedFile {
        key: DIST_DIRECTORY.to_owned(),
        url: format!("{}{ARCHIVE}", bed.hdfs_uri()),
        size: status.length,
        modification_time: i64::try_from(status.modification_time)?,
        archive: true,
        visibility: Visibility::Application,
    };
    let mut command = role(&["containers", &id, &serde_json::to_string(&dist)?, &count.to_string()])?;
    command
        .env("HADOOP_TOKEN_FILE_LOCATION", application.token_file())
        .env("HADOOP_CONF_DIR", bed.hadoop_conf_dir());
    let mut child = Child::start(command)?;
    let registered = child.step("registered")?;
    let begun = child.go()?;
    let granted = child.step("granted")?;
    let look = || async {
        let found = bed.container_processes(&id).map_err(|error| error.to_string())?.len();
        if found == count as usize {
            Ok(())
        } else {
            Err(format!("{found} run"))
        }
    };
    wait::until(&format!("{count} containers"), BOUND, look).await?;
    let took = begun.elapsed();
    child.go()?;
    let started = child.step("started")?;
    let kept = running_containers(bed, &id).await?;
    println!(
        "{count} containers: granted after {:.1} s, started after {:.1} s, {kept} kept, CPU {:.0} ms",
        (granted.at - registered.at).as_secs_f64(),
        took.as_secs_f64(),
        (started.cpu - registered.cpu).as_secs_f64() * 1e3,
    );
    figures.wall.push_seconds(took);
    let cpu = started.cpu.saturating_sub(registered.cpu).as_secs_f64() * 1e3;
    figures.cpu.push(cpu / f64::from(count));
    figures.surplus.push(kept - f64::from(count));
    child.go()?;
    child.end()?;
    application.ended().await
}

/// As the ResourceManager counts them.
async fn running_containers(bed: &Bed, application: &str) -> anyhow::Result<f64> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let url = format!("{}/ws/v1/cluster/apps/{application}", bed.rm_web());
    let report: Value = http.get(url).send().await?.json().await?;
    let count = report["app"]["runningContainers"].as_f64();
    count.with_context(|| report.to_string())
}

fn archive() -> anyhow::Result<Vec<u8>> {
    let folder = tempfile::tempdir()?;
    let script = folder.path().join("selvedge");
    std::fs::write(&script, SCRIPT)?;
    let mode = Command::new("chmod").arg("755").arg(&script).status()?;
    let made = Command::new("tar")
        .args(["-czf", "idle.tar.gz", "selvedge"])
        .current_dir(folder.path())
        .status()?;
    ensure!(mode.success() && made.success(), "no archive was made");
    Ok(std::fs::read(folder.path().join("idle.tar.gz"))?)
}

/// The ApplicationMaster: nothing but the driver.
pub(crate) async fn play(words: &[String]) -> anyhow::Result<()> {
    let [application, dist, count] = words else {
        anyhow::bail!("which application, archive and how many: {words:?}");
    };
    let count: usize = count.parse()?;
    let environment = environment(application, serde_json::from_str(dist)?)?;
    let container = container(application)?;
    let token = container.credentials.am_rm_token().context("no AMRM token")?.clone();
    let driver = YarnResourceManagerDriver::of_container(&container, environment, token, IpcOptions::default())?;
    let process = TaskExecutorProcessSpec::derive(&container.configuration)?;
    let (events, mut told) = mpsc::channel(1024);
    let start = DriverStart {
        events,
        resource_manager_address: "127.0.0.1:1".to_owned(),
        rest_address: "127.0.0.1:1".to_owned(),
        secret: container.secret.clone(),
    };
    driver.initialize(start).await.map_err(anyhow::Error::msg)?;
    step("registered")?;
    for _ in 0..count {
        let process = process.clone();
        driver
            .request_worker(WorkerSpec { process })
            .await
            .map_err(anyhow::Error::msg)?;
    }
    let begun = Instant::now();
    for _ in 0..count {
        let event = tokio::time::timeout_at(begun + BOUND, told.recv()).await?;
        ensure!(matches!(event, Some(DriverEvent::WorkerStarted { .. })), "{event:?}");
    }
    step("granted")?;
    // Heartbeats go on: what is granted beyond the wish is given back within them.
    tokio::time::sleep(SETTLED).await;
    let late = told.try_recv();
    ensure!(late.is_err(), "{late:?}");
    step("started")?;
    let ended = driver.deregister(ApplicationStatus::Succeeded, "").await;
    ended.map_err(anyhow::Error::msg)
}

fn environment(application: &str, dist: ShippedFile) -> anyhow::Result<MasterEnvironment> {
    Ok(MasterEnvironment {
        application_id: application.parse()?,
        role: MasterRole::PerJob(JobId::from_bytes([1; 16])),
        staging_directory: "/nowhere".to_owned(),
        dist,
        shipped: Vec::new(),
        client_home: "/nowhere".to_owned(),
        user: "alice".to_owned(),
    })
}

fn container(application: &str) -> anyhow::Result<Container> {
    let id = application.parse::<yarn_common::id::ApplicationId>()?;
    let container = yarn_common::id::ContainerId::from_packed(id.attempt(1), 1).to_string();
    let token_file = env::var("HADOOP_TOKEN_FILE_LOCATION")?;
    let variables = BTreeMap::from([
        ("CONTAINER_ID", container.as_str()),
        ("NM_HOST", "localhost"),
        ("NM_PORT", "1"),
        ("NM_HTTP_PORT", "1"),
        ("USER", "alice"),
        ("PWD", "/"),
        ("LOCAL_DIRS", "/"),
        ("LOG_DIRS", "/"),
        ("HADOOP_TOKEN_FILE_LOCATION", &token_file),
        ("APPLICATION_WEB_PROXY_BASE", "/"),
        ("APP_SUBMIT_TIME_ENV", "0"),
    ]);
    let variables = variables.into_iter();
    let variables: Environment = variables
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let mut configuration = shipped();
    for (key, value) in [
        // The smallest that a worker may be; the container holds none.
        ("taskmanager.memory.process.size", "512m"),
        ("taskmanager.numberOfTaskSlots", "1"),
    ] {
        configuration.set_text(key, value);
    }
    Ok(Container {
        environment: ContainerEnvironment::from_environment(&variables)?,
        configuration,
        assignments: Configuration::new(),
        hadoop: HadoopConfiguration::from_env()?,
        hadoop_source: "the bed".to_owned(),
        credentials: Credentials::read_file(&token_file)?,
        secret: ApplicationSecret::from_bytes(&[7; 32])?,
    })
}
