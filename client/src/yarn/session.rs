//! An application whose master takes jobs: a session, or one that runs a program.

use async_trait::async_trait;
use selvedge_core::config::options::{cluster, yarn};
use selvedge_core::status::ApplicationStatus;
use selvedge_runtime::connector::report;
use yarn_common::id::ApplicationId;
use yarn_rest::model::{Application, ApplicationState};

use selvedge_runtime::fs::Location;

use super::cluster::{follow_master, status_of, until_final};
use super::staging::Staging;
use super::{YarnAccess, YarnError, failure};
use crate::cluster::{ClusterPlace, DeployError, JobObserver, RestClusterClient, SessionCluster};

/// How YARN lists our applications where nothing else is set, and what our masters call themselves.
const OUR_TYPE: &str = "Selvedge";
const SESSION: &str = "yarn-session";
const PER_JOB: &str = "yarn-per-job";
const APPLICATION: &str = "yarn-application";

/// A running session on YARN.
#[derive(Debug)]
pub struct YarnSession {
    pub(super) access: YarnAccess,
    pub(super) application: ApplicationId,
    /// Where its files are, where this process has staged them.
    pub(super) staged: Option<(Staging, Location)>,
    pub(super) tracking_url: String,
    pub(super) rest: RestClusterClient,
}

/// How a session has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionEnd {
    /// SUCCEEDED where it ended because it was told to, or its jobs had.
    pub status: ApplicationStatus,
    /// The same in words: state and diagnostics as YARN tells them.
    pub told: String,
}

/// Which applications are taken for the one that a command is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Session,
    SessionOrJob,
}

impl YarnSession {
    /// The session in this application.
    ///
    /// # Errors
    /// [`YarnError`] where there is none, it has ended, is another user's, or is no session of ours.
    pub async fn retrieve(
        access: YarnAccess,
        application: ApplicationId,
        observer: &mut dyn JobObserver,
    ) -> Result<Self, YarnError> {
        Self::find(access, application, Wanted::Session, observer).await
    }

    /// The same, also where the application runs a job of its own: whoever lists and cancels need not care.
    ///
    /// # Errors
    /// As [`Self::retrieve`].
    pub async fn retrieve_any(
        access: YarnAccess,
        application: ApplicationId,
        observer: &mut dyn JobObserver,
    ) -> Result<Self, YarnError> {
        Self::find(access, application, Wanted::SessionOrJob, observer).await
    }

    async fn find(
        access: YarnAccess,
        application: ApplicationId,
        wanted: Wanted,
        observer: &mut dyn JobObserver,
    ) -> Result<Self, YarnError> {
        let report = match access.rm.application(application).await {
            Ok(report) => report,
            Err(error) if error.is_not_found() => return Err(YarnError::UnknownApplication { application }),
            Err(error) => return Err(error.into()),
        };
        check(&report, &access.user)?;
        let report = access.wait_for_master(application, observer).await?;
        let rest = access.connect(&report, observer).await?;
        check_master(&report, &rest).await?;
        check_role(&report, &rest, wanted).await?;
        Ok(Self {
            access,
            application,
            staged: None,
            tracking_url: report.tracking_url.unwrap_or_default(),
            rest,
        })
    }

    /// The application on YARN.
    pub const fn application_id(&self) -> ApplicationId {
        self.application
    }

    /// Where a browser finds it.
    pub fn tracking_url(&self) -> &str {
        &self.tracking_url
    }

    /// How it has ended; `None` while it lives.
    ///
    /// # Errors
    /// [`YarnError`] where YARN cannot be asked.
    pub async fn ended(&self) -> Result<Option<SessionEnd>, YarnError> {
        let report = self.access.rm.application(self.application).await?;
        follow_master(&self.rest, &report);
        Ok(report.state.is_final().then(|| end_of(&report)))
    }

    /// Ends the session with all its jobs, and waits until YARN calls it ended and its staging directory is gone. Where its
    /// master cannot be told, YARN kills it.
    ///
    /// # Errors
    /// [`YarnError`].
    pub async fn shut_down(&self, observer: &mut dyn JobObserver) -> Result<SessionEnd, YarnError> {
        if let Err(error) = self.rest.shut_down_cluster().await {
            // It may have ended in the meantime.
            if self.ended().await?.is_none() {
                let cause = report(&error);
                observer.note(&format!("the master cannot be told to end ({cause}): YARN kills it"));
                self.access
                    .rm
                    .kill(self.application, Some("stopped by its client"))
                    .await?;
            }
        }
        let report = until_final(&self.access.rm, self.application).await?;
        self.clean_up().await?;
        Ok(end_of(&report))
    }

