//! What an answer means that is not what was asked for.

use http::StatusCode;
use http::header::WWW_AUTHENTICATE;

use super::{Answer, without_stack_trace};
use crate::error::RestErrorKind;

impl Answer {
    /// `None` where it is what was asked for. `who` says how the client proved itself.
    pub(crate) fn refusal(&self, who: impl FnOnce() -> String) -> Option<RestErrorKind> {
        if self.says_standby() {
            return Some(RestErrorKind::Standby);
        }
        if self.status.is_success() {
            return self.is_html().then(|| RestErrorKind::Html {
                status: self.status.as_u16(),
                title: self.title(),
            });
        }
        let exception = self.remote_exception();
        Some(match self.status {
            StatusCode::UNAUTHORIZED => RestErrorKind::Unauthorized {
                asked: who(),
                message: exception.map_or_else(|| self.summary(), named),
                remedy: self.remedy_for_unauthorized(),
            },
            StatusCode::PROXY_AUTHENTICATION_REQUIRED => RestErrorKind::Proxy {
                address: "the proxy".to_owned(),
                cause: "it wants to know who asks (407): give user and password in its address".to_owned(),
            },
            _ => self.meaning_of(exception, who),
        })
    }

    fn meaning_of(&self, exception: Option<(String, String)>, who: impl FnOnce() -> String) -> RestErrorKind {
        let status = self.status.as_u16();
        match (self.status, exception) {
            (_, Some((class, _))) if class.ends_with("StandbyException") => RestErrorKind::Standby,
            (code, exception) if code == StatusCode::FORBIDDEN || exception.as_ref().is_some_and(is_access_control) => {
                let message = exception.map_or_else(|| self.summary(), named);
                RestErrorKind::Forbidden {
                    status,
                    asked: who(),
                    remedy: remedy_for_forbidden(&message),
                    message,
                }
            }
            (StatusCode::NOT_FOUND, Some((_, message))) if message.contains("null for uri") => {
                RestErrorKind::NoSuchEndpoint { message }
            }
            (StatusCode::NOT_FOUND, Some((_, message))) => RestErrorKind::NotFound { message },
            // A NodeManager wraps it in another exception, with another status.
            (_, Some((_, message))) if message.starts_with("org.apache.hadoop.yarn.webapp.NotFoundException: ") => {
                let message = message.split_once(": ").map_or("", |(_, rest)| rest);
                RestErrorKind::NotFound {
                    message: without_stack_trace(message),
                }
            }
            (_, Some((class, message))) => RestErrorKind::RemoteException { status, class, message },
            (StatusCode::NOT_FOUND, None) if self.is_from_ipc_port() => RestErrorKind::IpcPort,
            (StatusCode::NOT_FOUND, None) if self.is_hadoops_own_page() => {
                RestErrorKind::NoSuchEndpoint { message: self.title() }
            }
            (StatusCode::NOT_FOUND, None) if self.says_what_is_missing() => RestErrorKind::NotFound {
                message: without_stack_trace(&self.summary()),
            },
            (_, None) if self.is_html() => RestErrorKind::Html {
                status,
                title: self.title(),
            },
            (_, None) => RestErrorKind::UnexpectedStatus {
                status,
                body: self.summary(),
            },
        }
    }

    /// A NodeManager says in plain text that it has no such log.
    fn says_what_is_missing(&self) -> bool {
        !self.is_html() && !self.body.is_empty()
    }

    /// YARN's page about a path that it does not know, with the exception in it.
    fn is_hadoops_own_page(&self) -> bool {
        self.is_html() && self.text().contains("org.apache.hadoop.yarn.webapp.WebAppException")
    }

    fn remedy_for_unauthorized(&self) -> &'static str {
        match self.header(WWW_AUTHENTICATE) {
            Some(challenge) if challenge.starts_with("Negotiate") => {
                "the cluster wants Kerberos (SPNEGO) on its web address; a user name alone does not do"
            }
            Some(challenge) if challenge.starts_with("Basic") => {
                "this is a gateway, which wants a user and a password of its own"
            }
            Some(challenge) if challenge.starts_with("Bearer") => "this is a gateway, which wants a token of its own",
            _ => {
                "give a user name (HADOOP_USER_NAME), and check that the filters of the web server authenticate users \
                 (hadoop.http.filter.initializers, hadoop.http.authentication.type)"
            }
        }
    }
}

fn remedy_for_forbidden(message: &str) -> &'static str {
    if message.contains("Kerberos authenticated channel") {
        return "delegation tokens are given only to those who log in by Kerberos; a cluster without it needs none";
    }
    if message.contains("static user") {
        return "name a user: the static user of the web server may not do this";
    }
    if message.contains("InvalidToken") {
        return "the delegation token has expired, was cancelled, or is another server's: get a new one";
    }
    if message.contains("AccessControlException") {
        return "check the owner and the permissions of the path and of those above it";
    }
    "check that this user may submit to the queue and change the application, and that the cluster allows it over REST \
     (yarn.webapp.enable-rest-app-submissions)"
}

/// Whether HDFS refuses: HttpFS says so with the status of a broken server.
fn is_access_control((class, _): &(String, String)) -> bool {
    class.ends_with("AccessControlException")
}

/// A Java exception as people look it up: by its class.
fn named((class, message): (String, String)) -> String {
    format!("{class}: {message}")
}
