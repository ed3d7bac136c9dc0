//! The way to a master: a connection of our own, or the GETs that YARN's web proxy passes.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::RwLock;
use reqwest::Method;
use serde_json::Value;
use yarn_common::id::ApplicationId;
use yarn_rest::rm::RmClient;

use super::ClusterClientError;
use super::upload::Multipart;

/// Where no connection is made in this time, the proxy is used: packets are dropped on the way.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// The way through YARN's web proxy.
#[derive(Debug, Clone)]
pub struct ProxyRoute {
    /// The ResourceManager that is the proxy.
    pub resource_manager: RmClient,
    /// The application whose master is asked.
    pub application: ApplicationId,
}

#[derive(Debug, Clone)]
pub(super) enum Route {
    Direct {
        http: reqwest::Client,
        /// All clones go where the master has gone.
        address: Arc<RwLock<String>>,
    },
    Proxied(ProxyRoute),
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Bytes,
}

impl Route {
    pub(super) fn direct(address: &str) -> Result<Self, ClusterClientError> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            .no_proxy()
            // The master speaks plain HTTP: the system's certificates would be read and kept for nothing.
            .tls_built_in_root_certs(false)
            .build()
            .map_err(ClusterClientError::Client)?;
        Ok(Self::Direct {
            http,
            address: Arc::new(RwLock::new(address.to_owned())),
        })
    }

    /// Posts a multipart body.
    pub(super) async fn send_parts(&self, path: &str, parts: &Multipart) -> Result<Answer, ClusterClientError> {
        let Self::Direct { http, address } = self else {
            return Err(ClusterClientError::NotThroughProxy { path: path.to_owned() });
        };
        let address = address.read().clone();
        let unreachable = |cause| ClusterClientError::Unreachable {
            address: address.clone(),
            cause,
        };
        let request = http.post(format!("http://{address}{path}"));
        let request = request.header(reqwest::header::CONTENT_TYPE, parts.content_type());
        let answer = request.body(parts.body()).send().await.map_err(unreachable)?;
        let status = answer.status().as_u16();
        let body = answer.bytes().await.map_err(unreachable)?;
        Ok(Answer { status, body })
    }

    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Answer, ClusterClientError> {
        match self {
            Self::Direct { http, address } => {
                let address = address.read().clone();
                let unreachable = |cause| ClusterClientError::Unreachable {
                    address: address.clone(),
                    cause,
                };
                let mut request = http.request(method, format!("http://{address}{path}"));
                if let Some(body) = body {
                    request = request.json(&body);
                }
                let answer = request.send().await.map_err(unreachable)?;
                let status = answer.status().as_u16();
                let body = answer.bytes().await.map_err(unreachable)?;
                Ok(Answer { status, body })
            }
            Self::Proxied(proxy) if method == Method::GET => {
                let answer = proxy.resource_manager.proxy_get(proxy.application, path).await;
                let answer = answer.map_err(|error| ClusterClientError::Proxy(Box::new(error)))?;
                Ok(Answer {
                    status: answer.status,
                    body: answer.body,
                })
            }
            Self::Proxied(_) => Err(ClusterClientError::NotThroughProxy { path: path.to_owned() }),
        }
    }
}
