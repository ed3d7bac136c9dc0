//! The web interface of an ApplicationMaster, through the ResourceManager's proxy.

use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_TYPE, LOCATION};
use yarn_common::id::ApplicationId;

use super::RmClient;
use crate::answer::Answer;
use crate::error::{RestError, RestErrorKind};
use crate::http::Call;

/// What an ApplicationMaster answered through the proxy, with any status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The type of the content.
    pub content_type: Option<String>,
    /// The content.
    pub body: Bytes,
}

impl RmClient {
    /// GETs `path` (`jobs/overview?x=y`) from the tracking URL of `application` through the proxy of the
    /// ResourceManager. Works where the ApplicationMaster itself cannot be reached; the proxy passes GET and PUT only.
    ///
    /// It is asked once: the ApplicationMaster may not be there yet, or no longer.
    ///
    /// # Errors
    /// [`RestErrorKind::NoTrackingUrl`] before the application has registered one and after its end;
    /// [`RestErrorKind::Html`] where the proxy shows a page of its own: the application is unknown or does not answer.
    /// Other [`RestError`]s where the proxy cannot be reached or refuses.
    pub async fn proxy_get(&self, application: ApplicationId, path: &str) -> Result<ProxyAnswer, RestError> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let call = Call::get(
            format!("read {path} of {application} through the proxy"),
            format!("/proxy/{application}/{}", path.trim_start_matches('/')),
        )
        .query(query.to_owned());
        let target = self.cluster.active();
        let answer = self.cluster.http.send(&call, &target).await?;
        if let Some(kind) = self.refusal_of_proxy(&answer) {
            return Err(call.error(&target.base, kind));
        }
        let content_type = answer.header(CONTENT_TYPE).map(str::to_owned);
        Ok(ProxyAnswer {
            status: answer.status.as_u16(),
            content_type,
            body: answer.body,
        })
    }

    /// What the proxy itself says; whatever the ApplicationMaster says is an answer.
    fn refusal_of_proxy(&self, answer: &Answer) -> Option<RestErrorKind> {
        if answer.status.is_redirection() {
            let location = answer.header(LOCATION).unwrap_or_default().to_owned();
            return Some(RestErrorKind::NoTrackingUrl { location });
        }
        let is_page = answer.is_html() && !answer.status.is_success();
        if is_page || answer.status == StatusCode::UNAUTHORIZED {
            return self.cluster.http.refusal(answer);
        }
        None
    }
}
