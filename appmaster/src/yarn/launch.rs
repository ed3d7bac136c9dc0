//! How a worker's container is started: the files, environment, command and tokens that its NodeManager gets.

use std::collections::BTreeMap;

use bytes::Bytes;
use selvedge_core::Configuration;
use selvedge_core::config::is_secret;
use selvedge_core::config::options::{jobmanager, taskmanager, yarn};
use selvedge_runtime::deployment::{
    self, BINARY_NAME, DIST_DIRECTORY, DeploymentError, MasterEnvironment, dynamic_properties,
};
use yarn_common::id::{ContainerId, NodeId};
use yarn_common::launch::{ContainerLaunchContext, redirect_to_log_dir};
use yarn_common::token::Credentials;

use super::shape::WorkerShape;

const ROLE: &str = "taskmanager";
const STDOUT: &str = "taskmanager.out";
const STDERR: &str = "taskmanager.err";
/// How keys begin that mean nothing to a worker.
const MASTER_ONLY: &[&str] = &["jobmanager.memory.", "jobmanager.bind-host", "rest."];

/// What all workers of the application have in common.
#[derive(Debug, Clone)]
pub(super) struct WorkerLaunch {
    environment: MasterEnvironment,
    tokens: Bytes,
    variables: BTreeMap<String, String>,
    properties: BTreeMap<String, String>,
}

impl WorkerLaunch {
    /// `assignments` is what was set on the master's own command line. Every worker gets it besides the shipped file, but for
    /// what the master alone goes by, and for secrets: those are in the file.
    pub(super) fn new(
        environment: MasterEnvironment,
        credentials: &Credentials,
        configuration: &Configuration,
        assignments: &Configuration,
    ) -> Self {
        Self {
            environment,
            // With the AMRM token a worker could speak to the ResourceManager in the master's name.
            tokens: credentials.without_am_rm_token().to_bytes(),
            variables: deployment::open_variables(configuration, yarn::TASKMANAGER_ENV_PREFIX),
            properties: assignments
                .iter()
                .filter(|(key, _)| !MASTER_ONLY.iter().any(|prefix| key.starts_with(prefix)))
                .filter(|(key, value)| !is_secret(key, value))
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
        }
    }

    /// The same with the address under which workers reach the ResourceManager, `host:port`.
    pub(super) fn for_master(mut self, address: &str) -> Self {
        let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
        let host = host.trim_start_matches('[').trim_end_matches(']');
        self.properties
            .insert(jobmanager::RPC_ADDRESS.key().to_owned(), host.to_owned());
        self.properties
            .insert(jobmanager::RPC_PORT.key().to_owned(), port.to_owned());
        self
    }

    /// The launch context of one worker.
    pub(super) fn context(
        &self,
        container: ContainerId,
        node: &NodeId,
        shape: &WorkerShape,
    ) -> Result<ContainerLaunchContext, DeploymentError> {
        let mut variables = self.environment.worker_env(node.host());
        variables.extend(self.variables.clone());
        Ok(ContainerLaunchContext {
            local_resources: self.environment.worker_resources()?,
            environment: deployment::quoted(variables)?,
            commands: vec![self.command(container, shape)?],
            tokens: Some(self.tokens.clone()),
            ..Default::default()
        })
    }

    fn command(&self, container: ContainerId, shape: &WorkerShape) -> Result<String, DeploymentError> {
        let mut properties = self.properties.clone();
        properties.extend(shape.properties.clone());
        properties.insert(taskmanager::RESOURCE_ID.key().to_owned(), container.to_string());
        let mut command = format!("./{DIST_DIRECTORY}/{BINARY_NAME} {ROLE}");
        for argument in dynamic_properties(properties.iter().map(|(key, value)| (key.as_str(), value.as_str())))? {
            command.push(' ');
            command.push_str(&argument);
        }
        Ok(redirect_to_log_dir(&command, STDOUT, STDERR))
    }
}

#[cfg(test)]
mod tests {
    use selvedge_core::JobId;
    use selvedge_runtime::deployment::{CONFIG_FILE, HADOOP_SITE_FILE, MasterRole, ShippedFile, Visibility};
    use selvedge_runtime::rpc::ApplicationSecret;
    use yarn_common::id::ApplicationId;
    use yarn_common::resource::Resource;
    use yarn_common::token::{Token, TokenKind};

    use super::*;

    fn file(key: &str) -> ShippedFile {
        ShippedFile {
            key: key.to_owned(),
            url: format!("hdfs://nn:8020/user/alice/{key}"),
            size: 7,
            modification_time: 1_700_000_000_123,
            archive: key == DIST_DIRECTORY,
            visibility: Visibility::Application,
        }
    }

