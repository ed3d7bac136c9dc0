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
        SERVER_PORT, STORAGE_DIRECTORY, FETCH_NUM_CONCURRENT, FETCH_RETRIES, OFFLOAD_MINSIZE,
    }
    not yet {
        /// How long BLOBs of ended jobs are kept.
        "blob.service.cleanup.interval": Integer = "3600" in "seconds"
            formerly "library-cache-manager.cleanup.interval";
        /// Whether BLOBs are encrypted where internal encryption is on.
        "blob.service.ssl.enabled": Boolean = "true";
        /// How many fetches may wait.
        "blob.fetch.backlog": Integer = "1000";
        /// How long connecting may take; 0 is for ever.
        "blob.client.connect.timeout": Integer = "0" in "ms";
        /// How long an answer may take.
        "blob.client.socket.timeout": Integer = "300000" in "ms";
    }
}
