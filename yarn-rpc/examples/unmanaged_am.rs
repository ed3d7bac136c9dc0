//! An ApplicationMaster that YARN does not start: it submits itself, runs one command in one container, and ends.
//!
//! ```text
//! cargo run -p yarn-rpc --example unmanaged_am -- RM:8032 RM:8030 USER 'echo hello'
//! ```

#![allow(clippy::print_stdout, reason = "the output is what the example is for")]

use std::{collections::BTreeMap, error::Error, time::Duration};

use yarn_common::{
    id::ApplicationId,
    launch::{ContainerLaunchContext, redirect_to_log_dir},
    resource::Resource,
    submission::ApplicationSubmissionContext,
};
use yarn_rpc::{
    RetryPolicy,
    am::{AmClient, AmOptions, AskKey, ContainerAsk},
    client::{ApplicationReport, YarnClient, YarnClientOptions},
    ipc::{Identity, IpcOptions},
    nm::{NmClient, NmOptions},
    types::{ContainerStatus, FinalStatus},
};

type Failure = Box<dyn Error>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [clients, scheduler, user, command] = arguments.as_slice() else {
        return Err("usage: unmanaged_am RM_ADDRESS SCHEDULER_ADDRESS USER COMMAND".into());
    };
    let resource_manager = YarnClient::new(YarnClientOptions {
        addresses: vec![clients.clone()],
        identity: Identity::Simple { user: user.clone() },
        retry: RetryPolicy::RESOURCE_MANAGER,
        ipc: IpcOptions::default(),
    })?;
    let mut master = launch(&resource_manager, scheduler).await?;
    let registration = master.register("localhost", None, "").await?;
    println!(
        "registered in {}, at most {}",
        registration.queue, registration.maximum_capability
    );
    let ended = run(&mut master, command).await?;
    println!(
        "{} ended with {}: {}",
        ended.id,
        ended.exit_status,
        ended.diagnostics.trim()
    );
    let status = if ended.exit_status.0 == 0 {
        FinalStatus::Succeeded
    } else {
        FinalStatus::Failed
    };
    master.finish(status, &ended.diagnostics, "").await?;
    let report = final_report(&resource_manager, ended.id.application()).await?;
    println!("{} is {:?}, {:?}", report.id, report.state, report.final_status);
    Ok(())
}

/// Waits for the end of an application; it comes a moment after its ApplicationMaster has unregistered.
async fn final_report(resource_manager: &YarnClient, id: ApplicationId) -> Result<ApplicationReport, Failure> {
    loop {
        let report = resource_manager.application(id).await?;
        if report.state.is_final() {
            return Ok(report);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Submits an unmanaged application and waits for the token of its ApplicationMaster.
async fn launch(resource_manager: &YarnClient, scheduler: &str) -> Result<AmClient, Failure> {
    let new = resource_manager.new_application().await?;
    let nothing = ContainerLaunchContext::default();
    let mut application = ApplicationSubmissionContext::new(new.id, "unmanaged", Resource::new(64, 1), nothing);
    application.unmanaged_am = true;
    resource_manager.submit(&application).await?;
    println!("submitted {}", new.id);
    for _ in 0..100 {
        let report = resource_manager.application(new.id).await?;
        if let Some(token) = report.am_rm_token {
            return Ok(AmClient::new(AmOptions::new(vec![scheduler.to_owned()], token))?);
        }
        if report.state.is_final() {
            return Err(report.diagnostics.into());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err("the ResourceManager has not launched the attempt".into())
}

/// Runs a command in a container and returns how it ended.
async fn run(master: &mut AmClient, command: &str) -> Result<ContainerStatus, Failure> {
    let nodes = NmClient::new(master.nm_tokens().clone(), NmOptions::default());
    let context = ContainerLaunchContext {
        commands: vec![redirect_to_log_dir(command, "stdout", "stderr")],
        environment: BTreeMap::from([("GREETING".to_owned(), "hello".to_owned())]),
        ..Default::default()
    };
    let ask = ContainerAsk::new(AskKey::priority(1), Resource::new(64, 1), 1);
    master.asks().set(ask)?;
    loop {
        let news = master.allocate(0.5).await?;
        for granted in news.allocated {
            println!(
                "got {} on {}: {}",
                granted.container.id, granted.container.node, granted.container.resource
            );
            nodes.start_container(&granted.container, &context).await?;
            let status = nodes
                .container_status(&granted.container.node, granted.container.id)
                .await?;
            println!("{} is {:?}", status.id, status.state);
        }
        if news.resynchronised {
            println!("the ResourceManager had restarted; registered again");
        }
        if let Some(ended) = news.completed.into_iter().next() {
            return Ok(ended);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