    fn credentials() -> Credentials {
        let mut credentials = Credentials::new();
        let token = |kind| Token::new(&b"identifier"[..], &b"password"[..], kind, "");
        credentials.add_token("", token(TokenKind::AmRm));
        credentials.add_token("hdfs", token(TokenKind::HdfsDelegation));
        credentials.add_secret(ApplicationSecret::CREDENTIALS_ALIAS, &[7; 32][..]);
        credentials
    }

    fn context() -> ContainerLaunchContext {
        let environment = MasterEnvironment {
            application_id: ApplicationId::new(1_700_000_000_000, 7),
            role: MasterRole::PerJob(JobId::from_bytes([1; 16])),
            staging_directory: "hdfs://nn:8020/staging".to_owned(),
            dist: file(DIST_DIRECTORY),
            shipped: vec![file(CONFIG_FILE), file(HADOOP_SITE_FILE)],
            client_home: "hdfs://nn:8020/user/alice".to_owned(),
            user: "alice".to_owned(),
        };
        let configuration = Configuration::from_iter([
            ("containerized.taskmanager.env.GREETING", "it's \"$HOME\""),
            ("containerized.taskmanager.env.API_TOKEN", "hunter2"),
            ("containerized.master.env.OTHER", "no"),
        ]);
        let assignments = Configuration::from_iter([
            ("env.log.level", "debug"),
            ("jobmanager.memory.heap.size", "469762048b"),
            ("rest.bind-port", "8081"),
            ("s3.secret-key", "hunter2"),
        ]);
        let shape = WorkerShape {
            resource: Resource::new(1728, 1),
            properties: BTreeMap::from([("taskmanager.memory.managed.size".to_owned(), "1b".to_owned())]),
            spec: crate::resourcemanager::WorkerSpec {
                process: selvedge_core::TaskExecutorProcessSpec::derive(&selvedge_core::config::shipped()).unwrap(),
            },
        };
        let container = ContainerId::from_packed(environment.application_id.attempt(1), 2);
        WorkerLaunch::new(environment, &credentials(), &configuration, &assignments)
            .for_master("127.0.0.2:6123")
            .context(container, &NodeId::new("127.0.0.3", 45454), &shape)
            .unwrap()
    }

    #[test]
    fn a_worker_is_told_who_it_is_how_large_it_is_and_where_its_master_is() {
        let [command] = &context().commands[..] else {
            panic!("one command");
        };
        for part in [
            "./selvedge-dist/selvedge taskmanager ",
            "-Djobmanager.rpc.address=127.0.0.2",
            "-Djobmanager.rpc.port=6123",
            "-Denv.log.level=debug",
            "-Dtaskmanager.memory.managed.size=1b",
            "-Dtaskmanager.resource-id=container_1700000000000_0007_01_000002",
            "1><LOG_DIR>/taskmanager.out 2><LOG_DIR>/taskmanager.err",
        ] {
            assert!(command.contains(part), "{command}");
        }
        for part in ["jobmanager.memory", "rest.bind-port"] {
            assert!(!command.contains(part), "{command}");
        }
    }

    #[test]
    fn a_worker_gets_the_masters_files_and_its_own_environment() {
        let context = context();
        let files: Vec<_> = context.local_resources.keys().map(String::as_str).collect();
        assert_eq!(files, [CONFIG_FILE, HADOOP_SITE_FILE, DIST_DIRECTORY]);
        let variable = |name: &str| context.environment.get(name).map(String::as_str);
        assert_eq!(variable("HADOOP_USER_NAME"), Some("alice"));
        assert_eq!(variable("MALLOC_ARENA_MAX"), Some("2"));
        assert_eq!(variable("_SELVEDGE_NODE_ID"), Some("127.0.0.3"));
        assert_eq!(variable("GREETING"), Some(r#"it's \"\$HOME\""#));
        assert_eq!(variable("OTHER"), None);
    }

    #[test]
    fn no_secret_setting_is_on_a_workers_command_line_or_among_its_variables() {
        let context = context();
        let told = format!("{:?} {:?}", context.commands, context.environment);
        for secret in ["hunter2", "s3.secret-key", "API_TOKEN"] {
            assert!(!told.contains(secret), "{told}");
        }
    }

    #[test]
    fn a_worker_gets_every_token_but_the_masters_own() {
        let tokens = Credentials::read(&context().tokens.unwrap()).unwrap();
        assert_eq!(tokens.am_rm_token(), None);
        assert!(tokens.token("hdfs").is_some());
        assert_eq!(
            tokens.secret(ApplicationSecret::CREDENTIALS_ALIAS),
            credentials().secret(ApplicationSecret::CREDENTIALS_ALIAS)
        );
    }
}
