//! Delegation tokens of HDFS.

use http::Method;
use serde_json::Value;
use yarn_common::token::Token;

use super::WebHdfs;
use crate::error::{RestError, RestErrorKind};

/// Which token is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenRequest {
    /// The short name of the principal that may renew it; for an application that of the ResourceManager.
    pub renewer: Option<String>,
    /// The kind that it shall have. The NodeManager's localizer wants `HDFS_DELEGATION_TOKEN`; WebHDFS gives
    /// `WEBHDFS delegation` by default.
    pub kind: Option<String>,
    /// The service that it shall name: `ip:port` of the NameNode's IPC, or `ha-hdfs:nameservice`.
    pub service: Option<String>,
}

impl WebHdfs {
    /// Asks for a token of the asker's; `None` from a NameNode without Kerberos, which has and needs none. HttpFS gives
    /// one of its own in any case.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn delegation_token(&self, request: &TokenRequest) -> Result<Option<Token>, RestError> {
        let all = [
            ("renewer", &request.renewer),
            ("kind", &request.kind),
            ("service", &request.service),
        ];
        let parameters: Vec<_> = all
            .into_iter()
            .filter_map(|(key, value)| value.clone().map(|value| (key, value)))
            .collect();
        let call = self.call(Method::GET, "GETDELEGATIONTOKEN", "/", &parameters)?;
        let (body, served) = match self.value(&call).await {
            Err(error) if is_missing_token(&error) => return Ok(None),
            answer => answer?,
        };
        let Some(text) = body.pointer("/Token/urlString").and_then(Value::as_str) else {
            return Ok(None);
        };
        Token::from_url_string(text).map(Some).map_err(|cause| {
            let kind = RestErrorKind::Decode {
                reason: cause.to_string(),
                body: "a token, which is not shown".to_owned(),
            };
            call.error(served.base(), kind)
        })
    }

    /// Renews a token, and tells when it expires then, in milliseconds since the epoch.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn renew_delegation_token(&self, token: &Token) -> Result<u64, RestError> {
        let parameters = [("token", token.to_url_string())];
        let mut call = self.call(Method::PUT, "RENEWDELEGATIONTOKEN", "/", &parameters)?;
        call.secret_query = true;
        self.member(&call, "long").await
    }

    /// Cancels a token.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn cancel_delegation_token(&self, token: &Token) -> Result<(), RestError> {
        let parameters = [("token", token.to_url_string())];
        let mut call = self
            .call(Method::PUT, "CANCELDELEGATIONTOKEN", "/", &parameters)?
            .once();
        call.secret_query = true;
        self.done(&call).await
    }
}

/// Without Kerberos the NameNode has no token, and falls over it where a kind or a service is asked for.
fn is_missing_token(error: &RestError) -> bool {
    matches!(error.kind(), RestErrorKind::RemoteException { class, .. } if class.ends_with("NullPointerException"))
}
