//! Submits an application whose ApplicationMaster is one shell command, follows it to its end, and shows what the command
//! wrote. A command that ends without registering is a failed application for YARN, so the end is FAILED.
//!
//! `HADOOP_CONF_DIR=/etc/hadoop/conf cargo run -p yarn-rest --example submit_shell -- 'id; echo $CONTAINER_ID; exit 3'`
#![allow(clippy::print_stdout, reason = "an example shows what it gets")]

use std::error::Error;
use std::time::Duration;

use yarn_common::conf::HadoopConfiguration;
use yarn_common::launch::{ContainerLaunchContext, quote_argument, quote_environment_value, redirect_to_log_dir};
use yarn_common::resource::Resource;
use yarn_common::submission::ApplicationSubmissionContext;
use yarn_common::token::Credentials;
use yarn_rest::auth::Simple;
use yarn_rest::nm::LogRange;
use yarn_rest::rm::RmClient;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let script = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "echo hello from $CONTAINER_ID".to_owned());
    let user = std::env::var("HADOOP_USER_NAME")
        .or_else(|_| std::env::var("USER"))
        .unwrap_or_else(|_| "root".into());
    let conf = HadoopConfiguration::from_env()?;
    let rm = RmClient::builder()
        .configuration(&conf)?
        .authenticator(Simple::new(&user))
        .build()?;
    let info = rm.info().await?;
    println!(
        "{} Hadoop {:?} {:?}",
        rm.active_url(),
        info.hadoop_version,
        info.ha_state
    );
    println!("{:?} nodes", rm.metrics().await?.active_nodes);
    for queue in rm.scheduler().await?.leaves() {
        println!("queue {} {:?}", queue.path, queue.state);
    }

    let new = rm.new_application().await?;
    println!("{} of at most {}", new.application_id, new.maximum_capability());
    rm.submit(&application(&conf, &script, &user, new.application_id)?)
        .await?;

    let mut last = None;
    let report = loop {
        let report = rm.application(new.application_id).await?;
        if last.as_ref() != Some(&report.state) {
            println!("{} {:?}", report.state, report.diagnostics);
        }
        if report.state.is_final() {
            break report;
        }
        last = Some(report.state);
        tokio::time::sleep(Duration::from_millis(250)).await;
    };

    for attempt in rm.attempts(report.id).await? {
        let (Some(container), Some(node)) = (attempt.container_id, attempt.node_http_address) else {
            continue;
        };
        let node = rm.node_manager(&node)?;
        for file in ["stdout", "stderr"] {
            let part = node.log(container, file, LogRange::Last(4096)).await?;
            println!("--- {container} {file} ({:?} bytes)\n{}", part.file_length, part.text);
        }
    }
    Ok(())
}

fn application(
    conf: &HadoopConfiguration,
    script: &str,
    user: &str,
    id: yarn_common::id::ApplicationId,
) -> Result<ApplicationSubmissionContext, Box<dyn Error>> {
    let mut credentials = Credentials::new();
    credentials.add_secret("example.secret", &b"0123456789"[..]);
    let command = format!("/bin/bash -c {}", quote_argument(script)?);
    let mut container = ContainerLaunchContext {
        commands: vec![redirect_to_log_dir(&command, "stdout", "stderr")],
        tokens: Some(credentials.to_bytes()),
        ..ContainerLaunchContext::default()
    };
    container
        .environment
        .insert("HADOOP_USER_NAME".to_owned(), quote_environment_value(user)?);
    container.environment.insert(
        "QUOTED".to_owned(),
        quote_environment_value("a \"$HOME\" `id` {{X}} \\ 'y'")?,
    );
    let resource = Resource::new(conf.minimum_allocation()?.memory_mb, 1);
    let mut application = ApplicationSubmissionContext::new(id, "shell", resource, container);
    application.max_app_attempts = Some(1);
    application.tags.insert("example".to_owned());
    Ok(application)
}
