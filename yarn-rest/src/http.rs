//! One request, one answer: time-outs, authentication, and the meaning of statuses.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use url::Url;

use crate::answer::{Answer, without_stack_trace};
use crate::auth::{Authenticator, RequestParts};
use crate::error::{RestError, RestErrorKind};

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
    /// Whether it does no harm to ask twice.
    pub(crate) repeatable: bool,
}

impl Call {
    pub(crate) fn get(step: impl Into<String>, path: impl Into<String>) -> Self {
        let (step, path) = (step.into(), path.into());
        Self {
            step,
            method: Method::GET,
            path,
            query: None,
            body: None,
            repeatable: true,
        }
    }

    pub(crate) fn query(mut self, query: String) -> Self {
        self.query = Some(query).filter(|query| !query.is_empty());
        self
    }

    pub(crate) fn url(&self, base: &Url) -> Url {
        let mut url = base.clone();
        url.set_path(&format!("{}{}", base.path().trim_end_matches('/'), self.path));
        url.set_query(self.query.as_deref());
        url
    }

    pub(crate) fn error(&self, base: &Url, kind: RestErrorKind) -> RestError {
        RestError::new(&self.step, self.url(base).as_str(), kind)
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Http {
    pub(crate) client: reqwest::Client,
    pub(crate) authenticator: Arc<dyn Authenticator>,
    pub(crate) timeout: Duration,
}

impl Http {
    /// Sends `call` to the server at `base`. Any status is an answer.
    pub(crate) async fn send(&self, call: &Call, base: &Url, origin: Option<&str>) -> Result<Answer, RestError> {
        let mut parts = RequestParts {
            url: call.url(base),
            headers: HeaderMap::new(),
        };
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
        let authenticated = self.authenticator.authenticate(&mut parts).await;
        authenticated.map_err(|cause| call.error(base, RestErrorKind::Authenticate(cause)))?;
        let request = self
            .client
            .request(call.method.clone(), parts.url)
            .headers(parts.headers)
            .timeout(self.timeout)
            .body(call.body.clone().unwrap_or_default());
        let failed = |error: reqwest::Error| call.error(base, self.failure(&error, base, origin));
        let response = request.send().await.map_err(failed)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.bytes().await.map_err(failed)?;
        tracing::debug!(step = %call.step, url = %call.url(base), status = status.as_u16(), "answered");
        Ok(Answer { status, headers, body })
    }

    fn failure(&self, error: &reqwest::Error, base: &Url, origin: Option<&str>) -> RestErrorKind {
        if error.is_connect() {
            return RestErrorKind::Connect {
                address: authority(base),
                origin: origin.map(str::to_owned),
                cause: root_cause(error),
            };
        }
        if error.is_timeout() {
            return RestErrorKind::Timeout { after: self.timeout };
        }
        RestErrorKind::Interrupted {
            cause: root_cause(error),
        }
    }

    /// What `answer` means where it is not what was asked for; `None` where it is.
    pub(crate) fn refusal(&self, answer: &Answer) -> Option<RestErrorKind> {
        if answer.says_standby() {
            return Some(RestErrorKind::Standby);
        }
        let (status, exception) = (answer.status.as_u16(), answer.remote_exception());
        if answer.status.is_success() {
            return answer.is_html().then(|| RestErrorKind::Html {
                status,
                title: answer.title(),
            });
        }
        let asked = self.authenticator.describe();
        Some(match (answer.status, exception) {
            (StatusCode::UNAUTHORIZED, exception) => {
                let message = exception.map_or_else(|| answer.summary(), named);
                RestErrorKind::Unauthorized {
                    asked,
                    message,
                    remedy: answer.remedy_for_unauthorized(),
                }
            }
            (_, Some((class, _))) if class.ends_with("StandbyException") => RestErrorKind::Standby,
            (StatusCode::FORBIDDEN, exception) => {
                let message = exception.map_or_else(|| answer.summary(), named);
                RestErrorKind::Forbidden {
                    asked,
                    message,
                    remedy: FORBIDDEN_REMEDY,
                }
            }
            (StatusCode::NOT_FOUND, Some((_, message))) => RestErrorKind::NotFound { message },
            (_, Some((class, message))) => RestErrorKind::RemoteException { status, class, message },
            (StatusCode::NOT_FOUND, None) if answer.says_what_is_missing() => RestErrorKind::NotFound {
                message: without_stack_trace(&answer.summary()),
            },
            (_, None) if answer.is_html() => RestErrorKind::Html {
                status,
                title: answer.title(),
            },
            (_, None) => RestErrorKind::UnexpectedStatus {
                status,
                body: answer.summary(),
            },
        })
    }
}

const FORBIDDEN_REMEDY: &str = "check that this user may submit to the queue and change the application, and that the \
                                cluster allows it over REST (yarn.webapp.enable-rest-app-submissions)";

/// A Java exception as people look it up: by its class.
fn named((class, message): (String, String)) -> String {
    format!("{class}: {message}")
}

/// Host and port, the port of the scheme included.
fn authority(url: &Url) -> String {
    let port = url
        .port_or_known_default()
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    format!("{}{port}", url.host_str().unwrap_or_default())
}

fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
