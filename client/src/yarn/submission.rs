//! What is submitted: the master's container with its files, environment, command and secret.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand::Rng;
use selvedge_core::Configuration;
use selvedge_core::config::options::{high_availability, yarn};
use selvedge_runtime::deployment::{
    BINARY_NAME, DIST_DIRECTORY, MasterEnvironment, ShippedFile, dynamic_properties, open_variables, quoted,
};
use selvedge_runtime::rpc::ApplicationSecret;
use yarn_common::launch::{ApplicationAccess, ContainerLaunchContext, redirect_to_log_dir};
use yarn_common::resource::Priority;
use yarn_common::submission::{ApplicationSubmissionContext, LogAggregationContext};
use yarn_common::token::Credentials;

use super::YarnError;
use super::checks::Request;

/// YARN cuts longer types.
const LONGEST_TYPE: usize = 20;

/// The application as it is submitted. `master_only` are files that only the master needs.
pub(super) fn application(
    configuration: &Configuration,
    environment: &MasterEnvironment,
    master_only: &[ShippedFile],
    request: &Request,
    secret: &ApplicationSecret,
    default_name: &str,
) -> Result<ApplicationSubmissionContext, YarnError> {
    let name = configuration
        .find(&yarn::APPLICATION_NAME)?
        .unwrap_or_else(|| default_name.to_owned());
    let command = master_command(&request.master_properties)?;
    let container = master_container(configuration, environment, master_only, secret, command)?;
    let resource = request.master.clone();
    let mut application = ApplicationSubmissionContext::new(environment.application_id, name, resource, container);
    application.application_type = configuration
        .get(&yarn::APPLICATION_TYPE)?
        .chars()
        .take(LONGEST_TYPE)
        .collect();
    application.tags = tags(configuration)?;
    application.log_aggregation = rolled_logs(configuration)?;
    application.queue = configuration.find(&yarn::APPLICATION_QUEUE)?;
    application.node_label = configuration.find(&yarn::APPLICATION_NODE_LABEL)?;
    let priority = configuration.get(&yarn::APPLICATION_PRIORITY)?;
    application.priority = (priority >= 0).then_some(Priority(priority));
    let attempts = configuration.find(&yarn::APPLICATION_ATTEMPTS)?;
    if high_availability::is_enabled(configuration)? {
        // Not set is YARN's own default.
        application.max_app_attempts = attempts;
        let interval = configuration.get(&yarn::APPLICATION_ATTEMPT_FAILURES_VALIDITY_INTERVAL)?;
        // The next master finds the workers of the one before, and they find it.
        application.keep_containers_across_application_attempts = true;
        application.attempt_failures_validity_interval = u64::try_from(interval).ok().map(Duration::from_millis);
    } else {
        // A second master could not know what the first one did.
        application.max_app_attempts = Some(attempts.unwrap_or(1));
    }
    Ok(application)
}

fn master_container(
    configuration: &Configuration,
    environment: &MasterEnvironment,
    master_only: &[ShippedFile],
    secret: &ApplicationSecret,
    command: String,
) -> Result<ContainerLaunchContext, YarnError> {
    let mut local_resources = environment.worker_resources()?;
    for file in master_only {
        local_resources.insert(file.key.clone(), file.to_local_resource()?);
    }
    let mut variables = environment.to_env();
    variables.extend(open_variables(configuration, yarn::MASTER_ENV_PREFIX));
    let mut credentials = Credentials::new();
    credentials.add_secret(ApplicationSecret::CREDENTIALS_ALIAS, secret.expose_bytes().to_vec());
    Ok(ContainerLaunchContext {
        local_resources,
        environment: quoted(variables)?,
        commands: vec![command],
        tokens: Some(credentials.to_bytes()),
        acls: acls(configuration)?,
        ..Default::default()
    })
}

