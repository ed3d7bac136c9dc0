//! The client: stages, submits, follows.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use yarn_common::conf::HadoopConfiguration;
use yarn_common::id::ApplicationId;
use yarn_common::launch::{CommandLine, ContainerLaunchContext, LocalResource};
use yarn_common::resource::{Priority, Resource};
use yarn_common::submission::{ApplicationSubmissionContext, LogAggregationContext};
use yarn_rpc::client::{ApplicationReport, ApplicationState, FinalApplicationStatus, YarnClient, YarnClientOptions};
use yarn_rpc::ipc::Identity;

use super::Failure;
use super::options::Options;
use super::staging::Staging;

/// How the files are called in the containers.
pub(crate) const PROGRAM: &str = "distributed-shell";
pub(crate) const CONFIGURATION: &str = "hadoop.xml";
pub(crate) const SCRIPT: &str = "ExecScript.sh";
/// Where the script is, for the ApplicationMaster: URL, size and modification time.
pub(crate) const SCRIPT_VARIABLE: &str = "DISTRIBUTEDSHELLSCRIPT";

const LOOK_EVERY: Duration = Duration::from_millis(250);

/// True if the application succeeded.
pub(crate) async fn run(options: &Options) -> Result<bool, Failure> {
    // What the ApplicationMaster could not start is told here.
    options.retries.context()?;
    let conf = HadoopConfiguration::from_env()?;
    let user = ["HADOOP_USER_NAME", "USER"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok());
    let user = user.ok_or("who are you? Set HADOOP_USER_NAME")?;
    let identity = Identity::Simple { user: user.clone() };
    let rm = YarnClient::new(YarnClientOptions::from_configuration(&conf, identity)?)?;
    let new = rm.new_application().await?;
    check(
        "-master_memory, -master_vcores and -master_resources",
        &options.master_resource(),
        &new.maximum_capability,
    )?;
    check(
        "-container_memory, -container_vcores and -container_resources",
        &options.containers.resource(),
        &new.maximum_capability,
    )?;

    let staging = Staging::make(&conf, &user, new.id).await?;
    let outcome = submit_and_follow(&rm, options, &conf, &staging, new.id).await;
    staging.delete().await?;
    outcome
}

async fn submit_and_follow(
    rm: &YarnClient,
    options: &Options,
    conf: &HadoopConfiguration,
    staging: &Staging,
    id: ApplicationId,
) -> Result<bool, Failure> {
    let master = master_context(options, conf, staging).await?;
    let mut application = ApplicationSubmissionContext::new(id, &options.appname, options.master_resource(), master);
    application.queue = Some(options.queue.clone());
    application.priority = Some(Priority(options.priority));
    application.keep_containers_across_application_attempts = options.keep_containers;
    application.attempt_failures_validity_interval = options.validity_interval();
    application.node_label = options.containers.node_label_expression.clone();
    application.tags = options.application_tags.iter().cloned().collect();
    application.log_aggregation = options
        .rolling_log_pattern
        .clone()
        .map(|pattern| LogAggregationContext {
            rolled_logs_include_pattern: Some(pattern),
            ..LogAggregationContext::default()
        });
    rm.submit(&application).await?;
    println!("Submitted application {id}");
    follow(rm, id, options.timeout()).await
}

fn check(options: &str, wanted: &Resource, most: &Resource) -> Result<(), Failure> {
    if wanted.fits_in(most) {
        return Ok(());
    }
    Err(format!("{options} ask for {wanted}, the cluster's largest container is {most}").into())
}

async fn master_context(
    options: &Options,
    conf: &HadoopConfiguration,
    staging: &Staging,
) -> Result<ContainerLaunchContext, Failure> {
    let program = std::env::current_exe()?;
    let program = std::fs::read(&program).map_err(|error| format!("cannot read {}: {error}", program.display()))?;
    let xml = conf.without_secrets().to_xml();
    let mut context = ContainerLaunchContext::builder()
        .resource(PROGRAM, staging.put(PROGRAM, program).await?)
        .resource(CONFIGURATION, staging.put(CONFIGURATION, xml.into_bytes()).await?);
    if let Some(script) = &options.shell.shell_script {
        let text = std::fs::read(script).map_err(|error| format!("cannot read {}: {error}", script.display()))?;
        let resource = staging.put(SCRIPT, text).await?;
        let place = format!("{} {} {}", resource.url.to_uri(), resource.size, resource.timestamp);
        context = context.env(SCRIPT_VARIABLE, &place).resource(SCRIPT, resource);
    }
    let command = CommandLine::new(format!("./{PROGRAM}"))
        .arg("--master")
        .args(std::env::args().skip(1))
        .log_to("AppMaster.stdout", "AppMaster.stderr");
    Ok(context.command(&command).build()?)
}

/// The script as [`SCRIPT_VARIABLE`] tells of it.
pub(crate) fn staged_script(place: &str) -> Result<LocalResource, Failure> {
    let mut parts = place.rsplitn(3, ' ');
    let (Some(timestamp), Some(size), Some(url)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(format!("{SCRIPT_VARIABLE} is {place:?}, not a URL, a size and a time").into());
    };
    Ok(LocalResource::file(url.parse()?, size.parse()?, timestamp.parse()?))
}

/// Until the application has ended, or the time is up: then it is killed.
async fn follow(rm: &YarnClient, id: ApplicationId, timeout: Duration) -> Result<bool, Failure> {
    let started = Instant::now();
    let mut last = None;
    loop {
        let report = rm.application(id).await?;
        if last != Some(report.state) {
            println!("{id} is {:?}, {:?}", report.state, report.final_status);
            last = Some(report.state);
        }
        if report.state.is_final() {
            return Ok(is_success(&report));
        }
        if started.elapsed() > timeout {
            println!("Reached client specified timeout for application. Killing application");
            while !rm.kill(id, Some("the client's -timeout is over")).await?.is_final() {
                sleep(LOOK_EVERY).await;
            }
            return Ok(false);
        }
        sleep(LOOK_EVERY).await;
    }
}

fn is_success(report: &ApplicationReport) -> bool {
    let success =
        report.state == ApplicationState::Finished && report.final_status == FinalApplicationStatus::Succeeded;
    match success {
        true => println!("Application completed successfully"),
        false => println!("Application failed to complete successfully: {}", report.diagnostics),
    }
    success
}
