//! What is left of containers that have ended: the Application History Server (timeline) and the MapReduce JobHistory
//! server, which serves the logs of all applications.

use serde_json::{Value, json};
use yarn_common::conf::{ConfError, HadoopConfiguration};
use yarn_common::id::{ApplicationAttemptId, ContainerId};

use crate::answer::Answer;
use crate::builder::{Base, BuildError};
use crate::error::RestError;
use crate::http::{Call, Http, Target};
use crate::lenient;
use crate::logs::{LogPart, LogRange, LogReader, LogSource};
use crate::model::{Container, ContainerLogFile};
use crate::transport::Transport;

/// Where the logs of ended containers are served, with the path: `http://history:19888/ws/v1/history`.
const LOG_SERVER: &str = "yarn.log.server.web-service.url";
const TIMELINE_ENABLED: &str = "yarn.timeline-service.enabled";
const GENERIC_HISTORY_ENABLED: &str = "yarn.timeline-service.generic-application-history.enabled";
const TIMELINE_ADDRESS: &str = "yarn.timeline-service.webapp.address";
const TIMELINE_HTTPS_ADDRESS: &str = "yarn.timeline-service.webapp.https.address";

/// A client of a history server.
#[derive(Debug, Clone)]
pub struct HistoryClient {
    http: Http,
    target: Target,
}

impl HistoryClient {
    /// A client for the server at `url`, its path included: `http://timeline:8188/ws/v1/applicationhistory` or
    /// `http://history:19888/ws/v1/history`. Nothing is connected yet.
    ///
    /// # Errors
    /// [`BuildError::BadUrl`] and whatever is wrong with `transport`.
    pub fn new(url: &str, transport: &Transport) -> Result<Self, BuildError> {
        Ok(Self {
            target: Base::new(url)?.into(),
            http: transport.build()?,
        })
    }

    /// The server that `configuration` names: `yarn.log.server.web-service.url`, else the timeline server if it keeps
    /// the history of applications; `None` where it names none.
    ///
    /// # Errors
    /// [`BuildError::Configuration`], [`BuildError::BadUrl`] and whatever is wrong with `transport`.
    pub fn from_configuration(
        configuration: &HadoopConfiguration,
        transport: &Transport,
    ) -> Result<Option<Self>, BuildError> {
        let Some((url, key)) = address(configuration)? else {
            return Ok(None);
        };
        let mut client = Self::new(&url, transport)?;
        let source = configuration.property(key).map(|property| property.source().to_owned());
        client.target.origin = source.map(|source| format!("{key} in {source}"));
        Ok(Some(client))
    }

    /// The report of a container that has ended. The JobHistory server has none.
    ///
    /// # Errors
    /// [`RestError`]; [`is_not_found`](RestError::is_not_found) where the server does not have it.
    pub async fn container(&self, id: ContainerId) -> Result<Container, RestError> {
        let attempt = id.attempt();
        let path = format!("/apps/{}/appattempts/{attempt}/containers/{id}", attempt.application());
        let call = Call::get(format!("read the history of {id}"), path);
        let answer = self.ask(&call).await?;
        answer.json(&call, &self.target.base)
    }

    /// The reports of all containers of an attempt, those that have ended, too. The JobHistory server has none.
    ///
    /// `{"container":[{"containerId":"container_…","containerExitStatus":-105,"containerState":"COMPLETE",…}]}`
    ///
    /// # Errors
    /// [`RestError`]; [`is_not_found`](RestError::is_not_found) where the server does not have it.
    pub async fn containers(&self, attempt: ApplicationAttemptId) -> Result<Vec<Container>, RestError> {
        let path = format!("/apps/{}/appattempts/{attempt}/containers", attempt.application());
        let call = Call::get(format!("read the history of the containers of {attempt}"), path);
        let answer = self.ask(&call).await?;
        let body: Value = answer.json(&call, &self.target.base)?;
        lenient::items_of(json!({ "containers": body }), "containers", "container")
            .map_err(|reason| answer.undecodable(&call, &self.target.base, reason))
    }

    async fn ask(&self, call: &Call) -> Result<Answer, RestError> {
        let answer = self.http.send(call, &self.target).await?;
        match self.http.refusal(&answer) {
            Some(kind) => Err(call.error(&self.target.base, kind)),
            None => Ok(answer),
        }
    }

    /// The log files of a container, which are there once they are gathered.
    ///
    /// # Errors
    /// [`RestError`]; [`is_not_found`](RestError::is_not_found) where the server does not have them (yet).
    pub async fn log_files(&self, id: ContainerId) -> Result<Vec<ContainerLogFile>, RestError> {
        self.logs().files(id).await
    }

    /// A part of a log file, as text in memory.
    ///
    /// # Errors
    /// [`RestError`]; [`is_not_found`](RestError::is_not_found) where the server does not have it (yet).
    pub async fn log(&self, id: ContainerId, file: &str, range: LogRange) -> Result<LogPart, RestError> {
        self.logs().open(id, file, range).await?.into_part().await
    }

    /// A part of a log file, as a stream of its bytes.
    ///
    /// # Errors
    /// [`RestError`]; [`is_not_found`](RestError::is_not_found) where the server does not have it (yet).
    pub async fn open_log(&self, id: ContainerId, file: &str, range: LogRange) -> Result<LogReader, RestError> {
        self.logs().open(id, file, range).await
    }

    fn logs(&self) -> LogSource<'_> {
        LogSource {
            http: &self.http,
            target: &self.target,
            files_at: "/containers/{}/logs",
            file_at: "/containerlogs/{}/",
        }
    }
}

fn address(configuration: &HadoopConfiguration) -> Result<Option<(String, &'static str)>, ConfError> {
    let set = |key: &str| Ok::<_, ConfError>(configuration.get(key)?.filter(|value| !value.is_empty()));
    if let Some(url) = set(LOG_SERVER)? {
        return Ok(Some((url, LOG_SERVER)));
    }
    let is_on = |key: &str| Ok::<_, ConfError>(set(key)?.is_some_and(|value| value.eq_ignore_ascii_case("true")));
    if !is_on(TIMELINE_ENABLED)? || !is_on(GENERIC_HISTORY_ENABLED)? {
        return Ok(None);
    }
    let (scheme, key) = match configuration.yarn_uses_https()? {
        true => ("https", TIMELINE_HTTPS_ADDRESS),
        false => ("http", TIMELINE_ADDRESS),
    };
    Ok(set(key)?.map(|address| (format!("{scheme}://{address}/ws/v1/applicationhistory"), key)))
}
