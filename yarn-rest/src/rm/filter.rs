use std::time::Duration;

use url::form_urlencoded::Serializer;

use crate::model::{ApplicationState, FinalApplicationStatus};

/// Which applications are listed; the default is all of them. All conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApplicationFilter {
    /// Only in one of these states.
    pub states: Vec<ApplicationState>,
    /// Only with this end.
    pub final_status: Option<FinalApplicationStatus>,
    /// Only of this user.
    pub user: Option<String>,
    /// Only in this queue.
    pub queue: Option<String>,
    /// Only with this name (Hadoop 3.3 and later).
    pub name: Option<String>,
    /// Only of one of these types.
    pub application_types: Vec<String>,
    /// Only with one of these tags.
    pub application_tags: Vec<String>,
    /// Only submitted at or after this time since the epoch.
    pub started_from: Option<Duration>,
    /// Only submitted at or before this time since the epoch.
    pub started_until: Option<Duration>,
    /// Only ended at or after this time since the epoch.
    pub finished_from: Option<Duration>,
    /// Only ended at or before this time since the epoch.
    pub finished_until: Option<Duration>,
    /// At most so many.
    pub limit: Option<u64>,
    /// Whether what each application still waits for is told, too: it is most of the answer.
    pub resource_requests: bool,
}

impl ApplicationFilter {
    pub(super) fn query(&self) -> String {
        let mut query = Serializer::new(String::new());
        let states: Vec<_> = self.states.iter().map(ApplicationState::name).collect();
        let types = self.application_types.iter().map(String::as_str).collect::<Vec<_>>();
        let tags = self.application_tags.iter().map(String::as_str).collect::<Vec<_>>();
        for (key, values) in [
            ("states", states),
            ("applicationTypes", types),
            ("applicationTags", tags),
        ] {
            if !values.is_empty() {
                query.append_pair(key, &values.join(","));
            }
        }
        let millis = |time: Option<Duration>| time.map(|time| time.as_millis().to_string());
        for (key, value) in [
            (
                "finalStatus",
                self.final_status.as_ref().map(|status| status.name().to_owned()),
            ),
            ("user", self.user.clone()),
            ("queue", self.queue.clone()),
            ("name", self.name.clone()),
            ("startedTimeBegin", millis(self.started_from)),
            ("startedTimeEnd", millis(self.started_until)),
            ("finishedTimeBegin", millis(self.finished_from)),
            ("finishedTimeEnd", millis(self.finished_until)),
            ("limit", self.limit.map(|limit| limit.to_string())),
        ] {
            if let Some(value) = value {
                query.append_pair(key, &value);
            }
        }
        if !self.resource_requests {
            query.append_pair("deSelects", "resourceRequests");
        }
        query.finish()
    }
}
