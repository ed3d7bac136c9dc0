//! Gateways in front of a cluster, such as Knox, which know users by password or by a token of their own.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::future::BoxFuture;
use http::HeaderValue;
use http::header::AUTHORIZATION;

use super::{AuthError, Authenticator, RequestParts};

/// User and password in each request. Use it over HTTPS only.
#[derive(Clone, PartialEq, Eq)]
pub struct Basic {
    user: String,
    password: String,
}

impl Basic {
    /// Asks as `user`, proved by `password`.
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            user: user.into(),
            password: password.into(),
        }
    }

    fn header(&self) -> String {
        format!("Basic {}", STANDARD.encode(format!("{}:{}", self.user, self.password)))
    }
}

impl Authenticator for Basic {
    fn check(&self) -> Result<(), AuthError> {
        if self.user.is_empty() || self.user.contains(':') {
            return Err(format!("{:?} cannot be a user name in Basic authentication", self.user).into());
        }
        Ok(())
    }

    fn authenticate<'a>(&'a self, request: &'a mut RequestParts) -> BoxFuture<'a, Result<(), AuthError>> {
        Box::pin(async { authorize(request, &self.header()) })
    }

    fn describe(&self) -> String {
        format!("as the user {}, by password", self.user)
    }
}

impl fmt::Debug for Basic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Basic")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// A token of the gateway (a JWT) in each request. Use it over HTTPS only.
#[derive(Clone, PartialEq, Eq)]
pub struct Bearer {
    token: String,
}

impl Bearer {
    /// Asks with `token`.
    pub fn new(token: impl Into<String>) -> Self {
        Self { token: token.into() }
    }
}

impl Authenticator for Bearer {
    fn check(&self) -> Result<(), AuthError> {
        if self.token.is_empty() || !self.token.chars().all(|character| character.is_ascii_graphic()) {
            return Err(
                "the bearer token is empty or holds spaces, line breaks or other characters that no token \
                        has: was a file read with its line break?"
                    .into(),
            );
        }
        Ok(())
    }

    fn authenticate<'a>(&'a self, request: &'a mut RequestParts) -> BoxFuture<'a, Result<(), AuthError>> {
        Box::pin(async { authorize(request, &format!("Bearer {}", self.token)) })
    }

    fn describe(&self) -> String {
        "with a bearer token".to_owned()
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bearer").finish_non_exhaustive()
    }
}

fn authorize(request: &mut RequestParts, header: &str) -> Result<(), AuthError> {
    if request.redirected {
        return Err(format!(
            "a redirect leads to {}, which is not configured; the password or token is not sent there",
            request.url.origin().ascii_serialization()
        )
        .into());
    }
    let mut value = HeaderValue::from_str(header)?;
    value.set_sensitive(true);
    request.headers.insert(AUTHORIZATION, value);
    Ok(())
}