/// All other settings are in the file that goes along: a command line is for everybody on the node to see.
fn master_command(properties: &[(String, String)]) -> Result<String, YarnError> {
    let mut command = format!("./{DIST_DIRECTORY}/{BINARY_NAME} appmaster");
    for argument in dynamic_properties(properties.iter().map(|(key, value)| (key.as_str(), value.as_str())))? {
        command.push(' ');
        command.push_str(&argument);
    }
    Ok(redirect_to_log_dir(&command, "jobmanager.out", "jobmanager.err"))
}

/// A secret of the operating system's randomness.
pub(super) fn new_secret(rng: &mut impl Rng) -> ApplicationSecret {
    ApplicationSecret::random(rng)
}

fn tags(configuration: &Configuration) -> Result<BTreeSet<String>, YarnError> {
    let text = configuration.get(&yarn::TAGS)?;
    let tags = text.split(',').map(str::trim).filter(|tag| !tag.is_empty());
    Ok(tags.map(str::to_owned).collect())
}

fn rolled_logs(configuration: &Configuration) -> Result<Option<LogAggregationContext>, YarnError> {
    let include = configuration.find(&yarn::ROLLED_LOGS_INCLUDE_PATTERN)?;
    let exclude = configuration.find(&yarn::ROLLED_LOGS_EXCLUDE_PATTERN)?;
    if include.is_none() && exclude.is_none() {
        return Ok(None);
    }
    Ok(Some(LogAggregationContext {
        rolled_logs_include_pattern: include,
        // Hadoop leaves out all where nothing is said.
        rolled_logs_exclude_pattern: Some(exclude.unwrap_or_default()),
        ..LogAggregationContext::default()
    }))
}

fn acls(configuration: &Configuration) -> Result<BTreeMap<ApplicationAccess, String>, YarnError> {
    let wished = [
        (ApplicationAccess::View, configuration.find(&yarn::VIEW_ACLS)?),
        (ApplicationAccess::Modify, configuration.find(&yarn::MODIFY_ACLS)?),
    ];
    Ok(wished
        .into_iter()
        .filter_map(|(access, acl)| Some((access, acl?)))
        .collect())
}

#[cfg(test)]
mod tests {
    use selvedge_core::JobId;
    use selvedge_runtime::deployment::{CONFIG_FILE, HADOOP_SITE_FILE, JOB_GRAPH_FILE, MasterRole, Visibility};
    use yarn_common::id::ApplicationId;
    use yarn_common::launch::LocalResourceType;
    use yarn_common::resource::Resource;

    use super::*;

    fn file(key: &str, archive: bool) -> ShippedFile {
        ShippedFile {
            key: key.to_owned(),
            url: format!("hdfs://nn:8020/user/a/{key}"),
            size: 7,
            modification_time: 9,
            archive,
            visibility: Visibility::Application,
        }
    }

    fn submitted(settings: &[(&str, &str)]) -> ApplicationSubmissionContext {
        let environment = MasterEnvironment {
            application_id: ApplicationId::new(1, 7),
            role: MasterRole::PerJob(JobId::from_bytes([1; 16])),
            staging_directory: "hdfs://nn:8020/user/a/.selvedge/application_1_0007".to_owned(),
            dist: file(DIST_DIRECTORY, true),
            shipped: vec![file(CONFIG_FILE, false), file(HADOOP_SITE_FILE, false)],
            client_home: "hdfs://nn:8020/user/a".to_owned(),
            user: "a".to_owned(),
        };
        let configuration = settings.iter().copied().collect();
        let secret = ApplicationSecret::from_bytes(&[7; 32]).unwrap();
        let job = [file(JOB_GRAPH_FILE, false)];
        let request = Request {
            master: Resource::new(1024, 1),
            worker: Resource::new(1024, 1),
            workers: 1,
            master_properties: vec![("jobmanager.memory.heap.size".to_owned(), "469762048b".to_owned())],
            queue: None,
            ignored: Vec::new(),
            external_names: BTreeMap::new(),
            labels: Vec::new(),
        };
        application(&configuration, &environment, &job, &request, &secret, "wordcount").unwrap()
    }

