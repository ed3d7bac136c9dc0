//! What a client submits to a ResourceManager, over REST or Hadoop IPC.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::id::{ApplicationId, ReservationId};
use crate::launch::ContainerLaunchContext;
use crate::resource::{Priority, Resource};

mod check;

pub use check::{MAX_TAG_LENGTH, MAX_TAGS, SubmissionError};

/// An application as it is submitted. [`new`](Self::new) fills in what Hadoop takes by default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationSubmissionContext {
    /// The id that the ResourceManager gave for it.
    pub application_id: ApplicationId,
    /// Its name in lists.
    pub name: String,
    /// The kind of application in lists; YARN keeps 20 characters.
    pub application_type: String,
    /// Labels to find it by: at most [`MAX_TAGS`], of at most [`MAX_TAG_LENGTH`] ASCII characters.
    pub tags: BTreeSet<String>,
    /// The queue; the cluster's default where `None`.
    pub queue: Option<String>,
    /// Its priority among applications: the higher wins. The queue's default where `None`.
    pub priority: Option<Priority>,
    /// How the ApplicationMaster is started.
    pub am_container: ContainerLaunchContext,
    /// What the ApplicationMaster's container needs.
    pub resource: Resource,
    /// How often the ApplicationMaster is started at most; the cluster's default where `None`.
    pub max_app_attempts: Option<u32>,
    /// Whether the other containers live on while a new ApplicationMaster is started.
    pub keep_containers_across_application_attempts: bool,
    /// Only failures within this time count towards `max_app_attempts`; all where `None`.
    pub attempt_failures_validity_interval: Option<Duration>,
    /// Whether the submitting program itself is the ApplicationMaster.
    pub unmanaged_am: bool,
    /// Whether the ResourceManager cancels the delegation tokens at the end.
    pub cancel_tokens_when_complete: bool,
    /// Which logs are gathered; all, at the end, where `None`.
    pub log_aggregation: Option<LogAggregationContext>,
    /// The node label of the application's containers.
    pub node_label: Option<String>,
    /// The node label of the ApplicationMaster's container.
    pub am_node_label: Option<String>,
    /// The reservation that it runs in, whose queue must be its own.
    pub reservation_id: Option<ReservationId>,
}

impl ApplicationSubmissionContext {
    /// A managed application with Hadoop's defaults for everything else.
    pub fn new(
        application_id: ApplicationId,
        name: impl Into<String>,
        resource: Resource,
        am_container: ContainerLaunchContext,
    ) -> Self {
        Self {
            application_id,
            name: name.into(),
            application_type: "YARN".to_owned(),
            tags: BTreeSet::new(),
            queue: None,
            priority: None,
            am_container,
            resource,
            max_app_attempts: None,
            keep_containers_across_application_attempts: false,
            attempt_failures_validity_interval: None,
            unmanaged_am: false,
            cancel_tokens_when_complete: true,
            log_aggregation: None,
            node_label: None,
            am_node_label: None,
            reservation_id: None,
        }
    }
}

/// Which logs are gathered into the file system, by regular expressions on file names. `None` is Hadoop's default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogAggregationContext {
    /// Gathered at the end of the application (`.*`).
    pub include_pattern: Option<String>,
    /// Not gathered at the end.
    pub exclude_pattern: Option<String>,
    /// Gathered while the application runs.
    pub rolled_logs_include_pattern: Option<String>,
    /// Not gathered while the application runs (`.*`).
    pub rolled_logs_exclude_pattern: Option<String>,
    /// The Java class that decides whose logs are gathered.
    pub policy_class_name: Option<String>,
    /// Its parameters.
    pub policy_parameters: Option<String>,
}
