//! Workers that somebody else starts: the driver of a standalone cluster. None can be asked for; those that register are all
//! there are, and none is released. Until `resourcemanager.standalone.start-up-time` has passed, jobs wait for them; after it,
//! a job that needs more slots than there are fails.

use async_trait::async_trait;
use selvedge_core::ResourceId;
use selvedge_core::status::ApplicationStatus;

use super::driver::{DriverError, DriverStart, ResourceManagerDriver, WorkerSpec};

/// Starts no workers.
#[derive(Debug, Clone, Copy, Default)]
pub struct StandaloneDriver;

#[async_trait]
impl ResourceManagerDriver for StandaloneDriver {
    async fn initialize(&self, start: DriverStart) -> Result<(), DriverError> {
        tracing::info!("workers are expected at {}", start.resource_manager_address);
        Ok(())
    }

    async fn request_worker(&self, _spec: WorkerSpec) -> Result<(), DriverError> {
        Err(DriverError(
            "a standalone cluster starts no workers by itself".to_owned(),
        ))
    }

    async fn cancel_requests(&self, _spec: WorkerSpec, _count: u32) -> u32 {
        0
    }

    async fn release_worker(&self, resource_id: &ResourceId) {
        tracing::debug!("worker {resource_id} is left to those who started it");
    }

    async fn deregister(&self, status: ApplicationStatus, diagnostics: &str) -> Result<(), DriverError> {
        tracing::info!("the cluster ends: {status:?} {diagnostics}");
        Ok(())
    }

    fn is_active(&self) -> bool {
        false
    }
}