    #[test]
    fn the_master_gets_its_files_command_and_secret() {
        let container = submitted(&[]).am_container;
        let keys: Vec<_> = container.local_resources.keys().map(String::as_str).collect();
        assert_eq!(keys, [CONFIG_FILE, HADOOP_SITE_FILE, JOB_GRAPH_FILE, DIST_DIRECTORY]);
        assert_eq!(
            container.local_resources[DIST_DIRECTORY].kind,
            LocalResourceType::Archive
        );
        assert_eq!(
            container.commands,
            [
                "./selvedge-dist/selvedge appmaster '-Djobmanager.memory.heap.size=469762048b' \
              1><LOG_DIR>/jobmanager.out 2><LOG_DIR>/jobmanager.err"
            ]
        );
        assert_eq!(container.environment["MALLOC_ARENA_MAX"], "2");
        assert_eq!(container.environment["HADOOP_USER_NAME"], "a");
        let credentials = Credentials::read(&container.tokens.unwrap()).unwrap();
        let secret = credentials.secret(ApplicationSecret::CREDENTIALS_ALIAS).unwrap();
        assert_eq!(&secret[..], [7; 32]);
    }

    #[test]
    fn no_secret_setting_is_on_the_masters_command_line_or_among_its_variables() {
        let container = submitted(&[
            ("s3.secret-key", "hunter2"),
            ("containerized.master.env.API_TOKEN", "hunter2"),
            ("containerized.taskmanager.env.API_TOKEN", "hunter2"),
        ])
        .am_container;
        let told = format!("{:?} {:?}", container.commands, container.environment);
        for secret in ["hunter2", "s3.secret-key", "API_TOKEN"] {
            assert!(!told.contains(secret), "{told}");
        }
    }

    #[test]
    fn the_application_is_named_after_its_job_and_attempted_once() {
        let application = submitted(&[]);
        assert_eq!(application.name, "wordcount");
        assert_eq!(application.application_type, "Selvedge");
        assert_eq!((application.max_app_attempts, application.priority), (Some(1), None));
        assert!(!application.keep_containers_across_application_attempts);
        assert!(!application.unmanaged_am);
        assert_eq!(application.log_aggregation, None);
    }

    #[test]
    fn with_high_availability_yarn_may_start_the_master_again() {
        let zookeeper = ("high-availability.type", "zookeeper");
        let application = submitted(&[zookeeper]);
        assert_eq!(application.max_app_attempts, None, "YARN's own default");
        assert!(application.keep_containers_across_application_attempts);
        assert_eq!(
            application.attempt_failures_validity_interval,
            Some(Duration::from_secs(10))
        );
        let forever = ("yarn.application-attempt-failures-validity-interval", "-1");
        let application = submitted(&[zookeeper, forever, ("yarn.application-attempts", "5")]);
        assert_eq!(application.max_app_attempts, Some(5));
        assert_eq!(application.attempt_failures_validity_interval, None);
    }

    #[test]
    fn settings_of_the_application_are_taken_over() {
        let application = submitted(&[
            ("yarn.application.name", "wc"),
            ("yarn.application.queue", "low"),
            ("yarn.application.priority", "3"),
            ("yarn.tags", "a, b,"),
            ("yarn.view.acls", "bob"),
            ("containerized.master.env.TZ", "UTC $x"),
            ("yarn.rolled-logs.include-pattern", "jobmanager.*"),
        ]);
        let logs = application.log_aggregation.unwrap();
        assert_eq!(logs.rolled_logs_include_pattern.as_deref(), Some("jobmanager.*"));
        assert_eq!(
            logs.rolled_logs_exclude_pattern.as_deref(),
            Some(""),
            "Hadoop's own default leaves out all"
        );
        assert_eq!(application.name, "wc");
        assert_eq!(application.queue.as_deref(), Some("low"));
        assert_eq!(application.priority, Some(Priority(3)));
        assert_eq!(application.tags, ["a", "b"].map(str::to_owned).into());
        assert_eq!(application.am_container.acls[&ApplicationAccess::View], "bob");
        assert_eq!(application.am_container.environment["TZ"], "UTC \\$x");
    }
}