    /// Deletes the staging directory of a session that has ended: a master that was killed could not. Where this process
    /// has not staged it, it is where it would be by this process's own settings.
    ///
    /// # Errors
    /// [`YarnError`].
    pub async fn clean_up(&self) -> Result<(), YarnError> {
        if let Some((staging, directory)) = &self.staged {
            return staging.delete(directory).await;
        }
        let file_systems = super::file_systems(&self.access.configuration, &self.access.hadoop, &self.access.user)?;
        let staging = self.access.staging(&file_systems)?;
        let directory = staging.application_directory(&self.application.to_string());
        staging.delete(&directory).await
    }
}

#[async_trait]
impl SessionCluster for YarnSession {
    fn name(&self) -> String {
        self.application.to_string()
    }

    fn options(&self) -> String {
        format!("-t {SESSION} -D{}={}", yarn::APPLICATION_ID.key(), self.application)
    }

    fn rest(&self) -> &RestClusterClient {
        &self.rest
    }

    fn place(&self) -> ClusterPlace {
        ClusterPlace {
            application: Some(self.application),
            tracking_url: Some(self.tracking_url.clone()),
        }
    }

    async fn end(&self) -> Result<Option<String>, DeployError> {
        Ok(self.ended().await?.map(|end| end.told))
    }
}

/// What the report alone tells: whose it is, and whether it still runs.
fn check(report: &Application, user: &str) -> Result<(), YarnError> {
    let application = report.id;
    if let Some(owner) = report.user.as_deref().filter(|owner| *owner != user) {
        return Err(YarnError::Foreign {
            application,
            owner: owner.to_owned(),
            user: user.to_owned(),
        });
    }
    if report.state.is_final() {
        return Err(YarnError::Over {
            application,
            state: report.state.to_string(),
            diagnostics: failure::diagnostics(report),
        });
    }
    // There may never be a master to ask.
    if !is_of_our_type(report) && report.state != ApplicationState::Running {
        return Err(of_another_kind(report));
    }
    Ok(())
}

/// The type that YARN shows is no more than what whoever submitted it has written there.
fn is_of_our_type(report: &Application) -> bool {
    report.application_type.as_deref().is_none_or(|kind| kind == OUR_TYPE)
}

fn of_another_kind(report: &Application) -> YarnError {
    let kind = report.application_type.as_deref().unwrap_or_default();
    YarnError::NotASession {
        application: report.id,
        reason: format!("its type is '{kind}'"),
    }
}

/// An application of another type is one of ours where its master says so.
async fn check_master(report: &Application, rest: &RestClusterClient) -> Result<(), YarnError> {
    if is_of_our_type(report) || rest.version().await.is_ok_and(|version| version.starts_with(OUR_TYPE)) {
        return Ok(());
    }
    Err(of_another_kind(report))
}

/// What its master says that it is for.
async fn check_role(report: &Application, rest: &RestClusterClient, wanted: Wanted) -> Result<(), YarnError> {
    let role = rest.setting(cluster::TARGET.key()).await?.unwrap_or_default();
    match (role.as_str(), wanted) {
        (SESSION, _) | (PER_JOB | APPLICATION, Wanted::SessionOrJob) => Ok(()),
        (PER_JOB, Wanted::Session) => Err(YarnError::NotASession {
            application: report.id,
            reason: "it runs one job and takes no others".to_owned(),
        }),
        (APPLICATION, Wanted::Session) => Err(YarnError::NotASession {
            application: report.id,
            reason: "it runs an application of its own and takes no other jobs".to_owned(),
        }),
        (other, _) => Err(YarnError::NotASession {
            application: report.id,
            reason: format!("its master says that its {} is '{other}'", cluster::TARGET.key()),
        }),
    }
}

fn end_of(report: &Application) -> SessionEnd {
    SessionEnd {
        status: status_of(report),
        told: format!("{} is {}: {}", report.id, report.state, failure::diagnostics(report)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn checked(report: &serde_json::Value) -> Result<(), String> {
        let report = serde_json::from_value(report.clone()).unwrap();
        check(&report, "alice").map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_no_live_session_of_the_user_is_told_apart() {
        let mut report =
            json!({"id": "application_1_0002", "state": "RUNNING", "user": "alice", "applicationType": "Mine"});
        checked(&report).unwrap();
        report["state"] = json!("ACCEPTED");
        let message = checked(&report).unwrap_err();
        assert!(message.contains("its type is 'Mine'"), "{message}");
        report["applicationType"] = json!("Selvedge");
        checked(&report).unwrap();
        report["state"] = json!("KILLED");
        report["diagnostics"] = json!("by an administrator");
        let message = checked(&report).unwrap_err();
        for part in [
            "application_1_0002 is KILLED",
            "by an administrator",
            "selvedge yarn-session",
        ] {
            assert!(message.contains(part), "{message}");
        }
        report["user"] = json!("bob");
        let message = checked(&report).unwrap_err();
        assert!(message.contains("HADOOP_USER_NAME=bob"), "{message}");
    }
}
