//! Who the client is towards a web interface of Hadoop.
//!
//! | cluster | authenticator |
//! | --- | --- |
//! | insecure (Hadoop's default) | [`Simple`]: `?user.name=alice` |
//! | with Kerberos, from a container or a service | [`DelegationToken`] |
//! | with Kerberos, from a user's shell | `Negotiate` (SPNEGO), with the feature `kerberos` |
//! | behind a gateway (Knox) | [`Basic`] or [`Bearer`] |
//! | none that knows users | [`Anonymous`] |
//!
//! [`OnBehalfOf`] wraps any of them for a service that asks for its users. Anything else: implement [`Authenticator`].

use std::error::Error;
use std::fmt::Debug;

use futures::future::BoxFuture;
use http::{Extensions, HeaderMap, StatusCode};
use url::Url;

mod delegation;
mod gateway;
#[cfg(feature = "kerberos")]
mod negotiate;
mod simple;

pub use delegation::DelegationToken;
pub use gateway::{Basic, Bearer};
#[cfg(feature = "kerberos")]
pub use negotiate::Negotiate;
pub use simple::{Anonymous, OnBehalfOf, Simple};

/// Whatever keeps a client from proving who it is.
pub type AuthError = Box<dyn Error + Send + Sync>;

/// The parts of a request that authentication may change.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RequestParts {
    /// Where the request goes. With high availability this may be another host than the last time.
    pub url: Url,
    /// Its headers.
    pub headers: HeaderMap,
    /// Whether a redirect named this server, and no configuration did. A password must not go there.
    pub redirected: bool,
    /// What the authenticator wants to remember between the rounds of one request.
    pub state: Extensions,
}

impl RequestParts {
    /// A GET of `url` without headers, to a server that is configured.
    pub fn new(url: Url) -> Self {
        Self {
            url,
            headers: HeaderMap::new(),
            redirected: false,
            state: Extensions::new(),
        }
    }
}

/// What a server said to a request: as much as authentication may want to see.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AnswerParts {
    /// The status.
    pub status: StatusCode,
    /// The headers, such as `WWW-Authenticate` and `Set-Cookie`.
    pub headers: HeaderMap,
}

impl AnswerParts {
    /// An answer with this status and these headers.
    pub fn new(status: StatusCode, headers: HeaderMap) -> Self {
        Self { status, headers }
    }
}

/// Adds to each request what tells the server who asks: a query parameter, a cookie, a header.
///
/// [`authenticate`](Self::authenticate) is called for each request, each repetition and each redirect, then
/// [`challenged`](Self::challenged) for each 401, at most [`MAX_ROUNDS`] times, and [`accepted`](Self::accepted) for
/// any other answer.
///
/// ```
/// use futures::future::BoxFuture;
/// use yarn_rest::auth::{AuthError, Authenticator, RequestParts};
///
/// /// A gateway that wants its key in a header of its own.
/// #[derive(Debug)]
/// struct ApiKey;
///
/// impl Authenticator for ApiKey {
///     fn authenticate<'a>(&'a self, request: &'a mut RequestParts) -> BoxFuture<'a, Result<(), AuthError>> {
///         Box::pin(async {
///             request.headers.insert("x-api-key", std::env::var("GATEWAY_KEY")?.parse()?);
///             Ok(())
///         })
///     }
///
///     fn describe(&self) -> String {
///         "with the key in GATEWAY_KEY".to_owned()
///     }
/// }
/// ```
pub trait Authenticator: Debug + Send + Sync {
    /// Whether this can be used at all; asked when a client is built.
    ///
    /// # Errors
    /// What is wrong with it: an empty user name, a password with a line break.
    fn check(&self) -> Result<(), AuthError> {
        Ok(())
    }

    /// Changes `request` before it is sent.
    ///
    /// # Errors
    /// Whatever keeps the client from proving who it is; the request is not sent.
    fn authenticate<'a>(&'a self, request: &'a mut RequestParts) -> BoxFuture<'a, Result<(), AuthError>>;

    /// Answers a 401 by changing `request`; `true` where it is to be sent once more. By default there is no more to say.
    ///
    /// # Errors
    /// Whatever keeps the client from proving who it is.
    fn challenged<'a>(
        &'a self,
        request: &'a mut RequestParts,
        answer: &'a AnswerParts,
    ) -> BoxFuture<'a, Result<bool, AuthError>> {
        let _ = (request, answer);
        Box::pin(async { Ok(false) })
    }

    /// Sees every other answer, for cookies and for the server's own proof.
    ///
    /// # Errors
    /// Where the server has not proved who it is; the answer is thrown away.
    fn accepted<'a>(
        &'a self,
        request: &'a mut RequestParts,
        answer: &'a AnswerParts,
    ) -> BoxFuture<'a, Result<(), AuthError>> {
        let _ = (request, answer);
        Box::pin(async { Ok(()) })
    }

    /// Who this is, for messages, without secrets: `as the user alice, by user.name`.
    fn describe(&self) -> String;
}

/// How often one request is sent at most while it is being authenticated.
pub const MAX_ROUNDS: usize = 5;
