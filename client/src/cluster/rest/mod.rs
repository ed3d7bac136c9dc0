//! The client of a master's REST endpoint: Flink's paths and JSON.

mod model;
mod route;
mod upload;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;
use selvedge_core::{JobGraph, JobId};
use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;

use super::JobResult;

pub use model::{JobDetails, JobOverview, TaskCounts, VertexDetails, VertexMetrics};
pub use route::ProxyRoute;

use model::{Accumulators, Environment, ExecutionResult, JobsOverview, Setting, Status};
use route::{Answer, Route};

/// A request to a master that failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ClusterClientError {
    /// Nobody answers.
    #[error("the master at {address} does not answer")]
    Unreachable {
        /// Host and port.
        address: String,
        /// What the operating system or the HTTP library says.
        #[source]
        cause: reqwest::Error,
    },
    /// Nobody answers through YARN's proxy.
    #[error("the master does not answer through YARN's web proxy")]
    Proxy(#[source] Box<yarn_rest::error::RestError>),
    /// The master refuses.
    #[error("the master refuses {path} ({status}): {message}")]
    Refused {
        /// What was asked for.
        path: String,
        /// The HTTP status.
        status: u16,
        /// What the master says.
        message: String,
    },
    /// The answer is not Flink's JSON.
    #[error("the master's answer to {path} cannot be understood: {reason}")]
    Undecodable {
        /// What was asked for.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// YARN's proxy passes no such request.
    #[error("{path} cannot be asked through YARN's web proxy, which passes GET only")]
    NotThroughProxy {
        /// What was asked for.
        path: String,
    },
    /// TLS or the like could not be set up.
    #[error("cannot set up the HTTP client")]
    Client(#[source] reqwest::Error),
}

impl ClusterClientError {
    /// Whether nobody answered: the master may be gone, or not there yet.
    pub const fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Proxy(_))
    }

    /// Whether the master does not know the job (yet), or has ended it already.
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }
}

/// A client of one master.
#[derive(Debug, Clone)]
pub struct RestClusterClient {
    route: Route,
}

impl RestClusterClient {
    /// A client of the master at `host:port`.
    ///
    /// # Errors
    /// [`ClusterClientError::Client`].
    pub fn direct(address: &str) -> Result<Self, ClusterClientError> {
        Ok(Self {
            route: Route::direct(address)?,
        })
    }

    /// A client through YARN's web proxy.
    pub const fn proxied(proxy: ProxyRoute) -> Self {
        Self {
            route: Route::Proxied(proxy),
        }
    }

    /// A client of the master at `host:port`, or through the proxy where no connection is made within 3 seconds: then with
    /// the reason.
    ///
    /// # Errors
    /// [`ClusterClientError::Client`].
    pub async fn direct_or_proxied(
        address: &str,
        proxy: ProxyRoute,
    ) -> Result<(Self, Option<ClusterClientError>), ClusterClientError> {
        let direct = Self::direct(address)?;
        let reached = direct.route.send(Method::GET, "/config", None).await;
        Ok(match reached {
            Err(error) if error.is_unreachable() => (Self::proxied(proxy), Some(error)),
            _ => (direct, None),
        })
    }

    /// `host:port` of the master, where it is asked directly.
    pub fn address(&self) -> Option<String> {
        match &self.route {
            Route::Direct { address, .. } => Some(address.read().clone()),
            Route::Proxied(_) => None,
        }
    }

    /// From now on the master is asked at this address, by all clones of this client: another attempt of its application
    /// has taken over. YARN's proxy knows by itself.
    pub(crate) fn point_to(&self, new: &str) {
        if let Route::Direct { address, .. } = &self.route
            && *address.read() != new
        {
            tracing::info!(address = new, "the master has moved");
            new.clone_into(&mut address.write());
        }
    }

    /// Whether requests go through YARN's web proxy.
    pub const fn is_proxied(&self) -> bool {
        matches!(self.route, Route::Proxied(_))
    }

    /// States, times and figures of a job and its vertices.
    ///
    /// # Errors
    /// [`ClusterClientError`].
    pub async fn job(&self, job: JobId) -> Result<JobDetails, ClusterClientError> {
        self.get(&format!("/jobs/{job}")).await
    }

    /// The status of a job when it has ended, or after `longest`, which should be below 30 s. A master that does not know how to
    /// wait answers at once.
    ///
    /// # Errors
    /// [`ClusterClientError`].
    pub async fn status_at_end(&self, job: JobId, longest: Duration) -> Result<String, ClusterClientError> {
        let path = format!("/jobs/{job}/status?waitForEnd={}", longest.as_millis());
        let status: Status = self.get(&path).await?;
        Ok(status.status)
    }

    /// All jobs that the master knows, running and ended.
    ///
    /// # Errors
    /// [`ClusterClientError`].
    pub async fn jobs(&self) -> Result<Vec<JobOverview>, ClusterClientError> {
        let overview: JobsOverview = self.get("/jobs/overview").await?;
        Ok(overview.jobs)
    }

