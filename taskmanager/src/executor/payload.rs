//! Deployments that travel as blobs.

use std::time::Duration;

use prost::Message;
use selvedge_runtime::blob::{BlobKey, FetchLimits, fetch};
use selvedge_runtime::gateway::grpc::BlobClient;
use selvedge_runtime::gateway::proto::SubmitTasksRequest;
use selvedge_runtime::gateway::{GatewayError, GatewayResult};
use selvedge_runtime::rpc::{ApplicationSecret, RpcChannel};

/// The largest deployment that is fetched: it is held in memory while it is read.
const MAX_BYTES: u64 = 1 << 30;

/// Fetches what was too large for a message.
#[derive(Debug, Clone)]
pub(super) struct Payloads {
    pub(super) secret: ApplicationSecret,
    pub(super) deadline: Duration,
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
        let address = &offloaded.blob_server_address;
        let server = blob_server(address, &self.secret, self.deadline)?;
        let content = fetch(&server, key, size, self.limits).await?;
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

/// The BlobServer at this address.
///
/// # Errors
/// `Rejected` where it is no address.
pub(super) fn blob_server(address: &str, secret: &ApplicationSecret, deadline: Duration) -> GatewayResult<BlobClient> {
    let channel = RpcChannel::control(address, secret, deadline);
    let channel = channel
        .map_err(|error| GatewayError::Rejected(format!("'{address}' is no address of a BlobServer: {error}")))?;
    Ok(BlobClient::new(&channel))
}
