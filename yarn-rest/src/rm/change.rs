//! What changes an application that is there: queue, priority, lifetime, and signals to its containers.

use http::Method;
use serde::Deserialize;
use serde_json::json;
use yarn_common::id::{ApplicationId, ContainerId};

use super::{CLUSTER, RmClient};
use crate::error::{RestError, RestErrorKind};
use crate::http::Call;
use crate::lenient;
use crate::model::{ApplicationTimeout, ContainerSignal};

#[derive(Deserialize)]
struct Queue {
    queue: String,
}

#[derive(Deserialize)]
struct Priority {
    #[serde(default, deserialize_with = "lenient::signed")]
    priority: Option<i64>,
}

impl RmClient {
    /// The path of the queue of an application: `root.default`.
    ///
    /// # Errors
    /// [`RestError`]; [`is_not_found`](RestError::is_not_found) where there is none.
    pub async fn queue(&self, id: ApplicationId) -> Result<String, RestError> {
        let call = Call::get(format!("read the queue of {id}"), format!("{CLUSTER}/apps/{id}/queue"));
        self.whole::<Queue>(call).await.map(|answer| answer.queue)
    }

    /// Moves an application that runs to another queue, and tells in which it is then.
    ///
    /// # Errors
    /// [`RestErrorKind::InvalidRequest`] for an empty name; [`RestErrorKind::RemoteException`] or
    /// [`RestErrorKind::UnexpectedStatus`] for a queue that is not there or an application that has ended.
    pub async fn move_to_queue(&self, id: ApplicationId, queue: &str) -> Result<String, RestError> {
        let call = Call::new(
            Method::PUT,
            format!("move {id} to the queue {queue:?}"),
            format!("{CLUSTER}/apps/{id}/queue"),
        );
        if queue.trim().is_empty() {
            return Err(self.invalid(&call, "the name of the queue is empty"));
        }
        let call = call.json(&json!({ "queue": queue }));
        self.whole::<Queue>(call).await.map(|answer| answer.queue)
    }

    /// The priority of an application; the higher wins. `None` where it has none of its own.
    ///
    /// # Errors
    /// [`RestError`]; [`is_not_found`](RestError::is_not_found) where there is none.
    pub async fn priority(&self, id: ApplicationId) -> Result<Option<u32>, RestError> {
        let call = Call::get(
            format!("read the priority of {id}"),
            format!("{CLUSTER}/apps/{id}/priority"),
        );
        self.whole::<Priority>(call).await.map(Priority::own)
    }

    /// Sets the priority of an application, and tells what it is then: at most what the cluster allows
    /// (`yarn.cluster.max-application-priority`), and as before for one that has ended.
    ///
    /// # Errors
    /// [`RestError`]; [`is_not_found`](RestError::is_not_found) where there is none.
    pub async fn set_priority(&self, id: ApplicationId, priority: u32) -> Result<Option<u32>, RestError> {
        let call = Call::new(
            Method::PUT,
            format!("set the priority of {id} to {priority}"),
            format!("{CLUSTER}/apps/{id}/priority"),
        );
        if i32::try_from(priority).is_err() {
            return Err(self.invalid(&call, "YARN has no priority above 2147483647"));
        }
        let call = call.json(&json!({ "priority": priority }));
        self.whole::<Priority>(call).await.map(Priority::own)
    }

    /// When YARN kills an application by itself; one that is never killed so has one without an end.
    ///
    /// # Errors
    /// [`RestError`]; [`is_not_found`](RestError::is_not_found) where there is none.
    pub async fn timeouts(&self, id: ApplicationId) -> Result<Vec<ApplicationTimeout>, RestError> {
        let call = Call::get(
            format!("read the time-outs of {id}"),
            format!("{CLUSTER}/apps/{id}/timeouts"),
        );
        self.list(call, "timeouts", "timeout").await
    }

    /// When the lifetime of an application ends: the only kind of time-out that there is.
    ///
    /// # Errors
    /// [`RestError`]; [`is_not_found`](RestError::is_not_found) where there is none.
    pub async fn lifetime(&self, id: ApplicationId) -> Result<ApplicationTimeout, RestError> {
        let call = Call::get(
            format!("read the lifetime of {id}"),
            format!("{CLUSTER}/apps/{id}/timeouts/LIFETIME"),
        );
        self.member(call, "timeout").await
    }

    /// Lets an application that runs be killed at `expiry_time`, in ISO 8601 as YARN writes it:
    /// `2026-01-31T23:59:59.000+0000`. It can be moved, and not taken back.
    ///
    /// # Errors
    /// [`RestErrorKind::InvalidRequest`] where that is no such time; [`RestError`], for a time that has passed, too.
    pub async fn set_lifetime(&self, id: ApplicationId, expiry_time: &str) -> Result<ApplicationTimeout, RestError> {
        let call = Call::new(
            Method::PUT,
            format!("set the lifetime of {id}"),
            format!("{CLUSTER}/apps/{id}/timeout"),
        );
        if !is_yarn_time(expiry_time) {
            let text = format!("{expiry_time:?} is not a time of the form 2026-01-31T23:59:59.000+0000");
            return Err(self.invalid(&call, &text));
        }
        let call = call.json(&json!({ "timeout": { "type": "LIFETIME", "expiryTime": expiry_time } }));
        self.member(call, "timeout").await
    }

    /// Sends a signal to a container that runs: it is on its way when this returns.
    ///
    /// # Errors
    /// [`RestError`]; [`is_not_found`](RestError::is_not_found) where the container does not run.
    pub async fn signal(&self, container: ContainerId, signal: ContainerSignal) -> Result<(), RestError> {
        let call = Call::new(
            Method::POST,
            format!("send {signal} to {container}"),
            format!("{CLUSTER}/containers/{container}/signal/{signal}"),
        );
        self.done(call).await.map_err(|mut error| {
            if let RestErrorKind::UnexpectedStatus { body, .. } = &*error.kind
                && body.contains("absent container")
            {
                error.kind = Box::new(RestErrorKind::NotFound { message: body.clone() });
            }
            error
        })
    }

    pub(super) fn invalid(&self, call: &Call, reason: &str) -> RestError {
        call.error(
            &self.cluster.active_base(),
            RestErrorKind::InvalidRequest(reason.to_owned()),
        )
    }
}

impl Priority {
    fn own(self) -> Option<u32> {
        self.priority.and_then(|priority| u32::try_from(priority).ok())
    }
}

/// `yyyy-MM-ddTHH:mm:ss.SSS+ZZZZ`: what the ResourceManager parses; it answers anything else with a bare 503.
fn is_yarn_time(text: &str) -> bool {
    const FORM: &[u8] = b"0000-00-00T00:00:00.000+0000";
    let matches = |(&form, actual): (&u8, u8)| match form {
        b'0' => actual.is_ascii_digit(),
        b'+' => matches!(actual, b'+' | b'-'),
        other => actual == other,
    };
    text.len() == FORM.len() && FORM.iter().zip(text.bytes()).all(matches)
}

#[cfg(test)]
mod tests {
    use super::is_yarn_time;

    #[test]
    fn a_time_must_have_the_form_that_the_resource_manager_parses() {
        assert!(is_yarn_time("2030-01-01T00:00:00.000+0000"));
        assert!(is_yarn_time("2030-01-01T00:00:00.000-0730"));
        for text in ["UNLIMITED", "", "2030-01-01T00:00:00Z", "2030-01-01 00:00:00.000+0000"] {
            assert!(!is_yarn_time(text), "{text}");
        }
    }
}
