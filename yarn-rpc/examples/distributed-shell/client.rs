//! The client: stages, submits, follows.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use yarn_common::conf::HadoopConfiguration;
use yarn_common::id::ApplicationId;
use yarn_common::launch::{
    ContainerLaunchContext, LocalResource, LocalResourceType, LocalResourceVisibility, quote_argument,
    redirect_to_log_dir,
};
use yarn_common::resource::{Priority, Resource};
use yarn_common::submission::ApplicationSubmissionContext;
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
    let conf = HadoopConfiguration::from_env()?;
    let user = ["HADOOP_USER_NAME", "USER"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok());
    let user = user.ok_or("who are you? Set HADOOP_USER_NAME")?;
    let identity = Identity::Simple { user: user.clone() };
    let rm = YarnClient::new(YarnClientOptions::from_configuration(&conf, identity)?)?;
    let new = rm.new_application().await?;
    check(
        "-master_memory and -master_vcores",
        &options.master_resource(),
        &new.maximum_capability,
    )?;
    check(
        "-container_memory and -container_vcores",
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
    let mut local_resources = BTreeMap::from([
        (PROGRAM.to_owned(), staging.put(PROGRAM, program).await?),
        (
            CONFIGURATION.to_owned(),
            staging.put(CONFIGURATION, xml.into_bytes()).await?,
        ),
    ]);
    let mut environment = BTreeMap::new();
    if let Some(script) = &options.shell.shell_script {
        let text = std::fs::read(script).map_err(|error| format!("cannot read {}: {error}", script.display()))?;
        let resource = staging.put(SCRIPT, text).await?;
        let place = format!("{} {} {}", resource.url.to_uri(), resource.size, resource.timestamp);
        environment.insert(SCRIPT_VARIABLE.to_owned(), place);
        local_resources.insert(SCRIPT.to_owned(), resource);
    }
    let mut command = format!("./{PROGRAM} --master");
    for argument in std::env::args().skip(1) {
        command.push(' ');
        command.push_str(&quote_argument(&argument)?);
    }
    Ok(ContainerLaunchContext {
        local_resources,
        environment,
        commands: vec![redirect_to_log_dir(&command, "AppMaster.stdout", "AppMaster.stderr")],
        ..ContainerLaunchContext::default()
    })
}

/// The script as [`SCRIPT_VARIABLE`] tells of it.
pub(crate) fn staged_script(place: &str) -> Result<LocalResource, Failure> {
    let mut parts = place.rsplitn(3, ' ');
    let (Some(timestamp), Some(size), Some(url)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(format!("{SCRIPT_VARIABLE} is {place:?}, not a URL, a size and a time").into());
    };
    Ok(LocalResource {
        url: url.parse()?,
        size: size.parse()?,
        timestamp: timestamp.parse()?,
        kind: LocalResourceType::File,
        visibility: LocalResourceVisibility::Application,
        pattern: None,
    })
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
