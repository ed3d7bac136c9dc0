use serde::Deserialize;
use yarn_common::token::{Token, TokenError};

use super::Extra;
use crate::lenient;

/// A new delegation token of the ResourceManager. Its text is a secret, and not in the `Debug` output.
///
/// `{"token":"<url form>","renewer":"yarn","owner":"alice","kind":"RM_DELEGATION_TOKEN","expiration-time":1,
/// "max-validity":2}`
///
/// Source: `DelegationToken`; ResourceManagerRest.md, "Cluster Delegation Tokens API".
#[derive(Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct DelegationTokenInfo {
    token: String,
    /// Whose it is.
    #[serde(default, deserialize_with = "lenient::text")]
    pub owner: Option<String>,
    /// Who may renew it.
    #[serde(default, deserialize_with = "lenient::text")]
    pub renewer: Option<String>,
    /// When it expires if it is not renewed, in milliseconds since the epoch.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub expiration_time: Option<u64>,
    /// When it expires at the latest, in milliseconds since the epoch.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub max_validity: Option<u64>,
    /// All other fields.
    #[serde(flatten)]
    pub extra: Extra,
}

impl DelegationTokenInfo {
    /// The token.
    ///
    /// # Errors
    /// [`TokenError`] where the server's text is not a token.
    pub fn token(&self) -> Result<Token, TokenError> {
        Token::from_url_string(&self.token)
    }
}

impl std::fmt::Debug for DelegationTokenInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DelegationTokenInfo")
            .field("owner", &self.owner)
            .field("renewer", &self.renewer)
            .field("expiration_time", &self.expiration_time)
            .finish_non_exhaustive()
    }
}
