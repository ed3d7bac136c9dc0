//! Options of the REST endpoint.

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
pub const PORT: ConfigOption<u32> = ConfigOption::new("rest.port", "The port of the REST endpoint, for clients.")
    .with_default("8081")
    .with_deprecated_keys(&["web.port"])
    .not_in_effect();
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

area! {
    "rest", "The REST endpoint and its clients";
    options {
        ADDRESS, BIND_ADDRESS, PORT, BIND_PORT, SERVER_MAX_CONTENT_LENGTH,
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
