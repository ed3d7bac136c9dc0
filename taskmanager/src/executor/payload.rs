//! Deployments that travel as blobs.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use prost::Message;
use selvedge_runtime::blob::{BlobKey, FetchLimits, NamedBlob, fetch};
use selvedge_runtime::gateway::grpc::BlobClient;
use selvedge_runtime::gateway::proto::{JobArtifact, SubmitTasksRequest};
use selvedge_runtime::gateway::{GatewayError, GatewayResult};
use selvedge_runtime::rpc::{ApplicationSecret, RpcChannel};

/// The largest deployment that is fetched: it is held in memory while it is read.
const MAX_BYTES: u64 = 1 << 30;

/// The BlobServer of the master at which the worker registered last; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct BlobServerLink {
    secret: ApplicationSecret,
    deadline: Duration,
    known: Arc<Mutex<Option<BlobClient>>>,
}

impl BlobServerLink {
    /// That of a worker that has not registered yet.
    pub(super) fn new(secret: ApplicationSecret, deadline: Duration) -> Self {
        let known = Arc::default();
        Self {
            secret,
            deadline,
            known,
        }
    }

    /// From now on it is this one.
    ///
    /// # Errors
    /// `Rejected` where that is no address; the worker knows none then.
    pub(super) fn set(&self, address: &str) -> GatewayResult<()> {
        let channel = RpcChannel::control(address, &self.secret, self.deadline)
            .map_err(|error| GatewayError::Rejected(format!("'{address}' is no address of a BlobServer: {error}")));
        let (client, result) = match channel {
            Ok(channel) => (Some(BlobClient::new(&channel)), Ok(())),
            Err(error) => (None, Err(error)),
        };
        *self.known.lock() = client;
        result
    }

    /// The server; it connects when it is first used.
    ///
    /// # Errors
    /// `Busy` where the worker has not been told of one.
    pub(super) fn server(&self) -> GatewayResult<BlobClient> {
        let unknown = || GatewayError::Busy("the worker has not been told where the BlobServer is".to_owned());
        self.known.lock().clone().ok_or_else(unknown)
    }
}

/// Fetches what was too large for a message.
#[derive(Debug, Clone)]
pub(super) struct Payloads {
    pub(super) blobs: BlobServerLink,
    pub(super) limits: FetchLimits,
}

impl Payloads {
    /// The request as its caller made it.
    pub(super) async fn whole(&self, request: SubmitTasksRequest) -> GatewayResult<SubmitTasksRequest> {
        let Some(offloaded) = &request.offloaded else {
            return Ok(request);
        };
        let (key, size) = (BlobKey::from_wire(&offloaded.sha256)?, offloaded.size);
        if size > MAX_BYTES {
            let message = format!("a deployment of {size} bytes, the limit is {MAX_BYTES} bytes");
            return Err(GatewayError::TooLarge(message));
        }
        let content = fetch(&self.blobs.server()?, key, size, self.limits).await?;
        let whole = SubmitTasksRequest::decode(content);
        let whole = whole.map_err(|error| GatewayError::Rejected(format!("blob {key} is no deployment: {error}")))?;
        let of_same_job = (&whole.job_id, &whole.job_master_id) == (&request.job_id, &request.job_master_id);
        if !of_same_job || whole.offloaded.is_some() {
            return Err(GatewayError::Rejected(format!(
                "blob {key} is not the deployment of this job"
            )));
        }
        Ok(whole)
    }
}

/// What a job brings along, as a call names it.
///
/// # Errors
/// `Rejected` where one has no plain file name, or no hash.
pub(super) fn named_blobs(artifacts: Vec<JobArtifact>) -> GatewayResult<Vec<NamedBlob>> {
    let read = |artifact: JobArtifact| {
        let name = artifact.name;
        // It becomes a file of this name: it must not lead elsewhere.
        if name.is_empty() || name.contains(['/', '\0']) || name == "." || name == ".." {
            return Err(GatewayError::Rejected(format!("'{name}' is no name of an artifact")));
        }
        let (key, size) = (BlobKey::from_wire(&artifact.sha256)?, artifact.size);
        Ok(NamedBlob { name, key, size })
    };
    artifacts.into_iter().map(read).collect()
}
