//! Options of the REST endpoint.

use std::time::Duration;

use super::super::ConfigOption;

/// The name under which clients reach it.
pub const ADDRESS: ConfigOption<String> =
    ConfigOption::new("rest.address", "The host under which clients reach the REST endpoint.")
        .with_fallback_keys(&["jobmanager.rpc.address"]);
/// The address that it binds to.
pub const BIND_ADDRESS: ConfigOption<String> =
    ConfigOption::new("rest.bind-address", "The address that the REST endpoint binds to.")
        .with_fallback_keys(&["web.address"])
        .with_deprecated_keys(&["jobmanager.web.address"]);
/// Its port, for clients.
pub const PORT: ConfigOption<String> = ConfigOption::new(
    "rest.port",
    "The port of the REST endpoint, for clients; a master that is started by hand binds it where rest.bind-port is 0.",
)
.with_default("8081")
.with_deprecated_keys(&["web.port"]);
/// The ports that it tries.
pub const BIND_PORT: ConfigOption<String> = ConfigOption::new(
    "rest.bind-port",
    "The port, list or range of ports that the REST endpoint tries to bind.",
)
.with_default("0");
/// The largest request.
pub const SERVER_MAX_CONTENT_LENGTH: ConfigOption<u64> = ConfigOption::new(
    "rest.server.max-content-length",
    "The largest request that the REST endpoint takes.",
)
.with_default("104857600")
.with_unit("bytes")
.at_least("1");
/// Whether processes can be profiled.
pub const PROFILING_ENABLED: ConfigOption<bool> = ConfigOption::new(
    "rest.profiling.enabled",
    "Whether the REST endpoint has paths that sample where the master or a worker spends its CPU time.",
)
.with_default("false");
/// The longest profile.
pub const PROFILING_DURATION_MAX: ConfigOption<Duration> = ConfigOption::new(
    "rest.profiling.duration-max",
    "How long a process is sampled at the most for one profile.",
)
.with_default("5 min")
.at_least("1 s");
/// How many profiles are kept.
pub const PROFILING_HISTORY_SIZE: ConfigOption<u32> = ConfigOption::new(
    "rest.profiling.history-size",
    "How many profiles of a process are kept; the files of older ones are deleted.",
)
.with_default("10")
.at_least("1");
/// Where profiles are.
pub const PROFILING_DIR: ConfigOption<String> = ConfigOption::new(
    "rest.profiling.dir",
    "The directory in which each process keeps its profiles, on its own node.",
)
.with_default("/tmp");

area! {
    "rest", "The REST endpoint and its clients";
    options {
        ADDRESS, BIND_ADDRESS, PORT, BIND_PORT, SERVER_MAX_CONTENT_LENGTH, PROFILING_ENABLED,
        PROFILING_DURATION_MAX, PROFILING_HISTORY_SIZE, PROFILING_DIR,
    }
    not yet {
        /// How long the result of an asynchronous operation is kept.
        "rest.async.store-duration": Duration = "5 min";
        /// How long a client waits for a leader.
        "rest.await-leader-timeout": Duration = "30 s";
        /// How many checkpoints' statistics are kept for requests.
        "rest.cache.checkpoint-statistics.size": Integer = "1000";
        /// How long they are kept.
        "rest.cache.checkpoint-statistics.timeout": Duration = "3 s" or "web.refresh-interval";
        /// The largest answer that a client takes.
        "rest.client.max-content-length": Integer = "104857600" in "bytes";
        /// How long connecting may take.
        "rest.connection-timeout": Duration = "15 s";
        /// After how long without use a connection is closed.
        "rest.idleness-timeout": Duration = "5 min";
        /// The path before all others, for a client behind a proxy.
        "rest.path": Text = "";
        /// The pause before a client tries again.
        "rest.retry.delay": Duration = "3 s";
        /// How often a client tries.
        "rest.retry.max-attempts": Integer = "20";
        /// Threads of the REST endpoint.
        "rest.server.numThreads": Integer = "4";
        /// What the endpoint's URLs begin with.
        "rest.url-prefix": Text = "/";
    }
}
