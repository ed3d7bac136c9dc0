//! Options of artifacts on their way to workers.

use super::super::ConfigOption;

/// The ports of the BlobServer.
pub const SERVER_PORT: ConfigOption<String> = ConfigOption::new(
    "blob.server.port",
    "The port, list or range of ports of the BLOB server.",
)
.with_default("0");
/// Where blobs are kept.
pub const STORAGE_DIRECTORY: ConfigOption<String> = ConfigOption::new(
    "blob.storage.directory",
    "Where BLOBs are kept on disk; where it is not set, in the first usable directory of io.tmp.dirs.",
);
/// How many fetches run at once.
pub const FETCH_NUM_CONCURRENT: ConfigOption<u32> =
    ConfigOption::new("blob.fetch.num-concurrent", "How many fetches run at once.")
        .with_default("50")
        .at_least("1");
/// How often a fetch is tried again.
pub const FETCH_RETRIES: ConfigOption<u32> =
    ConfigOption::new("blob.fetch.retries", "How often a fetch is tried again.").with_default("5");
/// How many fetches may wait.
pub const FETCH_BACKLOG: ConfigOption<u32> = ConfigOption::new(
    "blob.fetch.backlog",
    "How many fetches may wait for their turn; more are told to come again.",
)
.with_default("1000");
/// How long a worker keeps blobs that it does not need.
pub const SERVICE_CLEANUP_INTERVAL: ConfigOption<u32> = ConfigOption::new(
    "blob.service.cleanup.interval",
    "How long a worker keeps the BLOBs of a job that has no task there any more.",
)
.with_default("3600")
.with_unit("seconds")
.with_deprecated_keys(&["library-cache-manager.cleanup.interval"]);
/// How long a fetch may stand still.
pub const CLIENT_SOCKET_TIMEOUT: ConfigOption<u32> = ConfigOption::new(
    "blob.client.socket.timeout",
    "How long a fetch waits for the next piece; 0 is for ever.",
)
.with_default("300000")
.with_unit("ms");
/// From which size on deployments travel as blobs.
pub const OFFLOAD_MINSIZE: ConfigOption<u32> = ConfigOption::new(
    "blob.offload.minsize",
    "From which size on deployments travel as BLOBs.",
)
.with_default("1048576")
.with_unit("bytes");

area! {
    "blob", "Artifacts on their way to workers";
    options {
        SERVER_PORT, STORAGE_DIRECTORY, FETCH_NUM_CONCURRENT, FETCH_BACKLOG, FETCH_RETRIES, CLIENT_SOCKET_TIMEOUT,
        SERVICE_CLEANUP_INTERVAL, OFFLOAD_MINSIZE,
    }
    not yet {
        /// Whether BLOBs are encrypted where internal encryption is on.
        "blob.service.ssl.enabled": Boolean = "true";
        /// How long connecting may take; 0 is for ever.
        "blob.client.connect.timeout": Integer = "0" in "ms";
    }
}
