//! NodeManagers: their containers and logs.

use serde::de::DeserializeOwned;
use serde_json::Value;
use yarn_common::id::{ApplicationId, ContainerId};

use crate::answer::Answer;
use crate::builder::Base;
use crate::error::RestError;
use crate::http::{Call, Http, Target};
use crate::logs::LogSource;
use crate::model::{AuxiliaryService, ContainerLogFile, NodeApplication, NodeContainer, NodeManagerInfo};
use crate::rm::{BuildError, RmClient};
use crate::transport::Transport;

pub use crate::logs::{LogPart, LogRange, LogReader};

const NODE: &str = "/ws/v1/node";

/// A client of one NodeManager.
#[derive(Debug, Clone)]
pub struct NmClient {
    http: Http,
    target: Target,
}

impl RmClient {
    /// A client for the NodeManager at `http_address`, as reports tell it: `host:8042`, with the scheme of the
    /// ResourceManager, or `http://host:8042`. It has the same identity and time-outs.
    ///
    /// # Errors
    /// [`BuildError::BadUrl`].
    pub fn node_manager(&self, http_address: &str) -> Result<NmClient, BuildError> {
        let base = match http_address.contains("://") {
            true => Base::new(http_address)?,
            false => Base::new(&format!("{}://{http_address}", self.active_url().scheme()))?,
        };
        Ok(NmClient {
            http: self.http(),
            target: base.into(),
        })
    }
}

impl NmClient {
    /// A client for the NodeManager at `url`: `http://host:8042`. Nothing is connected yet.
    ///
    /// # Errors
    /// [`BuildError::BadUrl`] and whatever is wrong with `transport`.
    pub fn new(url: &str, transport: &Transport) -> Result<Self, BuildError> {
        Ok(Self {
            target: Base::new(url)?.into(),
            http: transport.build()?,
        })
    }

    /// The node and its health.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn info(&self) -> Result<NodeManagerInfo, RestError> {
        let call = Call::get("read the state of the NodeManager", format!("{NODE}/info"));
        self.member(&call, "nodeInfo").await
    }

    /// The applications with something on this node.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn applications(&self) -> Result<Vec<NodeApplication>, RestError> {
        let call = Call::get("list the applications of the node", format!("{NODE}/apps"));
        let answer = self.answer(&call).await?;
        answer.list(&call, &self.target.base, "apps", "app")
    }

    /// One application.
    ///
    /// # Errors
    /// [`RestError`]; [`is_not_found`](RestError::is_not_found) where the node does not have it (any more).
    pub async fn application(&self, id: ApplicationId) -> Result<NodeApplication, RestError> {
        let call = Call::get(format!("read the state of {id}"), format!("{NODE}/apps/{id}"));
        self.member(&call, "app").await
    }

    /// One container. A container that ended is gone within seconds.
    ///
    /// # Errors
    /// [`RestError`]; [`is_not_found`](RestError::is_not_found) where the node does not have it (any more).
    pub async fn container(&self, id: ContainerId) -> Result<NodeContainer, RestError> {
        let call = Call::get(format!("read the state of {id}"), format!("{NODE}/containers/{id}"));
        self.member(&call, "container").await
    }

    /// All containers of the node.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn containers(&self) -> Result<Vec<NodeContainer>, RestError> {
        let call = Call::get("list the containers of the node", format!("{NODE}/containers"));
        let answer = self.answer(&call).await?;
        answer.list(&call, &self.target.base, "containers", "container")
    }

    /// The services within the NodeManager that a manifest defines.
    ///
    /// # Errors
    /// [`RestError`]; a `RemoteException` of the class `BadRequestException` where manifests are off
    /// (`yarn.nodemanager.aux-services.manifest.enabled`).
    pub async fn auxiliary_services(&self) -> Result<Vec<AuxiliaryService>, RestError> {
        let call = Call::get(
            "list the auxiliary services of the node",
            format!("{NODE}/auxiliaryservices"),
        );
        let answer = self.answer(&call).await?;
        answer.list(&call, &self.target.base, "services", "service")
    }

    /// What a resource plugin, such as `yarn.io/gpu`, tells of its devices, as it tells it; `{}` for one that is not
    /// there.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn resource(&self, name: &str) -> Result<Value, RestError> {
        let name = name.replace('/', "%2F");
        let call = Call::get(format!("read the resource {name}"), format!("{NODE}/resources/{name}"));
        self.answer(&call).await?.json(&call, &self.target.base)
    }

    /// The log files of a container.
    ///
    /// # Errors
    /// [`RestError`]; [`is_not_found`](RestError::is_not_found) where the node does not have it (any more).
    pub async fn log_files(&self, id: ContainerId) -> Result<Vec<ContainerLogFile>, RestError> {
        self.logs().files(id).await
    }

    /// A part of a log file of a container, as text in memory.
    ///
    /// # Errors
    /// [`RestError`]; [`is_not_found`](RestError::is_not_found) where the node does not have it (any more).
    pub async fn log(&self, id: ContainerId, file: &str, range: LogRange) -> Result<LogPart, RestError> {
        self.logs().open(id, file, range).await?.into_part().await
    }

    /// A part of a log file of a container, as a stream of its bytes.
    ///
    /// # Errors
    /// [`RestError`]; [`is_not_found`](RestError::is_not_found) where the node does not have it (any more).
    pub async fn open_log(&self, id: ContainerId, file: &str, range: LogRange) -> Result<LogReader, RestError> {
        self.logs().open(id, file, range).await
    }

    pub(crate) fn logs(&self) -> LogSource<'_> {
        LogSource {
            http: &self.http,
            target: &self.target,
            files_at: "/ws/v1/node/containers/{}/logs",
            file_at: "/ws/v1/node/containers/{}/logs/",
        }
    }

    async fn answer(&self, call: &Call) -> Result<Answer, RestError> {
        let answer = self.http.send(call, &self.target).await?;
        match self.http.refusal(&answer) {
            Some(kind) => Err(call.error(&self.target.base, kind)),
            None => Ok(answer),
        }
    }

    async fn member<T: DeserializeOwned>(&self, call: &Call, name: &str) -> Result<T, RestError> {
        self.answer(call).await?.member(call, &self.target.base, name)
    }
}
