//! What a server answered, before it is known whether that is good.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, LOCATION, REFRESH};
use http::{HeaderMap, HeaderName, Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use crate::builder::Base;
use crate::error::{RestError, RestErrorKind};
use crate::http::Call;
use crate::lenient;

mod refusal;

/// How much of an unexpected answer a message shows.
const EXCERPT: usize = 200;

/// A status, headers and a body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json<T: DeserializeOwned>(&self, call: &Call, base: &Base) -> Result<T, RestError> {
        let undecodable = |cause: serde_json::Error| self.undecodable(call, base, cause.to_string());
        let value = lenient::parse(&self.body).map_err(undecodable)?;
        serde_json::from_value(value).map_err(undecodable)
    }

    /// The object `name` in the answer.
    pub(crate) fn member<T: DeserializeOwned>(&self, call: &Call, base: &Base, name: &str) -> Result<T, RestError> {
        let mut body: Value = self.json(call, base)?;
        let member = body.get_mut(name).map(Value::take);
        let member = member.ok_or_else(|| format!("there is no object {name:?} in it"));
        member
            .and_then(|member| serde_json::from_value(member).map_err(|cause| cause.to_string()))
            .map_err(|reason| self.undecodable(call, base, reason))
    }

    /// The list `inner` in the object `outer`, in any of the ways in which Hadoop writes one.
    pub(crate) fn list<T: DeserializeOwned>(
        &self,
        call: &Call,
        base: &Base,
        outer: &str,
        inner: &str,
    ) -> Result<Vec<T>, RestError> {
        let body: Value = self.json(call, base)?;
        lenient::items_of(body, outer, inner).map_err(|reason| self.undecodable(call, base, reason))
    }

    pub(crate) fn undecodable(&self, call: &Call, base: &Base, reason: String) -> RestError {
        call.error(
            base,
            RestErrorKind::Decode {
                reason,
                body: excerpt(&self.text()),
            },
        )
    }

    /// Where this redirects to, if that is the same path at another server.
    pub(crate) fn redirected_base(&self, call: &Call, base: &Base) -> Option<Base> {
        let keeps_method = matches!(self.status.as_u16(), 307 | 308) || call.method == Method::GET;
        let named = match self.status.is_redirection() && keeps_method {
            true => self.header(LOCATION)?.to_owned(),
            false => self.standby_names()?,
        };
        let mut location = base.url.join(&named).ok()?;
        let path = location.path().strip_suffix(base.bare_path(&call.path))?.to_owned();
        let downgraded = base.url.scheme() == "https" && location.scheme() != "https";
        if downgraded || !matches!(location.scheme(), "http" | "https") {
            return None;
        }
        location.set_path(&path);
        location.set_query(None);
        Some(base.at(location))
    }

    /// The active server that a standby names in its Refresh header (`3; url=http://active/…`) or in its text (`This is
    /// standby RM. The redirect url is: …`) instead of a redirect: proxies and old versions do so.
    fn standby_names(&self) -> Option<String> {
        if !self.says_standby() {
            return None;
        }
        let refresh = self.header(REFRESH).and_then(|refresh| refresh.split_once("url="));
        let text = self.text();
        let named = match refresh {
            Some((_, url)) => url,
            None => text.split_whitespace().find(|word| word.contains("://"))?,
        };
        // Without a host it says: ask me again.
        Url::parse(named.trim()).ok().map(String::from)
    }

    pub(crate) fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn is_html(&self) -> bool {
        self.header(CONTENT_TYPE)
            .is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/html"))
    }

    /// A standby ResourceManager that knows no active one answers 200, a line of text and a Refresh header.
    pub(crate) fn says_standby(&self) -> bool {
        let is_json = self.header(CONTENT_TYPE).is_some_and(|kind| kind.contains("json"));
        !is_json && (self.headers.contains_key(REFRESH) || self.body.starts_with(b"This is standby RM"))
    }

    /// Whether a Hadoop IPC port says that it is not a web port.
    pub(crate) fn is_from_ipc_port(&self) -> bool {
        self.text().contains("request to a Hadoop IPC port")
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn title(&self) -> String {
        let text = self.text();
        let lower = text.to_ascii_lowercase();
        let title = lower.find("<title>").and_then(|start| {
            let end = lower[start..].find("</title>")? + start;
            Some(
                text[start + "<title>".len()..end]
                    .split_whitespace()
                    .collect::<Vec<_>>()
                    .join(" "),
            )
        });
        excerpt(&title.unwrap_or_else(|| "without a title".to_owned()))
    }

    /// A short text of what the server said.
    pub(crate) fn summary(&self) -> String {
        if self.is_html() {
            return self.title();
        }
        let text = excerpt(self.text().trim());
        match (self.header(LOCATION), text.is_empty()) {
            (Some(location), _) if self.status.is_redirection() => format!("it redirects to {location}"),
            (_, true) => self.status.canonical_reason().unwrap_or_default().to_owned(),
            (_, false) => text,
        }
    }

    /// The class and the message of the Java exception that this carries.
    pub(crate) fn remote_exception(&self) -> Option<(String, String)> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct RemoteException {
            exception: Option<String>,
            java_class_name: Option<String>,
            message: Option<Value>,
        }
        let mut body: Value = serde_json::from_slice(&self.body).ok()?;
        let exception: RemoteException = serde_json::from_value(body.get_mut("RemoteException")?.take()).ok()?;
        let message = match exception.message {
            Some(Value::String(message)) => without_stack_trace(&message),
            Some(other) if !other.is_null() => other.to_string(),
            _ => "without a message".to_owned(),
        };
        Some((exception.exception.or(exception.java_class_name)?, message))
    }
}

/// A Java message may end with the stack trace of its cause, and begin with a class that says nothing.
pub(crate) fn without_stack_trace(message: &str) -> String {
    let message = message.strip_prefix("java.lang.Exception: ").unwrap_or(message);
    let lines = message
        .lines()
        .take_while(|line| !line.trim_start().starts_with("at "))
        .map(str::trim_end);
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

fn excerpt(text: &str) -> String {
    match text.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
