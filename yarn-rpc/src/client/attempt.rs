//! The states of attempts and containers.

use yarn_common::{
    exit_status::ContainerExitStatus,
    id::{ApplicationAttemptId, ContainerId, NodeId},
    resource::{Priority, Resource},
};

use crate::{
    convert::{ConversionError, required},
    proto::yarn::{ApplicationAttemptReportProto, ContainerReportProto, YarnApplicationAttemptStateProto},
    types::{ContainerState, ExecutionType},
};

/// How far an attempt has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttemptState {
    /// Known.
    New,
    /// Submitted to the scheduler.
    Submitted,
    /// Waits for its container.
    Scheduled,
    /// Its container is being stored.
    AllocatedSaving,
    /// It has a container.
    Allocated,
    /// Its container was started.
    Launched,
    /// It has registered.
    Running,
    /// It has unregistered and not ended yet.
    Finishing,
    /// It has ended in order.
    Finished,
    /// It failed.
    Failed,
    /// It was killed.
    Killed,
}

/// One attempt to run an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplicationAttempt {
    /// The attempt.
    pub id: ApplicationAttemptId,
    /// How far it has come.
    pub state: AttemptState,
    /// The host of its ApplicationMaster.
    pub host: String,
    /// The port of its ApplicationMaster; none while it is unknown.
    pub rpc_port: Option<u16>,
    /// The address of its user interface through YARN's proxy.
    pub tracking_url: String,
    /// The same as its ApplicationMaster gave it.
    pub original_tracking_url: String,
    /// What YARN says about it.
    pub diagnostics: String,
    /// The container of its ApplicationMaster, once it has one.
    pub am_container: Option<ContainerId>,
    /// When it started, in milliseconds since the epoch; 0 where unknown.
    pub start_time_ms: i64,
    /// When it ended; 0 while it runs.
    pub finish_time_ms: i64,
}

impl TryFrom<ApplicationAttemptReportProto> for ApplicationAttempt {
    type Error = ConversionError;

    fn try_from(report: ApplicationAttemptReportProto) -> Result<Self, ConversionError> {
        Ok(Self {
            state: state(report.yarn_application_attempt_state()),
            rpc_port: report
                .rpc_port
                .and_then(|port| u16::try_from(port).ok())
                .filter(|port| *port != 0),
            start_time_ms: report.start_time(),
            finish_time_ms: report.finish_time(),
            id: required(report.application_attempt_id, "attempt id")?,
            am_container: report.am_container_id.and_then(|id| id.try_into().ok()),
            host: report.host.unwrap_or_default(),
            tracking_url: report.tracking_url.unwrap_or_default(),
            original_tracking_url: report.original_tracking_url.unwrap_or_default(),
            diagnostics: report.diagnostics.unwrap_or_default(),
        })
    }
}

fn state(state: YarnApplicationAttemptStateProto) -> AttemptState {
    use YarnApplicationAttemptStateProto as Proto;
    match state {
        Proto::AppAttemptNew => AttemptState::New,
        Proto::AppAttemptSubmitted => AttemptState::Submitted,
        Proto::AppAttemptScheduled => AttemptState::Scheduled,
        Proto::AppAttemptAllocatedSaving => AttemptState::AllocatedSaving,
        Proto::AppAttemptAllocated => AttemptState::Allocated,
        Proto::AppAttemptLaunched => AttemptState::Launched,
        Proto::AppAttemptFailed => AttemptState::Failed,
        Proto::AppAttemptRunning => AttemptState::Running,
        Proto::AppAttemptFinishing => AttemptState::Finishing,
        Proto::AppAttemptFinished => AttemptState::Finished,
        Proto::AppAttemptKilled => AttemptState::Killed,
    }
}

/// A container, as the ResourceManager knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerReport {
    /// The container.
    pub id: ContainerId,
    /// What it has.
    pub resource: Option<Resource>,
    /// Where it runs.
    pub node: Option<NodeId>,
    /// The web address of that node.
    pub node_http_address: String,
    /// The priority of its ask.
    pub priority: Priority,
    /// Whether its resources are guaranteed.
    pub execution_type: ExecutionType,
    /// How far it has come.
    pub state: ContainerState,
    /// How it ended; only once it has.
    pub exit_status: ContainerExitStatus,
    /// What YARN says about it.
    pub diagnostics: String,
    /// Where its logs are.
    pub log_url: String,
    /// The ports that its container runtime opened, as JSON.
    pub exposed_ports: Option<String>,
    /// When it was created, in milliseconds since the epoch.
    pub creation_time_ms: i64,
    /// When it ended; 0 while it runs.
    pub finish_time_ms: i64,
}

impl TryFrom<ContainerReportProto> for ContainerReport {
    type Error = ConversionError;

    fn try_from(report: ContainerReportProto) -> Result<Self, ConversionError> {
        Ok(Self {
            execution_type: report.execution_type().into(),
            state: report.container_state().into(),
            exit_status: ContainerExitStatus(report.container_exit_status()),
            creation_time_ms: report.creation_time(),
            finish_time_ms: report.finish_time(),
            id: required(report.container_id, "container id")?,
            resource: report.resource.map(TryInto::try_into).transpose()?,
            node: report.node_id.and_then(|node| node.try_into().ok()),
            priority: report.priority.unwrap_or_default().into(),
            node_http_address: report.node_http_address.unwrap_or_default(),
            diagnostics: report.diagnostics_info.unwrap_or_default(),
            log_url: report.log_url.unwrap_or_default(),
            exposed_ports: report.exposed_ports,
        })
    }
}
