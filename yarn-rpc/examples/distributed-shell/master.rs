//! The ApplicationMaster: one container for each command, until all have ended.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::sleep;
use yarn_common::conf::HadoopConfiguration;
use yarn_common::container_env::ContainerEnvironment;
use yarn_common::launch::{ContainerLaunchContext, quote_environment_value, redirect_to_log_dir};
use yarn_common::token::Credentials;
use yarn_rpc::am::{AllocatedContainer, AmClient, AmOptions, AskKey, ContainerAsk};
use yarn_rpc::nm::{NmClient, NmOptions};
use yarn_rpc::types::FinalStatus;

use super::Failure;
use super::client::{CONFIGURATION, SCRIPT, SCRIPT_VARIABLE, staged_script};
use super::options::Options;
use super::tally::Tally;

const WHILE_ASKING: Duration = Duration::from_millis(200);
const WHILE_RUNNING: Duration = Duration::from_millis(1000);

struct Master<'a> {
    options: &'a Options,
    rm: AmClient,
    nodes: NmClient,
    tally: Tally,
    started: u32,
}

/// True if all containers succeeded.
pub(crate) async fn run(options: &Options) -> Result<bool, Failure> {
    let here = ContainerEnvironment::of_process()?;
    let credentials = Credentials::read_file(&here.token_file)?;
    let token = credentials.am_rm_token().ok_or("YARN gave no AMRM token")?.clone();
    let conf = HadoopConfiguration::from_file(CONFIGURATION)?;
    let addresses = conf.rm_scheduler_addresses()?;
    let addresses = addresses.iter().map(ToString::to_string).collect();
    let mut rm = AmClient::new(AmOptions::new(addresses, token))?;
    let registration = rm.register(here.node.host(), None, "").await?;

    let adopted = registration.containers_from_previous_attempts;
    println!("{} containers of earlier attempts", adopted.len());
    let containers = &options.containers;
    let tally = Tally::new(
        containers.num_containers,
        containers.container_max_retries,
        adopted.into_iter().map(|container| container.id),
    );
    let nodes = NmClient::new(rm.nm_tokens().clone(), NmOptions::default());
    let mut master = Master {
        options,
        rm,
        nodes,
        tally,
        started: 0,
    };
    master.work().await?;
    let status = match master.tally.is_success() {
        true => FinalStatus::Succeeded,
        false => FinalStatus::Failed,
    };
    master.rm.finish(status, &master.tally.message(), "").await?;
    Ok(master.tally.is_success())
}

impl Master<'_> {
    async fn work(&mut self) -> Result<(), Failure> {
        while !self.tally.is_done() {
            self.ask()?;
            let news = self.rm.allocate(self.tally.progress()).await?;
            for granted in news.allocated {
                self.start(granted).await?;
            }
            for status in news.completed {
                println!(
                    "{} ended: {} {}",
                    status.id,
                    status.exit_status.explanation(),
                    status.diagnostics
                );
                self.tally.ended(&status);
            }
            if self.tally.is_done() {
                break;
            }
            let pause = if self.tally.wanted() > 0 {
                WHILE_ASKING
            } else {
                WHILE_RUNNING
            };
            sleep(pause).await;
        }
        Ok(())
    }

    fn ask(&mut self) -> Result<(), Failure> {
        let containers = &self.options.containers;
        let key = AskKey::priority(containers.shell_cmd_priority);
        let mut ask = ContainerAsk::new(key, containers.resource(), self.tally.wanted());
        ask.locality = containers.locality();
        ask.node_label = containers.node_label_expression.clone();
        Ok(self.rm.asks().set(ask)?)
    }

    async fn start(&mut self, granted: AllocatedContainer) -> Result<(), Failure> {
        let container = granted.container;
        if !self.tally.granted(container.id) {
            self.rm.release(container.id);
            return Ok(());
        }
        self.started += 1;
        println!(
            "starting {} on {}, shell {}",
            container.id, container.node, self.started
        );
        let context = self.context()?;
        if let Err(error) = self.nodes.start_container(&container, &context).await {
            println!("{error}");
            self.tally.not_started(container.id);
            self.rm.release(container.id);
        }
        Ok(())
    }

    /// The command and its arguments go to the shell as they are, as Hadoop's do.
    fn context(&self) -> Result<ContainerLaunchContext, Failure> {
        let shell = &self.options.shell;
        let mut words = Vec::new();
        let mut local_resources = BTreeMap::new();
        match (&shell.shell_command, std::env::var(SCRIPT_VARIABLE)) {
            (Some(command), _) => words.push(command.as_str()),
            (None, Ok(place)) => {
                local_resources.insert(SCRIPT.to_owned(), staged_script(&place)?);
                words.extend(["bash", SCRIPT]);
            }
            (None, Err(_)) => return Err(format!("{SCRIPT_VARIABLE} is not set").into()),
        }
        words.extend(shell.shell_args.iter().map(String::as_str));
        let mut environment = BTreeMap::from([("YARN_SHELL_ID".to_owned(), self.started.to_string())]);
        for (name, value) in shell.environment() {
            environment.insert(name.to_owned(), quote_environment_value(value)?);
        }
        Ok(ContainerLaunchContext {
            local_resources,
            environment,
            commands: vec![redirect_to_log_dir(&words.join(" "), "stdout", "stderr")],
            ..ContainerLaunchContext::default()
        })
    }
}
