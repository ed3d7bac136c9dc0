//! What clients and masters that were killed have left: staging directories of applications that nobody will run any more.
//! A client looks for those of its user while it waits for YARN to start its own master.

use std::collections::BTreeSet;
use std::time::Duration;

use selvedge_runtime::clock::Timestamp;
use selvedge_runtime::fs::{FileStatus, Location};
use yarn_common::id::ApplicationId;
use yarn_rest::model::ApplicationState;
use yarn_rest::rm::{ApplicationFilter, RmClient};

use super::YarnAccess;
use super::staging::Staging;

/// A client stages and submits within seconds. A directory that is this much older than the newest one, and of which YARN does
/// not know, belongs to none that is still at it.
const AGE: Duration = Duration::from_secs(24 * 3600);
/// How many are looked into at a time: each costs a question to YARN.
const AT_ONCE: usize = 16;

/// A directory that may be left.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Candidate {
    application: ApplicationId,
    directory: Location,
    is_old: bool,
}

/// Deletes staging directories that are left, as far as that goes; what fails is tried again by the next client. `own` is
/// the directory of the application that is starting.
pub(super) async fn sweep(access: YarnAccess, staging: Staging, own: Location) {
    let Ok(own_application) = own.name().parse::<ApplicationId>() else {
        return;
    };
    let listed = match staging.application_directories().await {
        Ok(listed) => listed,
        Err(error) => {
            tracing::debug!(%error, "leftovers are not looked for");
            return;
        }
    };
    let mut candidates = candidates(&listed, &own);
    if candidates.len() > AT_ONCE {
        let live = live(&access).await;
        candidates.retain(|candidate| !live.contains(&candidate.application));
        // Those that nobody can judge must not keep all others from their turn.
        let first = own_application.sequence() as usize * AT_ONCE % candidates.len().max(1);
        candidates.rotate_left(first);
    }
    for candidate in candidates.into_iter().take(AT_ONCE) {
        if is_over(&access.rm, &candidate, own_application).await {
            let (application, directory) = (candidate.application, &candidate.directory);
            match staging.delete(directory).await {
                Ok(()) => tracing::info!(%directory, "deleted what {application} had left"),
                Err(error) => tracing::debug!(%error, "a leftover stays"),
            }
        }
    }
}

/// The user's applications that have not ended: their directories are not worth a question each.
async fn live(access: &YarnAccess) -> BTreeSet<ApplicationId> {
    let filter = ApplicationFilter {
        user: Some(access.user.clone()),
        states: vec![
            ApplicationState::New,
            ApplicationState::NewSaving,
            ApplicationState::Submitted,
            ApplicationState::Accepted,
            ApplicationState::Running,
        ],
        ..ApplicationFilter::default()
    };
    let listed = access.rm.applications(&filter).await.unwrap_or_default();
    listed.into_iter().map(|report| report.id).collect()
}

/// Whether YARN will not start a master for it (any more). `own` is of this ResourceManager.
async fn is_over(rm: &RmClient, candidate: &Candidate, own: ApplicationId) -> bool {
    let application = candidate.application;
    match rm.application(application).await {
        Ok(report) => report.state.is_final(),
        // Never submitted, or ended so long ago that YARN has forgotten it. One of another ResourceManager, which may share
        // this HDFS, is not this one's to judge.
        Err(error) => {
            candidate.is_old && error.is_not_found() && application.cluster_timestamp() == own.cluster_timestamp()
        }
    }
}

/// The directories of other applications, and which of them are much older than our own: both times are the NameNode's.
fn candidates(listed: &[FileStatus], own: &Location) -> Vec<Candidate> {
    let made = |status: &FileStatus| (status.location == *own).then_some(status.modified);
    let Some(now) = listed.iter().find_map(made) else {
        return Vec::new();
    };
    let is_old = |modified: Timestamp| modified + AGE <= now;
    let others = listed.iter().filter(|status| status.is_dir && status.location != *own);
    others
        .filter_map(|status| {
            Some(Candidate {
                application: status.location.name().parse().ok()?,
                directory: status.location.clone(),
                is_old: is_old(status.modified),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(name: &str, hour: u64) -> FileStatus {
        FileStatus {
            location: Location::root("hdfs", "nn:8020").with_path(&format!("/user/a/.selvedge/{name}")),
            len: 0,
            is_dir: true,
            modified: Timestamp::from_millis(hour * 3_600_000),
            owner: Some("a".to_owned()),
            group: None,
            mode: 0o700,
        }
    }

    #[test]
    fn directories_of_other_applications_are_looked_into_and_those_a_day_older_than_our_own_are_old() {
        let own = listed("application_1_0009", 100);
        let all = [
            listed("application_1_0001", 0),
            listed("application_1_0002", 76),
            listed("application_1_0003", 77),
            listed("archives", 0),
            FileStatus {
                is_dir: false,
                ..listed("application_1_0004", 0)
            },
            own.clone(),
        ];
        let found: Vec<_> = candidates(&all, &own.location)
            .into_iter()
            .map(|candidate| (candidate.application.to_string(), candidate.is_old))
            .collect();
        let expected = [
            ("application_1_0001", true),
            ("application_1_0002", true),
            ("application_1_0003", false),
        ];
        assert_eq!(found, expected.map(|(name, is_old)| (name.to_owned(), is_old)));
        assert_eq!(
            candidates(&all[..5], &own.location),
            [],
            "without our own there is no clock"
        );
    }
}
