//! Addresses of services, and why a client could not be made.

use thiserror::Error;
use url::Url;
use yarn_common::conf::ConfError;

use crate::auth::AuthError;

/// Why a client could not be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The Hadoop configuration does not say where the service is.
    #[error(transparent)]
    Configuration(#[from] ConfError),
    /// An address is not an `http` or `https` URL.
    #[error("{url:?} is not the web address of a service: {reason}; expected the form http://host:8088")]
    BadUrl {
        /// The address.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No address was given.
    #[error("no address was given: name a server, or a Hadoop configuration that does")]
    NoAddress,
    /// TLS could not be set up.
    #[error("cannot set up the HTTP client: {0}")]
    Client(#[source] reqwest::Error),
    /// The authenticator cannot be used.
    #[error("cannot authenticate {who}: {reason}")]
    Authenticator {
        /// What it says of itself.
        who: String,
        /// What is wrong with it.
        reason: AuthError,
    },
    /// A bound of no time: every request would fail.
    #[error("the {what} is 0: give a time above 0")]
    ZeroTimeout {
        /// Which bound.
        what: &'static str,
    },
    /// Repetitions with delays that cannot be.
    #[error("the retry policy begins with {min_delay:?}, which is longer than its longest delay {max_delay:?}")]
    BadRetry {
        /// The first delay.
        min_delay: std::time::Duration,
        /// The longest delay.
        max_delay: std::time::Duration,
    },
    /// A certificate or key cannot be read.
    #[error("the {what} cannot be used: {reason}; expected PEM{}", if *.what == CLIENT_CERTIFICATE { " with the certificate and its private key" } else { " with at least one certificate" })]
    BadCertificate {
        /// Which one.
        what: &'static str,
        /// Why.
        reason: String,
    },
    /// The address of the proxy cannot be used.
    #[error("{url:?} is not the address of a proxy: {reason}; expected the form http://proxy:3128")]
    BadProxy {
        /// The address.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
}

pub(crate) const CLIENT_CERTIFICATE: &str = "client certificate";
pub(crate) const EXTRA_CA: &str = "extra CA certificate";

/// Where a service is, and how paths stand below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Base {
    pub(crate) url: Url,
    /// A gateway's address stands for `http://rm:8088/ws`.
    is_gateway: bool,
}

impl Base {
    pub(crate) fn new(text: &str) -> Result<Self, BuildError> {
        base_url(text).map(Self::from)
    }

    pub(crate) fn gateway(text: &str) -> Result<Self, BuildError> {
        Ok(Self {
            url: base_url(text)?,
            is_gateway: true,
        })
    }

    /// The path of `path` (`/ws/v1/cluster/info`) at this server.
    pub(crate) fn path_of(&self, path: &str) -> String {
        let path = match self.is_gateway {
            true => path.strip_prefix("/ws").unwrap_or(path),
            false => path,
        };
        format!("{}{path}", self.url.path().trim_end_matches('/'))
    }

    /// The same kind of server at another address.
    pub(crate) fn at(&self, url: Url) -> Self {
        Self {
            url,
            is_gateway: self.is_gateway,
        }
    }

    /// What stands before [`path_of`](Self::path_of)'s own part.
    pub(crate) fn bare_path<'a>(&self, path: &'a str) -> &'a str {
        match self.is_gateway {
            true => path.strip_prefix("/ws").unwrap_or(path),
            false => path,
        }
    }
}

impl From<Url> for Base {
    fn from(url: Url) -> Self {
        Self { url, is_gateway: false }
    }
}

fn base_url(text: &str) -> Result<Url, BuildError> {
    let bad = |reason: &str| BuildError::BadUrl {
        url: without_password(text),
        reason: reason.to_owned(),
    };
    let mut url = Url::parse(text).map_err(|cause| bad(&cause.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(bad("its scheme is neither http nor https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad(
            "it holds a user or password, which messages would show; give them to an authenticator",
        ));
    }
    if url.port() == Some(0) {
        return Err(bad("its port is 0"));
    }
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

fn without_password(text: &str) -> String {
    match (text.find("://"), text.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => format!("{}…{}", &text[..scheme + 3], &text[at..]),
        _ => text.to_owned(),
    }
}
