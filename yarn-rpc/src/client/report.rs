//! The state of an application.

use std::collections::{BTreeMap, BTreeSet};

use yarn_common::{
    id::{ApplicationAttemptId, ApplicationId},
    resource::{Priority, Resource},
    token::Token,
};

use crate::{
    convert::{ConversionError, required},
    proto::yarn::{
        AppTimeoutsMapProto, ApplicationReportProto, ApplicationResourceUsageReportProto, FinalApplicationStatusProto,
        LogAggregationStatusProto, ResourceProto, StringLongMapProto, YarnApplicationStateProto,
    },
};

/// How far an application has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ApplicationState {
    /// Known.
    New,
    /// Being stored.
    NewSaving,
    /// Stored.
    Submitted,
    /// Accepted by the scheduler; waits for its ApplicationMaster.
    Accepted,
    /// Its ApplicationMaster has registered.
    Running,
    /// Its ApplicationMaster has unregistered; the final status tells how it ended.
    Finished,
    /// It failed without unregistering.
    Failed,
    /// It was killed.
    Killed,
}

impl ApplicationState {
    /// True when nothing more will happen.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Finished | Self::Failed | Self::Killed)
    }
}

/// How an application says that it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FinalApplicationStatus {
    /// It has not said so yet.
    Undefined,
    /// It did what it was asked to.
    Succeeded,
    /// It failed.
    Failed,
    /// It was killed.
    Killed,
    /// It ended with several results of its parts.
    Ended,
}

/// The state of an application, as the ResourceManager reports it.
#[derive(Clone, Debug, PartialEq)]
pub struct ApplicationReport {
    /// The application.
    pub id: ApplicationId,
    /// Its owner.
    pub user: String,
    /// Its queue.
    pub queue: String,
    /// Its name.
    pub name: String,
    /// How far it has come.
    pub state: ApplicationState,
    /// How it ended.
    pub final_status: FinalApplicationStatus,
    /// The address of its user interface through YARN's proxy.
    pub tracking_url: String,
    /// The address of its user interface as its ApplicationMaster gave it.
    pub original_tracking_url: String,
    /// The host of its ApplicationMaster.
    pub host: String,
    /// The port of its ApplicationMaster; none while it is unknown.
    pub rpc_port: Option<u16>,
    /// What YARN or the ApplicationMaster says about it.
    pub diagnostics: String,
    /// From 0 to 1.
    pub progress: f32,
    /// The present attempt.
    pub attempt: Option<ApplicationAttemptId>,
    /// The token of an unmanaged ApplicationMaster, for its owner, once the attempt was launched.
    pub am_rm_token: Option<Token>,
    /// The token that opens the ApplicationMaster's own interface, on secure clusters.
    pub client_to_am_token: Option<Token>,
    /// Its kind in lists.
    pub application_type: String,
    /// Labels to find it by.
    pub tags: BTreeSet<String>,
    /// Its priority among applications: the higher wins.
    pub priority: Option<Priority>,
    /// Whether the submitting program is the ApplicationMaster.
    pub unmanaged: bool,
    /// The node label of its containers.
    pub node_label: Option<String>,
    /// The node label of its ApplicationMaster.
    pub am_node_label: Option<String>,
    /// When it was submitted, in milliseconds since the epoch; 0 where unknown.
    pub submit_time_ms: i64,
    /// When it was accepted; 0 where unknown.
    pub start_time_ms: i64,
    /// When its first ApplicationMaster was launched; 0 while it was not.
    pub launch_time_ms: i64,
    /// When it ended; 0 while it runs.
    pub finish_time_ms: i64,
    /// How far its logs are gathered.
    pub log_aggregation: Option<LogAggregationStatus>,
    /// What it has and has used; only its owner and administrators see it.
    pub usage: Option<ResourceUsage>,
    /// When it will be killed, as `lifetime` says it.
    pub lifetime: Option<Lifetime>,
    /// The cluster that runs it (3.4 and later).
    pub cluster: Option<String>,
}

