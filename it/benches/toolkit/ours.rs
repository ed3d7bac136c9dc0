//! The Rust side: the same work as `it/java/ToolkitBench.java`.

use std::collections::BTreeMap;
use std::env;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use selvedge_it::bench::step;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use yarn_common::conf::HadoopConfiguration;
use yarn_common::exit_status::ContainerExitStatus;
use yarn_common::launch::{CommandLine, ContainerLaunchContext};
use yarn_common::resource::Resource;
use yarn_common::token::{Credentials, Token, TokenKind};
use yarn_rpc::am::{AmClient, AmOptions, AskKey, ContainerAsk};
use yarn_rpc::ipc::{CallOptions, Identity, IpcClient, IpcOptions, Protocol};
use yarn_rpc::nm::{NmClient, NmOptions};
use yarn_rpc::proto::yarn::{GetNewApplicationRequestProto, GetNewApplicationResponseProto};
use yarn_rpc::types::FinalStatus;

/// As AMRMClientAsync is told to.
const HEARTBEAT: Duration = Duration::from_secs(1);
const IN_FLIGHT: u32 = 64;

pub(crate) async fn play(role: &[String]) -> anyhow::Result<()> {
    let words: Vec<&str> = role.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["register"] => register().await,
        ["containers", count] => containers(count.parse()?).await,
        ["heartbeats", address, empty, full] => heartbeats(address, empty.parse()?, full.parse()?).await,
        ["calls", address, count] => calls(address, count.parse()?).await,
        _ => bail!("no such role: {words:?}"),
    }
}

fn master() -> anyhow::Result<AmClient> {
    let file = env::var("HADOOP_TOKEN_FILE_LOCATION")?;
    let credentials = Credentials::read_file(file)?;
    let token = credentials.am_rm_token().context("no AMRM token")?.clone();
    let conf = HadoopConfiguration::from_env()?;
    let addresses = conf.rm_scheduler_addresses()?.iter().map(ToString::to_string).collect();
    Ok(AmClient::new(AmOptions::new(addresses, token))?)
}

async fn register() -> anyhow::Result<()> {
    let mut master = master()?;
    master.register("localhost", None, "").await?;
    step("registered")?;
    Ok(master.finish(FinalStatus::Succeeded, "", "").await?)
}

async fn containers(count: u32) -> anyhow::Result<()> {
    let mut master = master()?;
    master.register("localhost", None, "").await?;
    step("registered")?;
    let nodes = NmClient::new(master.nm_tokens().clone(), NmOptions::default());
    let context = ContainerLaunchContext::builder()
        .command(&CommandLine::new("true").without_log())
        .build()?;
    master
        .asks()
        .set(ContainerAsk::new(AskKey::priority(1), Resource::new(64, 1), count))?;
    let mut beat = interval(HEARTBEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut starts = JoinSet::new();
    let (mut completed, mut surplus, mut held) = (0, 0, 0);
    let mut number = 0_u32;
    // Containers that were not asked for, by the heartbeat that granted them. They leave with the next one, and the
    // ResourceManager says so with the one after it at the latest.
    let mut leaving = BTreeMap::new();
    while completed < count {
        tokio::select! {
            _ = beat.tick() => {}
            Some(started) = starts.join_next() => {
                started??;
                continue;
            }
        }
        let news = master.allocate(0.5).await?;
        number += 1;
        for ended in &news.completed {
            if leaving.remove(&ended.id).is_none() {
                ensure!(ended.exit_status == ContainerExitStatus::SUCCESS, "{ended:?}");
                completed += 1;
            }
        }
        for granted in news.allocated {
            let container = granted.container;
            if granted.expected {
                let (nodes, context) = (nodes.clone(), context.clone());
                starts.spawn(async move { nodes.start_container(&container, &context).await });
                continue;
            }
            surplus += 1;
            leaving.insert(container.id, number);
            master.release(container.id);
        }
        held += leaving.values().filter(|granted| number - **granted == 3).count();
    }
    while let Some(started) = starts.join_next().await {
        started??;
    }
    step(&format!("completed {surplus} {held}"))?;
    Ok(master.finish(FinalStatus::Succeeded, "", "").await?)
}

async fn heartbeats(address: &str, empty: u32, full: u32) -> anyhow::Result<()> {
    let token = Token::new(&b"identifier"[..], &b"password"[..], TokenKind::AmRm, "");
    let mut options = AmOptions::new(vec![address.to_owned()], token);
    // The stub asks for no token.
    options.ipc.simple_user = Some("alice".to_owned());
    let mut master = AmClient::new(options)?;
    master.register("localhost", None, "").await?;
    beats(&mut master, empty / 2, 0).await?;
    step("warm")?;
    beats(&mut master, empty, 0).await?;
    step("empty")?;
    step("full")?;
    beats(&mut master, full / 2, 1000).await?;
    step("warm")?;
    beats(&mut master, full, 1000).await?;
    step("done")
}

async fn beats(master: &mut AmClient, count: u32, updates: usize) -> anyhow::Result<()> {
    for _ in 0..count {
        let news = master.allocate(0.5).await?;
        let seen = news.allocated.len() + news.completed.len();
        ensure!(seen == updates, "{seen} updates instead of {updates}");
    }
    Ok(())
}

async fn calls(address: &str, count: u32) -> anyhow::Result<()> {
    let identity = Identity::Simple {
        user: "alice".to_owned(),
    };
    let client = IpcClient::new(address, Protocol::APPLICATION_CLIENT, identity, IpcOptions::default());
    call(&client, count / 4).await?;
    step("warm")?;
    call(&client, count).await?;
    step("done")
}

/// All of them over the one connection of `client`.
async fn call(client: &IpcClient, count: u32) -> anyhow::Result<()> {
    let mut callers = JoinSet::new();
    for _ in 0..IN_FLIGHT {
        let client = client.clone();
        callers.spawn(async move {
            for _ in 0..count / IN_FLIGHT {
                let request = GetNewApplicationRequestProto::default();
                let answer: GetNewApplicationResponseProto = client
                    .call("getNewApplication", &request, CallOptions::default())
                    .await?;
                ensure!(answer.application_id.is_some(), "an answer without an id");
            }
            Ok(())
        });
    }
    while let Some(called) = callers.join_next().await {
        called??;
    }
    Ok(())
}
