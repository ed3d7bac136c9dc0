//! The Application History Server, which keeps what the ResourceManager tells of applications and their containers, and
//! serves the logs that the NodeManagers have gathered into HDFS.

use std::path::Path;

use super::path;
use super::site::properties;
use crate::bed::options::Properties;

/// Not below `/tmp`: the NodeManagers would make that before the bed gives it its permissions.
const GATHERED_LOGS: &str = "/app-logs";

/// Where it listens, `host:port` each.
#[derive(Debug)]
pub(super) struct HistoryServer {
    rpc: String,
    web: String,
    secure_web: String,
}

impl HistoryServer {
    pub(super) fn new(mut local: impl FnMut() -> String) -> Self {
        Self {
            rpc: local(),
            web: local(),
            secure_web: local(),
        }
    }

    pub(super) fn web_url(&self) -> String {
        format!("http://{}", self.web)
    }

    /// What everybody needs to find it and the logs.
    pub(super) fn addresses(&self) -> Properties {
        properties([
            ("yarn.timeline-service.enabled", "true".to_owned()),
            ("yarn.timeline-service.hostname", "localhost".to_owned()),
            ("yarn.timeline-service.address", self.rpc.clone()),
            ("yarn.timeline-service.webapp.address", self.web.clone()),
            ("yarn.timeline-service.webapp.https.address", self.secure_web.clone()),
            (
                "yarn.timeline-service.generic-application-history.enabled",
                "true".to_owned(),
            ),
            ("yarn.log-aggregation-enable", "true".to_owned()),
            ("yarn.nodemanager.remote-app-log-dir", GATHERED_LOGS.to_owned()),
        ])
    }

    /// The ResourceManager tells it of all that happens.
    pub(super) fn of_resource_manager(&self) -> Properties {
        properties([("yarn.system-metrics-publisher.enabled", "true".to_owned())])
    }

    /// A NodeManager sends on to it who asks for logs that it has gathered.
    pub(super) fn of_node_manager(&self) -> Properties {
        let url = format!("{}/ws/v1/applicationhistory", self.web_url());
        properties([("yarn.log.server.web-service.url", url)])
    }

    /// `data` is the folder of its databases.
    pub(super) fn own(&self, data: &Path) -> Properties {
        properties([
            ("yarn.timeline-service.leveldb-timeline-store.path", path(data)),
            ("yarn.timeline-service.leveldb-state-store.path", path(data)),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_finds_the_history_server_and_a_node_sends_on_to_it() {
        let mut port = 20_000;
        let server = HistoryServer::new(|| {
            port += 1;
            format!("localhost:{port}")
        });
        let web = server.addresses()["yarn.timeline-service.webapp.address"].clone();
        assert_eq!(server.web_url(), format!("http://{web}"));
        let sent_on = &server.of_node_manager()["yarn.log.server.web-service.url"];
        assert!(sent_on.starts_with(&server.web_url()), "{sent_on}");
    }
}
