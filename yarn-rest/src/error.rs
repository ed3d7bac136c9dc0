//! What can go wrong, with the step, the address and the remedy.

use std::error::Error;
use std::time::Duration;

use thiserror::Error;
use yarn_common::id::ApplicationId;
use yarn_common::submission::SubmissionError;

/// A request that failed: in which step, at which address, why.
#[derive(Debug, Error)]
#[error("cannot {step}: {kind} [{url}]")]
pub struct RestError {
    /// What the client was doing: `submit application_…`.
    pub step: String,
    /// The address that was asked, without credentials.
    pub url: String,
    /// Why it failed.
    pub kind: Box<RestErrorKind>,
}

/// Why a request failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RestErrorKind {
    /// No connection: nothing was sent.
    #[error("cannot connect to {address}{}: {cause}; is the service running, and is the address right?", origin_text(origin.as_deref()))]
    Connect {
        /// Host and port.
        address: String,
        /// Where the address comes from, as the caller told: a property and its file.
        origin: Option<String>,
        /// What the operating system says.
        cause: String,
    },
    /// TLS failed: nothing was sent.
    #[error("no secure connection to {address}: {cause}; {remedy}")]
    Tls {
        /// Host and port.
        address: String,
        /// What TLS says.
        cause: String,
        /// What to do.
        remedy: &'static str,
    },
    /// Something listens there that does not speak HTTP.
    #[error(
        "{address} does not speak HTTP ({cause}): is it the port of HTTPS (yarn.http.policy), or of another service?"
    )]
    NotHttp {
        /// Host and port.
        address: String,
        /// What the HTTP library says.
        cause: String,
    },
    /// A Hadoop IPC port was asked over HTTP.
    #[error(
        "this is a port of Hadoop IPC, not of the web interface: use the web address of the service (the \
         ResourceManager's is yarn.resourcemanager.webapp.address, port 8088; a NameNode's is \
         dfs.namenode.http-address, port 9870)"
    )]
    IpcPort,
    /// The proxy on the way refuses or fails: nothing reached the service.
    #[error(
        "the proxy on the way to {address} does not let it through: {cause}; is it meant to be used (HTTPS_PROXY, NO_PROXY)?"
    )]
    Proxy {
        /// Host and port of the service.
        address: String,
        /// What the proxy said.
        cause: String,
    },
    /// No answer in time. The request may have been carried out.
    #[error("no answer within {after:?}")]
    Timeout {
        /// The bound.
        after: Duration,
    },
    /// The connection broke before the whole answer was there. The request may have been carried out.
    #[error("the connection broke before the answer was complete: {cause}")]
    Interrupted {
        /// What the operating system or the HTTP library says.
        cause: String,
    },
    /// 401: the server does not know who asks.
    #[error(
        "the server wants to know who asks (401{}) and was asked {asked}: {remedy}",
        text_after(": ", message)
    )]
    Unauthorized {
        /// How the client said who it is.
        asked: String,
        /// What the server said.
        message: String,
        /// What to do.
        remedy: &'static str,
    },
    /// 403, or HDFS's exception for it: the server knows who asks, and refuses.
    #[error(
        "the server refuses ({status}{}) and was asked {asked}: {remedy}",
        text_after(": ", message)
    )]
    Forbidden {
        /// The HTTP status: HttpFS says 500 where a NameNode says 403.
        status: u16,
        /// How the client said who it is.
        asked: String,
        /// What the server said.
        message: String,
        /// What to do.
        remedy: &'static str,
    },
    /// 404: there is no such application, attempt, container or node.
    #[error("not found: {message}")]
    NotFound {
        /// What the server said.
        message: String,
    },
    /// 404: the server does not know this address at all.
    #[error("the server has no such address ({message}): is it of an older version of Hadoop, or another service?")]
    NoSuchEndpoint {
        /// What the server said.
        message: String,
    },
    /// The server threw a Java exception.
    #[error("{class}: {message} (status {status})")]
    RemoteException {
        /// The HTTP status.
        status: u16,
        /// The class of the exception, as short as the server named it.
        class: String,
        /// Its message, without the stack trace.
        message: String,
    },
    /// A ResourceManager that is not active and knows none that is.
    #[error("this ResourceManager is standby and knows no active one")]
    Standby,
    /// None of several ResourceManagers could serve the request.
    #[error("no ResourceManager could serve it: {}", joined(.0))]
    AllFailed(Vec<RestError>),
    /// An HTML page where data was expected: a login page, a gateway, another service on that port.
    #[error("the answer is an HTML page, {title:?} (status {status}): is this the web address of the service itself?")]
    Html {
        /// The HTTP status.
        status: u16,
        /// The title of the page.
        title: String,
    },
    /// The proxy has nothing to show of the application's own: it has not registered yet, or has ended.
    #[error("the application has no web page of its own now; the proxy redirects to {location}")]
    NoTrackingUrl {
        /// The page that the proxy shows instead.
        location: String,
    },
    /// A status that this client does not expect.
    #[error("unexpected status {status}: {body}")]
    UnexpectedStatus {
        /// The HTTP status.
        status: u16,
        /// The beginning of the answer, at most 200 characters.
        body: String,
    },
    /// More redirects than there can be ResourceManagers.
    #[error("redirected {0} times: the ResourceManagers disagree about which of them is active")]
    TooManyRedirects(usize),
    /// The answer is not what the interface promises.
    #[error("the answer cannot be understood: {reason}; it begins {body:?}")]
    Decode {
        /// What is wrong.
        reason: String,
        /// The beginning of the answer, at most 200 characters.
        body: String,
    },
    /// The request cannot be sent as it is.
    #[error("the request is wrong: {0}")]
    InvalidRequest(String),
    /// The application cannot be submitted as it is; nothing was sent.
    #[error("the application is wrong: {0}")]
    InvalidSubmission(#[source] SubmissionError),
    /// The client could not prove who it is.
    #[error("the request could not be authenticated: {0}")]
    Authenticate(#[source] Box<dyn Error + Send + Sync>),
    /// The answer to a submission was lost and the ResourceManager could not be asked whether it has the application.
    #[error("the answer was lost ({lost}), and whether {application} was submitted is unknown: {check}")]
    SubmissionUnknown {
        /// The application that may or may not run.
        application: ApplicationId,
        /// How the answer was lost.
        lost: Box<RestError>,
        /// Why the check failed.
        check: Box<RestError>,
    },
}

impl RestError {
    pub(crate) fn new(step: &str, url: &str, kind: RestErrorKind) -> Self {
        Self {
            step: step.to_owned(),
            url: url.to_owned(),
            kind: Box::new(kind),
        }
    }

    /// Why it failed.
    pub fn kind(&self) -> &RestErrorKind {
        &self.kind
    }

    /// Whether the server said that what was asked for does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(*self.kind, RestErrorKind::NotFound { .. })
    }

    /// Whether the request was certainly not carried out because no active server was reached.
    pub fn was_never_served(&self) -> bool {
        match &*self.kind {
            RestErrorKind::Connect { .. }
            | RestErrorKind::Tls { .. }
            | RestErrorKind::Proxy { .. }
            | RestErrorKind::IpcPort
            | RestErrorKind::Standby => true,
            RestErrorKind::AllFailed(errors) => errors.iter().all(Self::was_never_served),
            _ => false,
        }
    }

    /// Whether the request may have been carried out although its answer did not arrive.
    pub fn answer_was_lost(&self) -> bool {
        match &*self.kind {
            RestErrorKind::Timeout { .. } | RestErrorKind::Interrupted { .. } => true,
            // A gateway that gave up. A Java exception with 503 comes from the service itself, and is its answer.
            RestErrorKind::UnexpectedStatus { status, .. } | RestErrorKind::Html { status, .. } => {
                matches!(status, 502..=504)
            }
            RestErrorKind::AllFailed(errors) => errors.iter().any(Self::answer_was_lost),
            _ => false,
        }
    }

    /// Whether the same request may succeed a little later.
    pub fn is_transient(&self) -> bool {
        match &*self.kind {
            RestErrorKind::AllFailed(errors) => errors.iter().all(Self::is_transient),
            // They last until someone changes a configuration.
            RestErrorKind::Tls { .. } | RestErrorKind::IpcPort | RestErrorKind::Proxy { .. } => false,
            // A NameNode that is starting or in safe mode says so, and carries out nothing.
            RestErrorKind::RemoteException { class, .. } => matches!(
                class.rsplit('.').next(),
                Some("RetriableException" | "SafeModeException")
            ),
            _ => self.was_never_served() || self.answer_was_lost(),
        }
    }
}

fn origin_text(origin: Option<&str>) -> String {
    origin.map(|origin| format!(" (from {origin})")).unwrap_or_default()
}

fn text_after(separator: &str, text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!("{separator}{text}")
    }
}

fn joined(errors: &[RestError]) -> String {
    errors
        .iter()
        .map(|error| format!("{} [{}]", error.kind, error.url))
        .collect::<Vec<_>>()
        .join("; ")
}
