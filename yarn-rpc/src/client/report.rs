//! The state of an application.

use yarn_common::{
    id::{ApplicationAttemptId, ApplicationId},
    token::Token,
};

use crate::{
    convert::{ConversionError, required},
    proto::yarn::{ApplicationReportProto, FinalApplicationStatusProto, YarnApplicationStateProto},
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
}

impl TryFrom<ApplicationReportProto> for ApplicationReport {
    type Error = ConversionError;

    fn try_from(report: ApplicationReportProto) -> Result<Self, ConversionError> {
        Ok(Self {
            state: state(report.yarn_application_state()),
            final_status: final_status(report.final_application_status()),
            rpc_port: report
                .rpc_port
                .and_then(|port| u16::try_from(port).ok())
                .filter(|port| *port != 0),
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
