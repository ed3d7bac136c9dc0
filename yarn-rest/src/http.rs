//! One request, one answer: time-outs, authentication, and the meaning of statuses.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use reqwest::Response;
use url::Url;

use crate::answer::Answer;
use crate::auth::{AnswerParts, Authenticator, MAX_ROUNDS, RequestParts};
use crate::builder::Base;
use crate::error::{RestError, RestErrorKind};
use crate::failure;
use crate::transport::{DirectClient, is_this_machine};

/// Hadoop's filter against cross-site requests wants any value of it on requests that change something.
const XSRF: HeaderName = HeaderName::from_static("x-xsrf-header");

/// What is asked, independent of which server is asked.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) step: String,
    pub(crate) method: Method,
    /// Relative to the base address, beginning with `/`.
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) body: Option<Bytes>,
    /// One header of its own.
    pub(crate) header: Option<(&'static str, HeaderValue)>,
    /// Whether it does no harm to ask twice.
    pub(crate) repeatable: bool,
    /// Whether a redirect is the answer; else it leads to the active server.
    pub(crate) redirect_is_answer: bool,
    /// Whether the body of a good answer is left unread.
    pub(crate) streamed: bool,
    /// Whether the query holds a token, which no message may show.
    pub(crate) secret_query: bool,
}

impl Call {
    pub(crate) fn get(step: impl Into<String>, path: impl Into<String>) -> Self {
        Self::new(Method::GET, step, path)
    }

    /// One that does no harm twice.
    pub(crate) fn new(method: Method, step: impl Into<String>, path: impl Into<String>) -> Self {
        Self {
            step: step.into(),
            method,
            path: path.into(),
            query: None,
            body: None,
            header: None,
            repeatable: true,
            redirect_is_answer: false,
            streamed: false,
            secret_query: false,
        }
    }

    pub(crate) fn query(mut self, query: String) -> Self {
        self.query = Some(query).filter(|query| !query.is_empty());
        self
    }

    pub(crate) fn json(mut self, body: &serde_json::Value) -> Self {
        self.body = Some(Bytes::from(body.to_string()));
        self
    }

    /// It is sent again only where it has certainly not been carried out.
    pub(crate) fn once(mut self) -> Self {
        self.repeatable = false;
        self
    }

    pub(crate) fn url(&self, base: &Base) -> Url {
        let mut url = base.url.clone();
        url.set_path(&base.path_of(&self.path));
        url.set_query(self.query.as_deref());
        url
    }

    pub(crate) fn error(&self, base: &Base, kind: RestErrorKind) -> RestError {
        RestError::new(&self.step, self.shown(base).as_str(), kind)
    }

    /// The address as messages show it.
    fn shown(&self, base: &Base) -> Url {
        let mut url = self.url(base);
        if self.secret_query {
            url.set_query(None);
        }
        url
    }
}

/// Which server is asked, and how it became known.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) base: Base,
    /// Where the address comes from, for messages.
    pub(crate) origin: Option<String>,
    /// By a redirect, and no configuration names it.
    pub(crate) redirected: bool,
}

impl From<Base> for Target {
    fn from(base: Base) -> Self {
        Self {
            base,
            origin: None,
            redirected: false,
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Http {
    pub(crate) direct: DirectClient,
    /// For other machines, where a proxy may stand in between.
    pub(crate) proxied: Option<reqwest::Client>,
    pub(crate) authenticator: Arc<dyn Authenticator>,
    pub(crate) timeout: Duration,
}

impl Http {
    /// Sends `call` and reads the answer. Any status is an answer.
    pub(crate) async fn send(&self, call: &Call, target: &Target) -> Result<Answer, RestError> {
        let response = self.start(call, target).await?;
        self.read(call, target, response).await
    }

    /// Sends `call`, until the server is content with who asks or has no more to say about it; the body is not read.
    pub(crate) async fn start(&self, call: &Call, target: &Target) -> Result<Response, RestError> {
        let unproved = |cause| call.error(&target.base, RestErrorKind::Authenticate(cause));
        let mut parts = self.parts(call, target);
        self.authenticator.authenticate(&mut parts).await.map_err(unproved)?;
        let mut round = 1;
        loop {
            let response = self.exchange(call, target, &parts).await?;
            let answer = AnswerParts::new(response.status(), response.headers().clone());
            let is_challenge = answer.status == StatusCode::UNAUTHORIZED && round < MAX_ROUNDS;
            if is_challenge
                && self
                    .authenticator
                    .challenged(&mut parts, &answer)
                    .await
                    .map_err(unproved)?
            {
                round += 1;
                continue;
            }
            self.authenticator
                .accepted(&mut parts, &answer)
                .await
                .map_err(unproved)?;
            tracing::debug!(step = %call.step, url = %call.shown(&target.base), status = answer.status.as_u16(), "answered");
            return Ok(response);
        }
    }

    /// The same for a server whose address itself says who asks.
    pub(crate) async fn start_unproved(&self, call: &Call, target: &Target) -> Result<Response, RestError> {
        let parts = self.parts(call, target);
        self.exchange(call, target, &parts).await
    }

    fn parts(&self, call: &Call, target: &Target) -> RequestParts {
        let mut parts = RequestParts::new(call.url(&target.base));
        parts.redirected = target.redirected;
        parts.headers.insert(
            ACCEPT,
            HeaderValue::from_static("application/json, text/plain;q=0.9, */*;q=0.1"),
        );
        if call.method != Method::GET {
            parts
                .headers
                .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            parts.headers.insert(XSRF, HeaderValue::from_static("client"));
        }
        if let Some((name, value)) = &call.header {
            parts.headers.insert(*name, value.clone());
        }
        parts
    }

    async fn exchange(&self, call: &Call, target: &Target, parts: &RequestParts) -> Result<Response, RestError> {
        let failed = |kind| call.error(&target.base, kind);
        let request = self
            .client(&parts.url)
            .map_err(failed)?
            .request(call.method.clone(), parts.url.clone())
            .headers(parts.headers.clone())
            .body(call.body.clone().unwrap_or_default());
        match tokio::time::timeout(self.timeout, request.send()).await {
            Ok(sent) => sent.map_err(|error| failed(self.failure(&error, target))),
            Err(_) => Err(failed(RestErrorKind::Timeout { after: self.timeout })),
        }
    }

    pub(crate) async fn read(&self, call: &Call, target: &Target, response: Response) -> Result<Answer, RestError> {
        let (status, headers) = (response.status(), response.headers().clone());
        let failed = |kind| call.error(&target.base, kind);
        let body = match tokio::time::timeout(self.timeout, response.bytes()).await {
            Ok(body) => body.map_err(|error| failed(self.failure(&error, target)))?,
            Err(_) => return Err(failed(RestErrorKind::Timeout { after: self.timeout })),
        };
        Ok(Answer { status, headers, body })
    }

    pub(crate) fn client(&self, url: &Url) -> Result<&reqwest::Client, RestErrorKind> {
        match &self.proxied {
            Some(proxied) if !is_this_machine(url) => Ok(proxied),
            _ => self.direct.client(url),
        }
    }

    pub(crate) fn failure(&self, error: &reqwest::Error, target: &Target) -> RestErrorKind {
        failure::kind(error, &target.base.url, target.origin.as_deref(), self.timeout)
    }

    /// What `answer` means where it is not what was asked for; `None` where it is.
    pub(crate) fn refusal(&self, answer: &Answer) -> Option<RestErrorKind> {
        answer.refusal(|| self.authenticator.describe())
    }
}