/// How far an application's logs are gathered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LogAggregationStatus {
    /// They are not gathered.
    Disabled,
    /// Not begun.
    NotStarted,
    /// Under way.
    Running,
    /// Under way, with failures on some nodes.
    RunningWithFailure,
    /// Done.
    Succeeded,
    /// Some are missing.
    Failed,
    /// Some nodes did not report in time.
    TimedOut,
}

/// What an application has and has used.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResourceUsage {
    /// Containers that it has.
    pub containers: u32,
    /// Containers reserved for it.
    pub reserved_containers: u32,
    /// What it has.
    pub used: Option<Resource>,
    /// What is reserved for it.
    pub reserved: Option<Resource>,
    /// What it has and asks for.
    pub needed: Option<Resource>,
    /// Mebibytes of memory times seconds.
    pub memory_seconds: i64,
    /// Cores times seconds.
    pub vcore_seconds: i64,
    /// Per cent of its queue.
    pub queue_percentage: f32,
    /// Per cent of the cluster.
    pub cluster_percentage: f32,
    /// Memory times seconds taken away by preemption.
    pub preempted_memory_seconds: i64,
    /// Cores times seconds taken away by preemption.
    pub preempted_vcore_seconds: i64,
    /// The same as above by resource type.
    pub resource_seconds: BTreeMap<String, i64>,
    /// Taken away by preemption, by resource type.
    pub preempted_resource_seconds: BTreeMap<String, i64>,
}

/// How long an application may live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// When it will be killed, in ISO 8601, or `UNLIMITED`.
    pub expires: String,
    /// How many seconds are left; -1 where there is no limit.
    pub remaining_seconds: i64,
}

fn usage(report: ApplicationResourceUsageReportProto) -> Result<ResourceUsage, ConversionError> {
    let resource = |field: Option<ResourceProto>| field.map(Resource::try_from).transpose();
    let seconds = |map: Vec<StringLongMapProto>| map.into_iter().map(|entry| (entry.key, entry.value)).collect();
    Ok(ResourceUsage {
        containers: report.num_used_containers().try_into().unwrap_or_default(),
        reserved_containers: report.num_reserved_containers().try_into().unwrap_or_default(),
        memory_seconds: report.memory_seconds(),
        vcore_seconds: report.vcore_seconds(),
        queue_percentage: report.queue_usage_percentage(),
        cluster_percentage: report.cluster_usage_percentage(),
        preempted_memory_seconds: report.preempted_memory_seconds(),
        preempted_vcore_seconds: report.preempted_vcore_seconds(),
        used: resource(report.used_resources)?,
        reserved: resource(report.reserved_resources)?,
        needed: resource(report.needed_resources)?,
        resource_seconds: seconds(report.application_resource_usage_map),
        preempted_resource_seconds: seconds(report.application_preempted_resource_usage_map),
    })
}

fn log_aggregation(status: LogAggregationStatusProto) -> LogAggregationStatus {
    match status {
        LogAggregationStatusProto::LogDisabled => LogAggregationStatus::Disabled,
        LogAggregationStatusProto::LogNotStart => LogAggregationStatus::NotStarted,
        LogAggregationStatusProto::LogRunning => LogAggregationStatus::Running,
        LogAggregationStatusProto::LogRunningWithFailure => LogAggregationStatus::RunningWithFailure,
        LogAggregationStatusProto::LogSucceeded => LogAggregationStatus::Succeeded,
        LogAggregationStatusProto::LogFailed => LogAggregationStatus::Failed,
        LogAggregationStatusProto::LogTimeOut => LogAggregationStatus::TimedOut,
    }
}

fn lifetime(timeouts: Vec<AppTimeoutsMapProto>) -> Option<Lifetime> {
    let timeout = timeouts.into_iter().find_map(|entry| entry.application_timeout)?;
    Some(Lifetime {
        remaining_seconds: timeout.remaining_time.unwrap_or(-1),
        expires: timeout.expire_time.unwrap_or_default(),
    })
}

