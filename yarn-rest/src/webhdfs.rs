//! WebHDFS and HttpFS: HDFS where only HTTP is open.
//!
//! ```no_run
//! use futures::TryStreamExt;
//! use yarn_common::conf::HadoopConfiguration;
//! use yarn_rest::auth::Simple;
//! use yarn_rest::transport::Transport;
//! use yarn_rest::webhdfs::{CreateOptions, Upload, WebHdfs};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let hdfs = WebHdfs::builder()
//!     .configuration(&HadoopConfiguration::from_env()?)?
//!     .transport(Transport::new().authenticator(Simple::new("alice")))
//!     .build()?;
//! hdfs.mkdirs("/user/alice/staging", Some(0o700)).await?;
//! let file = tokio::fs::File::open("app.tar.gz").await?;
//! let body = Upload::reader(file);
//! hdfs.create("/user/alice/staging/app.tar.gz", &CreateOptions::default(), body).await?;
//! let mut bytes = hdfs.open("/user/alice/staging/app.tar.gz", 0, Some(100)).await?.into_stream();
//! # let _ = Box::pin(bytes).try_next().await?;
//! # Ok(())
//! # }
//! ```
//!
//! Data go in two steps, as the protocol has it: the NameNode names a DataNode, and the bytes go there; HttpFS and
//! gateways name themselves or answer at once. Bodies are streams, and no file is ever in memory as a whole. A standby
//! NameNode is passed over, and the active one remembered.
//!
//! Hosts of DataNodes must be reachable under the names that the NameNode gives.

use std::sync::Arc;

use http::Method;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;
use url::form_urlencoded::Serializer;
use yarn_common::conf::HadoopConfiguration;

use crate::builder::{Base, BuildError};
use crate::error::{RestError, RestErrorKind};
use crate::ha::{Cluster, Served};
use crate::http::{Call, Target};
use crate::retry::RetryPolicy;
use crate::transport::Transport;

mod configuration;
mod namespace;
mod read;
mod status;
mod tokens;
mod upload;
mod write;

pub use read::FileReader;
pub use tokens::TokenRequest;
pub use upload::Upload;
pub use write::CreateOptions;

/// A client of one file system. Cheap to clone.
#[derive(Debug, Clone)]
pub struct WebHdfs {
    cluster: Arc<Cluster>,
}

/// Makes a [`WebHdfs`].
#[derive(Debug)]
pub struct WebHdfsBuilder {
    servers: Vec<Target>,
    transport: Transport,
    retry: RetryPolicy,
}

impl WebHdfsBuilder {
    /// Adds the web addresses of the NameNodes of `fs.defaultFS`: one, or those of its nameservice.
    ///
    /// # Errors
    /// [`BuildError::Configuration`]; [`BuildError::BadUrl`] where `fs.defaultFS` is no HDFS.
    pub fn configuration(mut self, configuration: &HadoopConfiguration) -> Result<Self, BuildError> {
        for (url, origin) in configuration::namenodes(configuration)? {
            self = self.server(&url, Some(&origin))?;
        }
        Ok(self)
    }

    /// Adds a NameNode (`http://nn:9870`), an HttpFS (`http://host:14000`), or a gateway
    /// (`https://knox:8443/gateway/default`): what stands before `/webhdfs/v1`. `origin` says in messages where the
    /// address comes from.
    ///
    /// # Errors
    /// [`BuildError::BadUrl`].
    pub fn server(mut self, url: &str, origin: Option<&str>) -> Result<Self, BuildError> {
        self.servers.push(Target {
            base: Base::new(url)?,
            origin: origin.map(str::to_owned),
            redirected: false,
        });
        Ok(self)
    }

    /// How it connects, and who asks.
    #[must_use]
    pub fn transport(mut self, transport: Transport) -> Self {
        self.transport = transport;
        self
    }

    /// How requests are repeated that do no harm twice.
    #[must_use]
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// The client. Nothing is connected yet.
    ///
    /// # Errors
    /// [`BuildError::NoAddress`] and whatever is wrong with the transport or the retry policy.
    pub fn build(self) -> Result<WebHdfs, BuildError> {
        let cluster = Cluster::new(self.transport.build()?, self.servers, self.retry, None)?;
        Ok(WebHdfs {
            cluster: Arc::new(cluster),
        })
    }
}

impl WebHdfs {
    /// Begins a client: at least one address is needed.
    pub fn builder() -> WebHdfsBuilder {
        WebHdfsBuilder {
            servers: Vec::new(),
            transport: Transport::new(),
            retry: RetryPolicy::default(),
        }
    }

    /// The web address of the NameNode that is active as far as this client knows, else of the first.
    pub fn active_url(&self) -> Url {
        self.cluster.active_url()
    }

    /// A call of the operation `op` on `path`, which must be absolute.
    fn call(
        &self,
        method: Method,
        op: &'static str,
        path: &str,
        parameters: &[(&str, String)],
    ) -> Result<Call, RestError> {
        let mut query = Serializer::new(String::new());
        query.append_pair("op", op);
        query.extend_pairs(parameters);
        let step = format!("{op} {path}");
        let call = Call::new(method, step, format!("/webhdfs/v1{}", encoded(path))).query(query.finish());
        let is_clean = path.starts_with('/') && !path.split('/').any(|name| matches!(name, "." | ".."));
        match is_clean {
            true => Ok(call),
            false => Err(self.invalid(
                &call,
                format!("{path:?} is not an absolute path without \".\" and \"..\", such as /user/alice/a"),
            )),
        }
    }

    fn invalid(&self, call: &Call, reason: String) -> RestError {
        call.error(&self.cluster.active_base(), RestErrorKind::InvalidRequest(reason))
    }

    async fn member<T: DeserializeOwned>(&self, call: &Call, name: &str) -> Result<T, RestError> {
        let served = self.cluster.ask(call).await?;
        served.answer.member(call, served.base(), name)
    }

    async fn value(&self, call: &Call) -> Result<(Value, Served), RestError> {
        let served = self.cluster.ask(call).await?;
        Ok((served.answer.json(call, served.base())?, served))
    }

    async fn done(&self, call: &Call) -> Result<(), RestError> {
        self.cluster.ask(call).await.map(|_: Served| ())
    }
}

/// A path with what a URL cannot hold in percent form. `set_path` would leave `%41` as it is, which is a name here.
fn encoded(path: &str) -> String {
    let mut url = Url::parse("http://x/").expect("a constant");
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.clear().extend(path.trim_start_matches('/').split('/'));
    }
    // A plus sign is itself in a path, but Java's decoders take it for a space.
    url.path().replace('+', "%2B")
}
