//! The ApplicationMaster: one container for each command, until all have ended.

use tokio::task::JoinSet;
use yarn_common::conf::HadoopConfiguration;
use yarn_common::container_env::ContainerEnvironment;
use yarn_common::id::ContainerId;
use yarn_common::launch::{CommandLine, ContainerLaunchContext};
use yarn_common::token::Credentials;
use yarn_rpc::am::{AmClient, AmEvent, AmEvents, AmHandle, AmOptions, Pace};
use yarn_rpc::nm::{NmClient, NmError, NmOptions};
use yarn_rpc::types::{Container, ContainerStatus, FinalStatus};

use super::Failure;
use super::client::{CONFIGURATION, SCRIPT, SCRIPT_VARIABLE, staged_script};
use super::options::Options;
use super::tally::Tally;
use super::wishes::Wishes;

struct Master<'a> {
    options: &'a Options,
    rm: AmHandle,
    nodes: NmClient,
    wishes: Wishes,
    tally: Tally,
    /// Containers that their NodeManagers are asked to start.
    starting: JoinSet<(ContainerId, Result<(), NmError>)>,
    started: u32,
}

/// True if all containers succeeded.
pub(crate) async fn run(options: &Options) -> Result<bool, Failure> {
    let here = ContainerEnvironment::of_process()?;
    let credentials = Credentials::read_file(&here.token_file)?;
    let conf = HadoopConfiguration::from_file(CONFIGURATION)?;
    let mut client = AmClient::new(AmOptions::from_configuration(&conf, &credentials)?)?;
    let registration = client.register(here.node.host(), None, "").await?;
    let adopted = registration.containers_from_previous_attempts;
    println!("{} containers of earlier attempts", adopted.len());
    let mut wishes = Wishes::new(&options.containers);
    adopted.iter().for_each(|container| wishes.adopted(container));
    let tally = Tally::new(wishes.total(), adopted.into_iter().map(|container| container.id));
    wishes.ask(&mut client)?;
    let (rm, mut events) = client.start(Pace::default());
    let nodes = NmClient::new(rm.nm_tokens().clone(), NmOptions::default());
    let mut master = Master {
        options,
        rm,
        nodes,
        wishes,
        tally,
        starting: JoinSet::new(),
        started: 0,
    };
    master.work(&mut events).await?;
    let status = match master.tally.is_success() {
        true => FinalStatus::Succeeded,
        false => FinalStatus::Failed,
    };
    master.rm.unregister(status, &master.tally.message(), "").await?;
    Ok(master.tally.is_success())
}

impl Master<'_> {
    async fn work(&mut self, events: &mut AmEvents) -> Result<(), Failure> {
        while !self.tally.is_done() {
            tokio::select! {
                event = events.next() => self.heard(event.ok_or("the heartbeats have ended")?)?,
                Some(outcome) = self.starting.join_next() => {
                    let (container, outcome) = outcome?;
                    if let Err(error) = outcome {
                        println!("{error}");
                        self.tally.not_started(container);
                        self.rm.release(container);
                    }
                }
            }
            self.rm.set_progress(self.tally.progress());
        }
        Ok(())
    }

    fn heard(&mut self, event: AmEvent) -> Result<(), Failure> {
        match event {
            AmEvent::Allocated(container) if self.tally.granted(container.id) => {
                self.wishes.granted(&container);
                self.start(container)?;
            }
            AmEvent::Allocated(container) => self.rm.release(container.id),
            AmEvent::Recovered(container) if self.tally.granted(container.id) => {
                println!("{} of an earlier attempt", container.id);
                self.wishes.adopted(&container);
            }
            AmEvent::Completed(status) => self.ended(&status)?,
            AmEvent::Rejected(rejected) => {
                println!(
                    "{} containers of {} rejected: {:?}",
                    rejected.count, rejected.key, rejected.reason
                );
                if !self.wishes.rejected(&self.rm, &rejected)? {
                    self.tally.give_up();
                }
            }
            AmEvent::Refused { error, .. } | AmEvent::Failed(error) => return Err(error.to_string().into()),
            _ => {}
        }
        Ok(())
    }

    fn ended(&mut self, status: &ContainerStatus) -> Result<(), Failure> {
        let explanation = status.exit_status.explanation();
        println!("{} ended: {explanation} {}", status.id, status.diagnostics);
        if self.tally.ended(status) {
            self.wishes.again(&self.rm, status.id)?;
        }
        Ok(())
    }

    /// NodeManagers that are slow hold nobody up.
    fn start(&mut self, container: Container) -> Result<(), Failure> {
        self.started += 1;
        println!(
            "starting {} on {}, {:?}, shell {}",
            container.id, container.node, container.execution_type, self.started
        );
        let (nodes, context) = (self.nodes.clone(), self.context()?);
        self.starting.spawn(async move {
            let outcome = nodes.start_container(&container, &context).await;
            (container.id, outcome.map(drop))
        });
        Ok(())
    }

    /// The command and its arguments go to the shell as they are, as Hadoop's do.
    fn context(&self) -> Result<ContainerLaunchContext, Failure> {
        let shell = &self.options.shell;
        let mut context = ContainerLaunchContext::builder().env("YARN_SHELL_ID", &self.started.to_string());
        let mut command = match (&shell.shell_command, std::env::var(SCRIPT_VARIABLE)) {
            (Some(command), _) => CommandLine::shell(command),
            (None, Ok(place)) => {
                context = context.resource(SCRIPT, staged_script(&place)?);
                CommandLine::new("bash").arg(SCRIPT)
            }
            (None, Err(_)) => return Err(format!("{SCRIPT_VARIABLE} is not set").into()),
        };
        for argument in &shell.shell_args {
            command = command.shell_arg(argument);
        }
        for (name, value) in shell.environment() {
            context = context.env(name, value);
        }
        if let Some(retry) = self.options.retries.context()? {
            context = context.retry(retry);
        }
        Ok(context.command(&command).build()?)
    }
}
