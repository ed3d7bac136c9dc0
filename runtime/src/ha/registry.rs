//! The kinds of services by name: what `high-availability.type` may say.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use selvedge_core::Configuration;
use selvedge_core::config::options::high_availability;

use super::{HaError, HaServices, LeaderComponent, StandaloneHaServices, ZooKeeperHaServices, ZooKeeperSettings};

const NONE: &str = "NONE";
const ZOOKEEPER: &str = "ZOOKEEPER";

/// What services are made with.
#[derive(Debug, Clone, Copy)]
pub struct HaStart<'a> {
    /// All settings.
    pub configuration: &'a Configuration,
    /// Seeds what is drawn at random.
    pub seed: u64,
    /// host:port of the one ResourceManager, as a worker is told it where no other can take over; `None` in a master.
    pub resource_manager: Option<&'a str>,
}

/// Makes the services of one kind.
#[async_trait]
pub trait HaServicesFactory: Send + Sync + fmt::Debug + 'static {
    /// Makes the services of this process.
    async fn create(&self, start: HaStart<'_>) -> Result<Arc<dyn HaServices>, HaError>;
}

/// Factories by name, whatever its case.
#[derive(Debug, Clone)]
pub struct HaServicesRegistry(BTreeMap<String, Arc<dyn HaServicesFactory>>);

impl Default for HaServicesRegistry {
    /// `NONE` and `ZOOKEEPER`.
    fn default() -> Self {
        Self(BTreeMap::new())
            .with(NONE, Arc::new(Standalone))
            .with(ZOOKEEPER, Arc::new(ZooKeeper))
    }
}

impl HaServicesRegistry {
    /// The same with one kind more, or another in place of one.
    #[must_use]
    pub fn with(mut self, name: &str, factory: Arc<dyn HaServicesFactory>) -> Self {
        self.0.insert(name.to_ascii_uppercase(), factory);
        self
    }

    /// Makes the services that `high-availability.type` names.
    ///
    /// # Errors
    /// [`HaError`]: the name is unknown, a setting is missing or wrong, or who keeps the election cannot be reached.
    pub async fn create(&self, start: HaStart<'_>) -> Result<Arc<dyn HaServices>, HaError> {
        let name = start.configuration.get(&high_availability::TYPE)?;
        let factory = self.0.get(&name.trim().to_ascii_uppercase());
        let unknown = || HaError::UnknownType {
            known: self.0.keys().cloned().collect::<Vec<_>>().join(", "),
            name,
        };
        factory.ok_or_else(unknown)?.create(start).await
    }
}

#[derive(Debug)]
struct Standalone;

#[async_trait]
impl HaServicesFactory for Standalone {
    async fn create(&self, start: HaStart<'_>) -> Result<Arc<dyn HaServices>, HaError> {
        Ok(Arc::new(match start.resource_manager {
            Some(address) => StandaloneHaServices::at([(LeaderComponent::ResourceManager, address.to_owned())]),
            None => StandaloneHaServices::leading(start.seed),
        }))
    }
}

#[derive(Debug)]
struct ZooKeeper;

#[async_trait]
impl HaServicesFactory for ZooKeeper {
    async fn create(&self, start: HaStart<'_>) -> Result<Arc<dyn HaServices>, HaError> {
        let settings = ZooKeeperSettings::read(start.configuration)?;
        Ok(Arc::new(ZooKeeperHaServices::connect(settings, start.seed).await?))
    }
}