    /// The value of a setting that the master goes by.
    ///
    /// # Errors
    /// [`ClusterClientError`].
    pub async fn setting(&self, key: &str) -> Result<Option<String>, ClusterClientError> {
        let settings: Vec<Setting> = self.get("/jobmanager/config").await?;
        let found = settings.into_iter().find(|setting| setting.key == key);
        Ok(found.map(|setting| setting.value))
    }

    /// What the master is, with its version: `Selvedge 0.1.0`.
    ///
    /// # Errors
    /// [`ClusterClientError`].
    pub async fn version(&self) -> Result<String, ClusterClientError> {
        let environment: Environment = self.get("/jobmanager/environment").await?;
        Ok(environment.jvm.version)
    }

    /// Submits a job to a session; returns when it is taken. The graph is checked there.
    ///
    /// # Errors
    /// [`ClusterClientError`]; `Refused` with 409 where a job with this id was submitted before.
    pub async fn submit(&self, job: JobId, graph: &JobGraph) -> Result<(), ClusterClientError> {
        let submission = serde_json::json!({"jobGraph": graph, "jobId": job});
        self.checked_with(Method::POST, "/jobs", submission).await.map(|_| ())
    }

    /// The same with the contents of files that the job brings along, by their names: the master takes these instead of reading
    /// their paths.
    ///
    /// # Errors
    /// As [`Self::submit`].
    pub async fn submit_with_files(
        &self,
        job: JobId,
        graph: &JobGraph,
        files: &BTreeMap<String, Bytes>,
    ) -> Result<(), ClusterClientError> {
        let answer = self
            .route
            .send_parts("/jobs", &upload::parts(job, graph, files))
            .await?;
        accepted("/jobs", answer).map(|_| ())
    }

    /// Tells the master that the job's client will be there until then, in milliseconds since the epoch.
    ///
    /// # Errors
    /// [`ClusterClientError`].
    pub async fn client_heartbeat(&self, job: JobId, expires: u64) -> Result<(), ClusterClientError> {
        let heartbeat = serde_json::json!({"expiredTimestamp": expires});
        let path = format!("/jobs/{job}/clientHeartbeat");
        self.checked_with(Method::PATCH, &path, heartbeat).await.map(|_| ())
    }

    /// What the operators of a job have counted, under `<operator id>.<name>`.
    ///
    /// # Errors
    /// [`ClusterClientError`].
    pub async fn accumulators(&self, job: JobId) -> Result<BTreeMap<String, i64>, ClusterClientError> {
        let accumulators: Accumulators = self.get(&format!("/jobs/{job}/accumulators")).await?;
        Ok(accumulators.into_counts())
    }

    /// How a job ended, without its accumulators; `None` while it runs. The master of a single job ends soon after it has
    /// told this.
    ///
    /// # Errors
    /// [`ClusterClientError`].
    pub async fn execution_result(&self, job: JobId) -> Result<Option<JobResult>, ClusterClientError> {
        let result: ExecutionResult = self.get(&format!("/jobs/{job}/execution-result")).await?;
        Ok(result.into_job_result())
    }

    /// Asks the master to cancel a job; returns before it is CANCELED. A job that has ended already is left so.
    ///
    /// # Errors
    /// [`ClusterClientError`].
    pub async fn cancel(&self, job: JobId) -> Result<(), ClusterClientError> {
        const CONFLICT: u16 = 409;
        let (method, path) = if self.is_proxied() {
            (Method::GET, format!("/jobs/{job}/yarn-cancel"))
        } else {
            (Method::PATCH, format!("/jobs/{job}?mode=cancel"))
        };
        match self.checked(method, &path).await {
            Err(ClusterClientError::Refused { status: CONFLICT, .. }) => Ok(()),
            other => other.map(|_| ()),
        }
    }

    /// Asks the master to end, whatever its jobs do.
    ///
    /// # Errors
    /// [`ClusterClientError`].
    pub async fn shut_down_cluster(&self) -> Result<(), ClusterClientError> {
        self.checked(Method::DELETE, "/cluster").await.map(|_| ())
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClusterClientError> {
        let answer = self.checked(Method::GET, path).await?;
        serde_json::from_slice(&answer.body).map_err(|error| ClusterClientError::Undecodable {
            path: path.to_owned(),
            reason: error.to_string(),
        })
    }

    async fn checked(&self, method: Method, path: &str) -> Result<Answer, ClusterClientError> {
        accepted(path, self.route.send(method, path, None).await?)
    }

    async fn checked_with(&self, method: Method, path: &str, body: Value) -> Result<Answer, ClusterClientError> {
        accepted(path, self.route.send(method, path, Some(body)).await?)
    }
}

/// An answer that is no refusal.
fn accepted(path: &str, answer: Answer) -> Result<Answer, ClusterClientError> {
    if (200..300).contains(&answer.status) {
        return Ok(answer);
    }
    Err(ClusterClientError::Refused {
        path: path.to_owned(),
        status: answer.status,
        message: model::error_message(&answer.body),
    })
}

#[cfg(test)]
mod tests;
