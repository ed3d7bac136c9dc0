//! An ApplicationMaster: one container says hello, and its exit code decides how the application ended.
//!
//! YARN starts it: submit it as the command of an application, with `HADOOP_CONF_DIR` in its environment.

use std::error::Error;

use yarn_common::launch::{ContainerLaunchContext, redirect_to_log_dir};
use yarn_common::resource::Resource;
use yarn_rpc::am::{AmClient, AmEvent, AmEvents, AmHandle, AmOptions, AskKey, ContainerAsk, Pace};
use yarn_rpc::nm::{NmClient, NmOptions};
use yarn_rpc::types::{ContainerStatus, FinalStatus};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // Addresses from the Hadoop configuration, the token from the file that YARN wrote for this container.
    let mut client = AmClient::new(AmOptions::from_container()?)?;
    client.register(&std::env::var("NM_HOST")?, None, "").await?;
    let (am, mut events) = client.start(Pace::default());
    let ended = hello(&am, &mut events).await?;
    let status = match ended.exit_status.0 {
        0 => FinalStatus::Succeeded,
        _ => FinalStatus::Failed,
    };
    am.unregister(status, &ended.exit_status.explanation(), "").await?;
    Ok(())
}

/// Asks for a container, starts it, and waits for its end. Heartbeats go on meanwhile.
async fn hello(am: &AmHandle, events: &mut AmEvents) -> Result<ContainerStatus, Box<dyn Error>> {
    let nodes = NmClient::new(am.nm_tokens().clone(), NmOptions::default());
    let command = redirect_to_log_dir("echo hello from {{CONTAINER_ID}}", "stdout", "stderr");
    let context = ContainerLaunchContext {
        commands: vec![command],
        ..Default::default()
    };
    am.ask(ContainerAsk::new(AskKey::priority(1), Resource::new(128, 1), 1))?;
    loop {
        match events.next().await.ok_or("the heartbeats have ended")? {
            AmEvent::Allocated(granted) => drop(nodes.start_container(&granted, &context).await?),
            AmEvent::Completed(status) => return Ok(status),
            AmEvent::Failed(error) => return Err(error.to_string().into()),
            _ => {}
        }
    }
}
