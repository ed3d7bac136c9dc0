//! What a container wrote, from the web service of its node, for the master that tells of its end.

use std::time::Duration;

use async_trait::async_trait;
use selvedge_appmaster::yarn::{ContainerLogPlace, ContainerLogs};
use yarn_rest::auth::Simple;
use yarn_rest::error::RestError;
use yarn_rest::nm::{LogRange, NmClient};
use yarn_rest::rm::BuildError;
use yarn_rest::transport::{Proxies, Transport};

/// Whoever asks waits no longer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks NodeManagers.
#[derive(Debug, Clone, Copy, Default)]
pub struct NodeLogs;

#[derive(Debug, thiserror::Error)]
enum NodeLogError {
    #[error(transparent)]
    Client(#[from] BuildError),
    #[error(transparent)]
    Node(#[from] RestError),
}

impl NodeLogs {
    async fn read(place: &ContainerLogPlace, file: &str, bytes: u64) -> Result<String, NodeLogError> {
        let transport = Transport::new()
            .authenticator(Simple::new(&place.user))
            .proxies(Proxies::None)
            .connect_timeout(PATIENCE)
            .request_timeout(PATIENCE);
        let node = NmClient::new(&place.node_url, &transport)?;
        let mut log = node.open_log(place.container, file, LogRange::Last(bytes)).await?;
        let most = usize::try_from(bytes).unwrap_or(usize::MAX);
        let mut end = Vec::new();
        while let Some(more) = log.next().await? {
            end.extend_from_slice(&more);
            // A node, or what stands before it, may give the whole file.
            end.drain(..end.len().saturating_sub(most));
        }
        Ok(String::from_utf8_lossy(&end).into_owned())
    }
}

#[async_trait]
impl ContainerLogs for NodeLogs {
    async fn end_of(&self, place: &ContainerLogPlace, file: &str, bytes: u64) -> Option<String> {
        match Self::read(place, file, bytes).await {
            Ok(text) => Some(text),
            // Some containers never write it, and some nodes do not let everybody read.
            Err(error) => {
                tracing::debug!(container = %place.container, file, %error, "the node gives no log");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use wiremock::matchers::{method, path, query_param};
    use wiremock::{Mock, MockServer, ResponseTemplate};
    use yarn_common::id::ApplicationId;

    use super::*;

    #[tokio::test]
    async fn the_end_of_a_file_is_asked_of_the_node_in_the_name_of_its_owner() {
        let container = ApplicationId::new(1, 7).attempt(1).container(2);
        let server = MockServer::start().await;
        Mock::given(method("GET"))
            .and(path(format!("/ws/v1/node/containers/{container}/logs/taskmanager.log")))
            .and(query_param("size", "-100"))
            .and(query_param("user.name", "alice"))
            .respond_with(ResponseTemplate::new(200).set_body_raw("the end\n", "text/plain"))
            .mount(&server)
            .await;
        let place = ContainerLogPlace {
            node_url: server.uri(),
            container,
            user: "alice".to_owned(),
        };
        let logs = NodeLogs;
        assert_eq!(
            logs.end_of(&place, "taskmanager.log", 100).await.as_deref(),
            Some("the end\n")
        );
        assert_eq!(logs.end_of(&place, "taskmanager.err", 100).await, None);
    }

    #[tokio::test]
    async fn of_a_node_that_gives_more_than_was_asked_for_only_the_end_is_kept() {
        let container = ApplicationId::new(1, 7).attempt(1).container(2);
        let server = MockServer::start().await;
        let whole = format!("{}the end\n", "x".repeat(100_000));
        Mock::given(method("GET"))
            .respond_with(ResponseTemplate::new(200).set_body_raw(whole, "text/plain"))
            .mount(&server)
            .await;
        let place = ContainerLogPlace {
            node_url: server.uri(),
            container,
            user: "alice".to_owned(),
        };
        let end = NodeLogs.end_of(&place, "taskmanager.log", 8).await;
        assert_eq!(end.as_deref(), Some("the end\n"));
    }
}
