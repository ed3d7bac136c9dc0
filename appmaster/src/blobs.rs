//! The master's BlobServer: what is too large for messages to workers, and what jobs bring along.

use std::path::PathBuf;
use std::sync::Arc;

use selvedge_core::config::options::blob;
use selvedge_runtime::blob::{BlobServer, BlobStore, FetchTurns};
use selvedge_runtime::gateway::grpc::serve_blobs;
use selvedge_runtime::rpc::{self, PortRange, RpcServer};
use selvedge_runtime::working_directory::WorkingDirectory;
use tokio::task::JoinHandle;
use tonic::service::Routes;

use crate::entrypoint::{ClusterConfig, StartError};
use crate::offload::Offload;

/// A server on a task of its own, which ends with this, as do its blobs.
pub(crate) struct Blobs {
    pub(crate) offload: Offload,
    task: JoinHandle<()>,
}

impl Drop for Blobs {
    fn drop(&mut self) {
        self.task.abort();
        // Connections to workers may refer to it until the process ends.
        self.offload.store.delete();
    }
}

impl Blobs {
    /// Serves an empty store, in the process's own directory where no other is named.
    pub(crate) async fn start(config: &ClusterConfig, directory: &WorkingDirectory) -> Result<Self, StartError> {
        let settings = &config.configuration;
        let ports = PortRange::read(settings, &blob::SERVER_PORT)?;
        let listener = rpc::bind(&config.bind_host, &ports).await?;
        let server = RpcServer::new(listener).map_err(StartError::Listener)?;
        let address = format!("{}:{}", config.host, server.address().port());
        let directory = match settings.find(&blob::STORAGE_DIRECTORY)? {
            Some(directory) => PathBuf::from(directory),
            None => directory.blob_storage(),
        };
        let store = BlobStore::create(&directory)?;
        let turns = FetchTurns {
            at_once: settings.get(&blob::FETCH_NUM_CONCURRENT)? as usize,
            waiting: settings.get(&blob::FETCH_BACKLOG)? as usize,
        };
        let blobs = Arc::new(BlobServer::new(store.clone(), turns));
        let routes = Routes::new(serve_blobs(blobs, &config.secret));
        let task = tokio::spawn(async move {
            if let Err(error) = server.serve(routes, std::future::pending()).await {
                // Deployments that need it fail, and say so.
                tracing::error!("the BlobServer ended: {}", selvedge_runtime::connector::report(&error));
            }
        });
        let min_size = settings.get(&blob::OFFLOAD_MINSIZE)? as usize;
        let offload = Offload {
            store,
            address,
            min_size,
        };
        Ok(Self { offload, task })
    }
}
