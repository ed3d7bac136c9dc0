//! Delegation tokens of the ResourceManager: given only to those who log in by Kerberos.

use http::{HeaderValue, Method};
use serde::Deserialize;
use serde_json::json;
use yarn_common::token::Token;

use super::{CLUSTER, RmClient};
use crate::error::RestError;
use crate::http::Call;
use crate::lenient;
use crate::model::DelegationTokenInfo;

/// The token that is meant, beside whatever proves the asker.
const HEADER: &str = "Hadoop-YARN-RM-Delegation-Token";

impl RmClient {
    /// Asks for a token of the asker's, which `renewer` (the short name of a principal) may renew.
    ///
    /// # Errors
    /// [`RestErrorKind::Forbidden`](crate::error::RestErrorKind::Forbidden) on a cluster without Kerberos, where none is
    /// needed; [`RestError`].
    pub async fn delegation_token(&self, renewer: &str) -> Result<DelegationTokenInfo, RestError> {
        let call = Call::new(
            Method::POST,
            "get a delegation token",
            format!("{CLUSTER}/delegation-token"),
        );
        if renewer.trim().is_empty() {
            return Err(self.invalid(&call, "a delegation token needs the name of a renewer"));
        }
        self.whole(call.json(&json!({ "renewer": renewer }))).await
    }

    /// Renews a token, and tells when it expires then, in milliseconds since the epoch.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn renew_delegation_token(&self, token: &Token) -> Result<u64, RestError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "kebab-case")]
        struct Answer {
            #[serde(default, deserialize_with = "lenient::unsigned")]
            expiration_time: Option<u64>,
        }
        let path = format!("{CLUSTER}/delegation-token/expiration");
        let call = self.about(token, Call::new(Method::POST, "renew a delegation token", path));
        let served = self.cluster.ask(&call).await?;
        let answer: Answer = served.answer.json(&call, served.base())?;
        answer.expiration_time.ok_or_else(|| {
            let reason = "there is no expiration-time in it".to_owned();
            served.answer.undecodable(&call, served.base(), reason)
        })
    }

    /// Cancels a token.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn cancel_delegation_token(&self, token: &Token) -> Result<(), RestError> {
        let path = format!("{CLUSTER}/delegation-token");
        let call = self.about(token, Call::new(Method::DELETE, "cancel a delegation token", path));
        self.done(call.once()).await
    }

    fn about(&self, token: &Token, mut call: Call) -> Call {
        let mut value = HeaderValue::from_str(&token.to_url_string()).expect("URL-safe Base64 is a header's text");
        value.set_sensitive(true);
        call.header = Some((HEADER, value));
        call
    }
}
