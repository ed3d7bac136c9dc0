use std::sync::Arc;

use futures::future::BoxFuture;

use super::{AnswerParts, AuthError, Authenticator, RequestParts};

/// A cluster without Kerberos: the server believes the user name (`?user.name=alice`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simple {
    user: String,
}

impl Simple {
    /// Asks as `user`, who will own the applications. A client with an empty name cannot be built: the server would
    /// take it for its static user.
    pub fn new(user: impl Into<String>) -> Self {
        Self { user: user.into() }
    }
}

impl Authenticator for Simple {
    fn check(&self) -> Result<(), AuthError> {
        check_user(&self.user)
    }

    fn authenticate<'a>(&'a self, request: &'a mut RequestParts) -> BoxFuture<'a, Result<(), AuthError>> {
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
    fn authenticate<'a>(&'a self, _: &'a mut RequestParts) -> BoxFuture<'a, Result<(), AuthError>> {
        Box::pin(async { Ok(()) })
    }

    fn describe(&self) -> String {
        "anonymously".to_owned()
    }
}

/// A service that proves itself and asks for one of its users (`&doAs=bob`); `hadoop.proxyuser.*` must allow it.
#[derive(Debug, Clone)]
pub struct OnBehalfOf {
    service: Arc<dyn Authenticator>,
    user: String,
}

impl OnBehalfOf {
    /// Asks for `user`, proved by `service`.
    pub fn new(user: impl Into<String>, service: impl Authenticator + 'static) -> Self {
        Self {
            service: Arc::new(service),
            user: user.into(),
        }
    }
}

impl Authenticator for OnBehalfOf {
    fn check(&self) -> Result<(), AuthError> {
        check_user(&self.user).and_then(|()| self.service.check())
    }

    fn authenticate<'a>(&'a self, request: &'a mut RequestParts) -> BoxFuture<'a, Result<(), AuthError>> {
        request.url.query_pairs_mut().append_pair("doAs", &self.user);
        self.service.authenticate(request)
    }

    fn challenged<'a>(
        &'a self,
        request: &'a mut RequestParts,
        answer: &'a AnswerParts,
    ) -> BoxFuture<'a, Result<bool, AuthError>> {
        self.service.challenged(request, answer)
    }

    fn accepted<'a>(
        &'a self,
        request: &'a mut RequestParts,
        answer: &'a AnswerParts,
    ) -> BoxFuture<'a, Result<(), AuthError>> {
        self.service.accepted(request, answer)
    }

    fn describe(&self) -> String {
        format!("for the user {} {}", self.user, self.service.describe())
    }
}

fn check_user(user: &str) -> Result<(), AuthError> {
    if user.trim().is_empty() {
        return Err(
            "the user name is empty, and the cluster would take the requests for its static user's: \
                    give one, such as HADOOP_USER_NAME"
                .into(),
        );
    }
    Ok(())
}
