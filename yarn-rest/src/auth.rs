//! Who the client is towards a web interface of Hadoop.

use std::error::Error;
use std::fmt::Debug;

use futures::future::BoxFuture;
use http::HeaderMap;
use url::Url;

/// The parts of a request that authentication may change.
#[derive(Debug, Clone)]
pub struct RequestParts {
    /// Where the request goes. With high availability this may be another host than the last time.
    pub url: Url,
    /// Its headers.
    pub headers: HeaderMap,
}

/// Adds to each request what tells the server who asks: a query parameter, a cookie, a header.
///
/// It is called again for each repetition and each redirect. Implement it for SPNEGO, delegation tokens or a gateway.
pub trait Authenticator: Debug + Send + Sync {
    /// Changes `request` before it is sent.
    ///
    /// # Errors
    /// Whatever keeps the client from proving who it is; the request is not sent.
    fn authenticate<'a>(
        &'a self,
        request: &'a mut RequestParts,
    ) -> BoxFuture<'a, Result<(), Box<dyn Error + Send + Sync>>>;

    /// Who this is, for messages: `as the user alice, by user.name`.
    fn describe(&self) -> String;
}

/// A cluster without Kerberos: the server believes the user name (`?user.name=alice`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simple {
    user: String,
}

impl Simple {
    /// Asks as `user`, who will own the applications.
    pub fn new(user: impl Into<String>) -> Self {
        Self { user: user.into() }
    }
}

impl Authenticator for Simple {
    fn authenticate<'a>(
        &'a self,
        request: &'a mut RequestParts,
    ) -> BoxFuture<'a, Result<(), Box<dyn Error + Send + Sync>>> {
        request.url.query_pairs_mut().append_pair("user.name", &self.user);
        Box::pin(async { Ok(()) })
    }

    fn describe(&self) -> String {
        format!("as the user {}, by user.name", self.user)
    }
}

/// Does not say who asks. An insecure cluster takes the request as from its static user (`dr.who`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Anonymous;

impl Authenticator for Anonymous {
    fn authenticate<'a>(&'a self, _: &'a mut RequestParts) -> BoxFuture<'a, Result<(), Box<dyn Error + Send + Sync>>> {
        Box::pin(async { Ok(()) })
    }

    fn describe(&self) -> String {
        "anonymously".to_owned()
    }
}
