use futures::future::BoxFuture;
use http::{HeaderName, HeaderValue};
use yarn_common::token::Token;

use super::{AuthError, Authenticator, RequestParts};

const HEADER: HeaderName = HeaderName::from_static("x-hadoop-delegation-token");

/// A delegation token instead of a Kerberos ticket. A ResourceManager, HttpFS and the history servers take it in a
/// header, a NameNode in the query only; where it goes is told by its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DelegationToken {
    token: Token,
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Header,
    Query,
}

impl DelegationToken {
    /// Asks with `token`: in the query for the tokens of HDFS, else in the header `X-Hadoop-Delegation-Token`.
    pub fn new(token: Token) -> Self {
        use yarn_common::token::TokenKind::{HdfsDelegation, SecureWebHdfsDelegation, WebHdfsDelegation};
        let place = match token.kind() {
            HdfsDelegation | WebHdfsDelegation | SecureWebHdfsDelegation => Place::Query,
            _ => Place::Header,
        };
        Self { token, place }
    }

    /// The same in the header: HttpFS takes tokens of HDFS so, and no log on the way shows them.
    #[must_use]
    pub fn in_header(mut self) -> Self {
        self.place = Place::Header;
        self
    }
}

impl Authenticator for DelegationToken {
    fn check(&self) -> Result<(), AuthError> {
        if self.token.identifier().is_empty() || self.token.password().is_empty() {
            return Err(format!(
                "the delegation token has no identifier or no password: {:?}",
                self.token
            )
            .into());
        }
        Ok(())
    }

    fn authenticate<'a>(&'a self, request: &'a mut RequestParts) -> BoxFuture<'a, Result<(), AuthError>> {
        let text = self.token.to_url_string();
        Box::pin(async move {
            if self.place == Place::Query {
                request.url.query_pairs_mut().append_pair("delegation", &text);
                return Ok(());
            }
            let mut value = HeaderValue::from_str(&text)?;
            value.set_sensitive(true);
            request.headers.insert(HEADER, value);
            Ok(())
        })
    }

    fn describe(&self) -> String {
        format!(
            "with a delegation token of kind {} for the service {:?}",
            self.token.kind(),
            self.token.service()
        )
    }
}
