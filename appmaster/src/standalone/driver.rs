//! Workers that come by themselves.

use async_trait::async_trait;
use selvedge_core::ResourceId;
use selvedge_core::status::ApplicationStatus;

use crate::resourcemanager::{DriverError, DriverStart, ResourceManagerDriver, WorkerSpec};

/// Nothing can be asked for: who starts workers is outside.
#[derive(Debug)]
pub(super) struct StandaloneDriver;

#[async_trait]
impl ResourceManagerDriver for StandaloneDriver {
    async fn initialize(&self, _start: DriverStart) -> Result<(), DriverError> {
        Ok(())
    }

    async fn request_worker(&self, _spec: WorkerSpec) -> Result<(), DriverError> {
        Err(DriverError(
            "workers of a standalone cluster are started by hand".to_owned(),
        ))
    }

    async fn cancel_requests(&self, _count: u32) -> u32 {
        0
    }

    async fn release_worker(&self, _resource_id: &ResourceId) {}

    async fn deregister(&self, _status: ApplicationStatus, _diagnostics: &str) -> Result<(), DriverError> {
        Ok(())
    }

    fn is_active(&self) -> bool {
        false
    }
}
