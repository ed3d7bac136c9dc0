//! The scheduler: its queues, its configuration, who may use a queue.

use http::Method;
use serde_json::{Value, json};
use url::form_urlencoded::Serializer;

use super::{CLUSTER, RmClient};
use crate::error::{RestError, RestErrorKind};
use crate::http::Call;
use crate::model::{QueueAccess, QueueAcl, Scheduler, SchedulerChange, SchedulerProperty};

impl RmClient {
    /// The scheduler and its queues: capacity, fair or FIFO.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn scheduler(&self) -> Result<Scheduler, RestError> {
        let call = Call::get("read the scheduler's queues", format!("{CLUSTER}/scheduler"));
        let served = self.cluster.ask(&call).await?;
        let body: Value = served.answer.json(&call, served.base())?;
        Scheduler::from_json(&body).map_err(|reason| served.answer.undecodable(&call, served.base(), reason))
    }

    /// The properties of the capacity scheduler as they are now, which may differ from its file. Needs a store for them
    /// (`yarn.scheduler.configuration.store.class`) and an administrator.
    ///
    /// # Errors
    /// [`RestError`]; [`RestErrorKind::RemoteException`] or [`RestErrorKind::UnexpectedStatus`] where the scheduler has
    /// no store.
    pub async fn scheduler_configuration(&self) -> Result<Vec<SchedulerProperty>, RestError> {
        let call = Call::get(
            "read the scheduler's configuration",
            format!("{CLUSTER}/scheduler-conf"),
        );
        let served = self.cluster.ask(&call).await?;
        let body: Value = served.answer.json(&call, served.base())?;
        let wrapped = json!({ "configuration": body });
        crate::lenient::items_of(wrapped, "configuration", "property")
            .map_err(|reason| served.answer.undecodable(&call, served.base(), reason))
    }

    /// Changes queues and properties of the capacity scheduler while it runs, all or nothing. The same conditions as for
    /// [`scheduler_configuration`](Self::scheduler_configuration).
    ///
    /// # Errors
    /// [`RestErrorKind::InvalidRequest`] for a change that changes nothing; [`RestError`].
    pub async fn change_scheduler_configuration(&self, change: &SchedulerChange) -> Result<(), RestError> {
        // Adding a queue twice is an error, so it is not repeated.
        let call = Call::new(
            Method::PUT,
            "change the scheduler's configuration",
            format!("{CLUSTER}/scheduler-conf"),
        )
        .once();
        let body = change
            .to_json()
            .map_err(|reason| call.error(&self.cluster.active_base(), RestErrorKind::InvalidRequest(reason)))?;
        self.done(call.json(&body)).await
    }

    /// Whether `user` may do what `acl` says in `queue`. Needs an administrator, unless it is the asker.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn queue_access(&self, queue: &str, user: &str, acl: &QueueAcl) -> Result<QueueAccess, RestError> {
        let query = Serializer::new(String::new())
            .append_pair("user", user)
            .append_pair("queue-acl-type", acl.name())
            .finish();
        let call = Call::get(
            format!("check the access of {user} to the queue {queue}"),
            format!("{CLUSTER}/queues/{queue}/access"),
        )
        .query(query);
        self.whole(call).await
    }
}