impl TryFrom<ApplicationReportProto> for ApplicationReport {
    type Error = ConversionError;

    fn try_from(report: ApplicationReportProto) -> Result<Self, ConversionError> {
        let log_status = report.log_aggregation_status.map(|_| report.log_aggregation_status());
        Ok(Self {
            state: state(report.yarn_application_state()),
            final_status: final_status(report.final_application_status()),
            rpc_port: report
                .rpc_port
                .and_then(|port| u16::try_from(port).ok())
                .filter(|port| *port != 0),
            log_aggregation: log_status.map(log_aggregation),
            unmanaged: report.unmanaged_application(),
            submit_time_ms: report.submit_time(),
            start_time_ms: report.start_time(),
            launch_time_ms: report.launch_time(),
            finish_time_ms: report.finish_time(),
            priority: report.priority.map(Into::into),
            usage: report.app_resource_usage.map(usage).transpose()?,
            lifetime: lifetime(report.app_timeouts),
            tags: report.application_tags.into_iter().collect(),
            application_type: report.application_type.unwrap_or_default(),
            node_label: report.app_node_label_expression,
            am_node_label: report.am_node_label_expression,
            client_to_am_token: report.client_to_am_token.map(Into::into),
            cluster: report.rm_cluster_id,
            progress: report.progress.unwrap_or_default(),
            id: required(report.application_id, "application id")?,
            user: report.user.unwrap_or_default(),
            queue: report.queue.unwrap_or_default(),
            name: report.name.unwrap_or_default(),
            tracking_url: report.tracking_url.unwrap_or_default(),
            original_tracking_url: report.original_tracking_url.unwrap_or_default(),
            host: report.host.unwrap_or_default(),
            diagnostics: report.diagnostics.unwrap_or_default(),
            // Before the first attempt the ResourceManager sends one with the number -1.
            attempt: report
                .current_application_attempt_id
                .and_then(|attempt| attempt.try_into().ok()),
            am_rm_token: report.am_rm_token.map(Into::into),
        })
    }
}

impl From<ApplicationState> for YarnApplicationStateProto {
    fn from(state: ApplicationState) -> Self {
        match state {
            ApplicationState::New => Self::New,
            ApplicationState::NewSaving => Self::NewSaving,
            ApplicationState::Submitted => Self::Submitted,
            ApplicationState::Accepted => Self::Accepted,
            ApplicationState::Running => Self::Running,
            ApplicationState::Finished => Self::Finished,
            ApplicationState::Failed => Self::Failed,
            ApplicationState::Killed => Self::Killed,
        }
    }
}

fn state(state: YarnApplicationStateProto) -> ApplicationState {
    match state {
        YarnApplicationStateProto::New => ApplicationState::New,
        YarnApplicationStateProto::NewSaving => ApplicationState::NewSaving,
        YarnApplicationStateProto::Submitted => ApplicationState::Submitted,
        YarnApplicationStateProto::Accepted => ApplicationState::Accepted,
        YarnApplicationStateProto::Running => ApplicationState::Running,
        YarnApplicationStateProto::Finished => ApplicationState::Finished,
        YarnApplicationStateProto::Failed => ApplicationState::Failed,
        YarnApplicationStateProto::Killed => ApplicationState::Killed,
    }
}

fn final_status(status: FinalApplicationStatusProto) -> FinalApplicationStatus {
    match status {
        FinalApplicationStatusProto::AppUndefined => FinalApplicationStatus::Undefined,
        FinalApplicationStatusProto::AppSucceeded => FinalApplicationStatus::Succeeded,
        FinalApplicationStatusProto::AppFailed => FinalApplicationStatus::Failed,
        FinalApplicationStatusProto::AppKilled => FinalApplicationStatus::Killed,
        FinalApplicationStatusProto::AppEnded => FinalApplicationStatus::Ended,
    }
}
