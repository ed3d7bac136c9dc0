//! The settings of simulated clusters: short time-outs, so that a seed is cheap.

use std::collections::BTreeMap;

use selvedge_core::Configuration;
use selvedge_core::config::shipped;
use selvedge_runtime::container::Container;
use selvedge_runtime::deployment::{DIST_DIRECTORY, MasterEnvironment, MasterRole, ShippedFile, Visibility};
use selvedge_runtime::rpc::ApplicationSecret;
use yarn_common::conf::HadoopConfiguration;
use yarn_common::container_env::ContainerEnvironment;
use yarn_common::environment::Environment;
use yarn_common::resource::Resource;
use yarn_common::token::{Credentials, Token, TokenKind};

use super::files;
use super::yarn::{self, NODE_PORT, RESOURCE_MANAGERS, SCHEDULER_PORT};

/// A worker's memory; a node has room for two.
pub(crate) const WORKER_MEMORY_MB: u64 = 1024;
const USER: &str = "alice";
const SECRET: [u8; 32] = [7; 32];
const PASSWORD: [u8; 20] = [7; 20];

const SETTINGS: [(&str, &str); 15] = [
    ("taskmanager.memory.process.size", "1024m"),
    ("heartbeat.interval", "1 s"),
    ("heartbeat.timeout", "5 s"),
    ("heartbeat.rpc-failure-threshold", "2"),
    ("pekko.ask.timeout", "2 s"),
    ("slot.request.timeout", "20 s"),
    ("resourcemanager.taskmanager-timeout", "4 s"),
    ("resourcemanager.taskmanager-registration.timeout", "15 s"),
    ("taskmanager.registration.timeout", "30 s"),
    ("yarn.heartbeat.interval", "1"),
    ("restart-strategy.type", "fixed-delay"),
    ("restart-strategy.fixed-delay.attempts", "1000"),
    ("restart-strategy.fixed-delay.delay", "500 ms"),
    ("rest.bind-port", "8081"),
    ("jobstore.type", "Memory"),
];

/// Those of a cluster whose master may be followed by another.
const KEPT: [(&str, &str); 2] = [
    ("high-availability.storageDir", files::STORAGE),
    ("jobmanager.archive.fs.dir", files::ARCHIVE),
];

/// Those of a cluster whose streaming jobs the adaptive scheduler runs.
const ADAPTIVE: [(&str, &str); 5] = [
    ("jobmanager.scheduler", "Adaptive"),
    ("jobmanager.adaptive-scheduler.resource-wait-timeout", "1 h"),
    ("jobmanager.adaptive-scheduler.resource-stabilization-timeout", "200 ms"),
    ("jobmanager.adaptive-scheduler.scaling-interval.min", "1 s"),
    (
        "jobmanager.adaptive-scheduler.executing.resource-stabilization-timeout",
        "200 ms",
    ),
];

/// The host of an attempt of the ApplicationMaster.
pub(crate) fn master_host(attempt: u32) -> String {
    format!("am-{attempt}")
}

/// What a node has room for.
pub(crate) fn node_size() -> Resource {
    Resource::new(2 * WORKER_MEMORY_MB, 8)
}

pub(crate) fn secret() -> ApplicationSecret {
    ApplicationSecret::from_bytes(&SECRET).expect("a secret has 32 bytes")
}

/// The settings that the client has shipped.
pub(crate) fn configuration(slots: u32) -> Configuration {
    let mut configuration = shipped();
    for (key, value) in SETTINGS {
        configuration.set_text(key, value);
    }
    configuration.set_text("taskmanager.numberOfTaskSlots", slots.to_string());
    configuration
}

pub(crate) fn am_rm_token() -> Token {
    Token::new(&b"am"[..], PASSWORD.to_vec(), TokenKind::AmRm, "")
}

/// The ApplicationMaster's container as its NodeManager has made it.
pub(crate) fn master_container(slots: u32, attempt: u32, is_kept: bool, is_adaptive: bool) -> Container {
    let environment = variables(attempt);
    let environment = ContainerEnvironment::from_environment(&environment).expect("all variables are there");
    let site = hadoop_site();
    let hadoop = HadoopConfiguration::from_texts([("hadoop-site.xml", site.as_str())], Environment::default());
    let mut credentials = Credentials::new();
    credentials.add_token("", am_rm_token());
    credentials.add_secret(ApplicationSecret::CREDENTIALS_ALIAS, SECRET.to_vec());
    let mut configuration = configuration(slots);
    let kept = KEPT.iter().filter(|_| is_kept);
    for (key, value) in kept.chain(ADAPTIVE.iter().filter(|_| is_adaptive)) {
        configuration.set_text(*key, *value);
    }
    Container {
        environment,
        configuration,
        assignments: Configuration::new(),
        hadoop: hadoop.expect("the text is a Hadoop configuration"),
        hadoop_source: "the simulation".to_owned(),
        credentials,
        secret: secret(),
    }
}

/// Two ResourceManagers, and nodes that are soon given up.
fn hadoop_site() -> String {
    let property =
        |(name, value): (&str, &str)| format!("<property><name>{name}</name><value>{value}</value></property>");
    let addresses = RESOURCE_MANAGERS.map(|host| format!("{host}:{SCHEDULER_PORT}"));
    let properties = [
        ("yarn.resourcemanager.ha.enabled", "true"),
        ("yarn.resourcemanager.ha.rm-ids", "1,2"),
        ("yarn.resourcemanager.scheduler.address.1", &addresses[0]),
        ("yarn.resourcemanager.scheduler.address.2", &addresses[1]),
        ("yarn.client.nodemanager-connect.max-wait-ms", "10000"),
        ("yarn.client.nodemanager-connect.retry-interval-ms", "2000"),
    ];
    format!("<configuration>{}</configuration>", properties.map(property).concat())
}

fn variables(attempt: u32) -> Environment {
    let (container, host) = (yarn::container(attempt, 1).to_string(), master_host(attempt));
    let port = NODE_PORT.to_string();
    let variables = BTreeMap::from([
        ("CONTAINER_ID", container.as_str()),
        ("NM_HOST", &host),
        ("NM_PORT", &port),
        ("NM_HTTP_PORT", "8042"),
        ("USER", USER),
        ("PWD", "/simulated"),
        ("LOCAL_DIRS", "/simulated"),
        ("LOG_DIRS", "/simulated"),
        ("HADOOP_TOKEN_FILE_LOCATION", "/simulated/tokens"),
        ("APPLICATION_WEB_PROXY_BASE", "/proxy/application"),
        ("APP_SUBMIT_TIME_ENV", "1767225600000"),
    ]);
    let owned = variables
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    owned.collect()
}

/// What the client has told the master.
pub(crate) fn master_environment() -> MasterEnvironment {
    MasterEnvironment {
        application_id: yarn::application(),
        role: MasterRole::PerJob(selvedge_core::JobId::from_bytes([1; 16])),
        staging_directory: "hdfs://nn:8020/staging".to_owned(),
        dist: ShippedFile {
            key: DIST_DIRECTORY.to_owned(),
            url: "hdfs://nn:8020/selvedge.tar.gz".to_owned(),
            size: 7,
            modification_time: 1_767_225_600_000,
            archive: true,
            visibility: Visibility::Application,
        },
        shipped: Vec::new(),
        client_home: "hdfs://nn:8020/user/alice".to_owned(),
        user: USER.to_owned(),
    }
}
