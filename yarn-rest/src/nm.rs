//! NodeManagers: their containers and logs.

use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;
use yarn_common::id::ContainerId;

use crate::builder;
use crate::error::RestError;
use crate::http::{Call, Http};
use crate::lenient;
use crate::model::{ContainerLogFile, NodeContainer, NodeManagerInfo};
use crate::rm::{BuildError, RmClient};

const NODE: &str = "/ws/v1/node";

/// A client of one NodeManager.
#[derive(Debug, Clone)]
pub struct NmClient {
    http: Http,
    base: Url,
}

/// A part of a log file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPart {
    /// The length of the whole file in bytes, where the server told.
    pub file_length: Option<u64>,
    /// The text of the part; bytes that are not UTF-8 are replaced.
    pub text: String,
}

/// Which part of a log file is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogRange {
    /// The first so many bytes.
    First(u64),
    /// The last so many bytes.
    Last(u64),
    /// All of it.
    All,
}

impl RmClient {
    /// A client for the NodeManager at `http_address`, as reports tell it: `host:8042`, with the scheme of the
    /// ResourceManager, or `http://host:8042`. It has the same identity and time-outs.
    ///
    /// # Errors
    /// [`BuildError::BadUrl`].
    pub fn node_manager(&self, http_address: &str) -> Result<NmClient, BuildError> {
        let base = match http_address.contains("://") {
            true => builder::base_url(http_address)?,
            false => builder::base_url(&format!("{}://{http_address}", self.active_url().scheme()))?,
        };
        Ok(NmClient {
            http: self.http(),
            base,
        })
    }
}

impl NmClient {
    /// The node and its health.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn info(&self) -> Result<NodeManagerInfo, RestError> {
        let call = Call::get("read the state of the NodeManager", format!("{NODE}/info"));
        self.member(&call, "nodeInfo").await
    }

    /// One container. A container that ended is gone within seconds.
    ///
    /// # Errors
    /// [`RestError`]; [`is_not_found`](RestError::is_not_found) where the node does not have it (any more).
    pub async fn container(&self, id: ContainerId) -> Result<NodeContainer, RestError> {
        let call = Call::get(format!("read the state of {id}"), format!("{NODE}/containers/{id}"));
        self.member(&call, "container").await
    }

    /// All containers of the node.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn containers(&self) -> Result<Vec<NodeContainer>, RestError> {
        let call = Call::get("list the containers of the node", format!("{NODE}/containers"));
        let (body, answer) = self.body(&call).await?;
        lenient::items_of(body, "containers", "container")
            .map_err(|reason| answer.undecodable(&call, &self.base, reason))
    }

    /// The log files of a container.
    ///
    /// # Errors
    /// [`RestError`]; [`is_not_found`](RestError::is_not_found) where the node does not have it (any more).
    pub async fn log_files(&self, id: ContainerId) -> Result<Vec<ContainerLogFile>, RestError> {
        let call = Call::get(format!("list the logs of {id}"), format!("{NODE}/containers/{id}/logs"));
        let (body, answer) = self.body(&call).await?;
        ContainerLogFile::from_json(body).map_err(|reason| answer.undecodable(&call, &self.base, reason))
    }

    /// A part of a log file of a container.
    ///
    /// # Errors
    /// [`RestError`]; [`is_not_found`](RestError::is_not_found) where the node does not have it (any more).
    pub async fn log(&self, id: ContainerId, file: &str, range: LogRange) -> Result<LogPart, RestError> {
        let mut path = self.base.clone();
        path.set_path("");
        if let Ok(mut segments) = path.path_segments_mut() {
            segments.extend(["ws", "v1", "node", "containers", &id.to_string(), "logs", file]);
        }
        let query = match range {
            LogRange::First(bytes) => format!("format=text&size={bytes}"),
            LogRange::Last(bytes) => format!("format=text&size=-{bytes}"),
            LogRange::All => "format=text".to_owned(),
        };
        let call = Call::get(format!("read the log {file} of {id}"), path.path()).query(query);
        let answer = self.http.send(&call, &self.base, None).await?;
        if let Some(kind) = self.http.refusal(&answer) {
            return Err(call.error(&self.base, kind));
        }
        Ok(log_part(&String::from_utf8_lossy(&answer.body), file))
    }

    async fn body(&self, call: &Call) -> Result<(Value, crate::answer::Answer), RestError> {
        let answer = self.http.send(call, &self.base, None).await?;
        if let Some(kind) = self.http.refusal(&answer) {
            return Err(call.error(&self.base, kind));
        }
        let body = answer.json(call, &self.base)?;
        Ok((body, answer))
    }

    async fn member<T: DeserializeOwned>(&self, call: &Call, name: &str) -> Result<T, RestError> {
        let (mut body, answer) = self.body(call).await?;
        let member = body
            .get_mut(name)
            .map(Value::take)
            .ok_or_else(|| format!("there is no object {name:?} in it"));
        member
            .and_then(|member| serde_json::from_value(member).map_err(|cause| cause.to_string()))
            .map_err(|reason| answer.undecodable(call, &self.base, reason))
    }
}

/// The server puts a block of headers before the text and a line after it, without a line break of its own between.
fn log_part(answer: &str, file: &str) -> LogPart {
    const BEGIN: &str = "LogContents:\n";
    let Some(begin) = answer.find(BEGIN) else {
        return LogPart {
            file_length: None,
            text: answer.to_owned(),
        };
    };
    let (head, text) = (&answer[..begin], &answer[begin + BEGIN.len()..]);
    let length = head.lines().find_map(|line| line.strip_prefix("LogLength:"));
    let end = text.rfind(&format!("End of LogType:{file}")).unwrap_or(text.len());
    LogPart {
        file_length: length.and_then(|length| length.trim().parse().ok()),
        text: text[..end].to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_log_is_taken_out_of_its_frame() {
        let frame = |text: &str, rest: &str| {
            format!(
                "Container: container_1_0001_01_000001 on h:1\nLogAggregationType: LOCAL\n=====\nLogType:stderr\n\
                 LogLastModifiedTime:x\nLogLength:5000\nLogContents:\n{text}End of LogType:stderr{rest}\n****\n\n"
            )
        };
        for text in ["line 1\nEnd of LogType:stderr no\nline 2\n", "no line break", "", "\n"] {
            for rest in [
                "",
                ".This log file belongs to a running container (…) and so may not be complete.",
            ] {
                let part = log_part(&frame(text, rest), "stderr");
                assert_eq!((part.file_length, part.text.as_str()), (Some(5000), text));
            }
        }
        assert_eq!(log_part("plain", "stderr").text, "plain");
    }
}
