//! Options of artifacts on their way to workers.

area! {
    "blob", "Artifacts on their way to workers";
    not yet {
        /// The port, list or range of ports of the BLOB server.
        "blob.server.port": Text = "0";
        /// Where BLOBs are kept on disk.
        "blob.storage.directory": Text;
        /// How long BLOBs of ended jobs are kept.
        "blob.service.cleanup.interval": Integer = "3600" in "seconds"
            formerly "library-cache-manager.cleanup.interval";
        /// Whether BLOBs are encrypted where internal encryption is on.
        "blob.service.ssl.enabled": Boolean = "true";
        /// How many fetches may wait.
        "blob.fetch.backlog": Integer = "1000";
        /// How many fetches run at once.
        "blob.fetch.num-concurrent": Integer = "50";
        /// How often a fetch is tried again.
        "blob.fetch.retries": Integer = "5";
        /// From which size on messages travel as BLOBs.
        "blob.offload.minsize": Integer = "1048576" in "bytes";
        /// How long connecting may take; 0 is for ever.
        "blob.client.connect.timeout": Integer = "0" in "ms";
        /// How long an answer may take.
        "blob.client.socket.timeout": Integer = "300000" in "ms";
    }
}
