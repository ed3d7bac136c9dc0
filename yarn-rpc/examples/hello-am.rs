//! An ApplicationMaster: one container says hello, and its exit code decides how the application ended.
//!
//! YARN starts it: submit it as the command of an application, with `HADOOP_CONF_DIR` in its environment.

use std::{error::Error, time::Duration};

use yarn_common::conf::HadoopConfiguration;
use yarn_common::container_env::ContainerEnvironment;
use yarn_common::launch::{ContainerLaunchContext, redirect_to_log_dir};
use yarn_common::{resource::Resource, token::Credentials};
use yarn_rpc::am::{AmClient, AmOptions, AskKey, ContainerAsk};
use yarn_rpc::nm::{NmClient, NmOptions};
use yarn_rpc::types::{ContainerStatus, FinalStatus};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let here = ContainerEnvironment::of_process()?;
    let credentials = Credentials::read_file(&here.token_file)?;
    let token = credentials.am_rm_token().ok_or("YARN gave no AMRM token")?.clone();
    let conf = HadoopConfiguration::from_env()?;
    let addresses = conf.rm_scheduler_addresses()?;
    let addresses = addresses.iter().map(ToString::to_string).collect();

    let mut rm = AmClient::new(AmOptions::new(addresses, token))?;
    rm.register(here.node.host(), None, "").await?;
    let ended = hello(&mut rm).await?;
    let status = match ended.exit_status.0 {
        0 => FinalStatus::Succeeded,
        _ => FinalStatus::Failed,
    };
    rm.finish(status, &ended.exit_status.explanation(), "").await?;
    Ok(())
}

/// Asks for a container, starts it, and waits for its end.
async fn hello(rm: &mut AmClient) -> Result<ContainerStatus, Box<dyn Error>> {
    let nodes = NmClient::new(rm.nm_tokens().clone(), NmOptions::default());
    let command = redirect_to_log_dir("echo hello from {{CONTAINER_ID}}", "stdout", "stderr");
    let context = ContainerLaunchContext {
        commands: vec![command],
        ..Default::default()
    };
    rm.asks()
        .set(ContainerAsk::new(AskKey::priority(1), Resource::new(128, 1), 1))?;
    loop {
        let news = rm.allocate(0.5).await?;
        for granted in news.allocated {
            nodes.start_container(&granted.container, &context).await?;
        }
        if let Some(ended) = news.completed.into_iter().next() {
            return Ok(ended);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
