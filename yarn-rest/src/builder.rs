//! How the HTTP client of both services is made.

use std::time::Duration;

use thiserror::Error;
use url::Url;
use yarn_common::conf::ConfError;

/// Why a client could not be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The Hadoop configuration does not say where the ResourceManager is.
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
    #[error("no address of a ResourceManager was given")]
    NoAddress,
    /// TLS could not be set up.
    #[error("cannot set up the HTTP client: {0}")]
    Client(#[source] reqwest::Error),
}

pub(crate) fn base_url(text: &str) -> Result<Url, BuildError> {
    let bad = |reason: String| BuildError::BadUrl {
        url: text.to_owned(),
        reason,
    };
    let mut url = Url::parse(text).map_err(|cause| bad(cause.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(bad("its scheme is neither http nor https".to_owned()));
    }
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

pub(crate) fn client(connect_timeout: Duration) -> Result<reqwest::Client, BuildError> {
    reqwest::Client::builder()
        .connect_timeout(connect_timeout)
        // Redirects of a standby ResourceManager are followed with the body and remembered.
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .map_err(BuildError::Client)
}
