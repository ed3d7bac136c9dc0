//! What clients and masters that were killed have left: staging directories of applications that nobody will run any more.
//! A client looks for those of its user while it waits for YARN to start its own master.

use std::time::Duration;

use selvedge_runtime::clock::Timestamp;
use selvedge_runtime::fs::{FileStatus, Location};
use yarn_common::id::ApplicationId;
use yarn_rest::rm::RmClient;

use super::staging::Staging;

/// A client stages and submits within seconds. A directory that is this much older than the newest one belongs to none that
/// is still at it.
const AGE: Duration = Duration::from_secs(3600);
/// How many are looked into at a time: each costs a question to YARN.
const AT_ONCE: usize = 16;

/// Deletes staging directories that are left, as far as that goes; what fails is tried again by the next client. `own` is
/// the directory of the application that is starting.
pub(super) async fn sweep(rm: RmClient, staging: Staging, own: Location) {
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
    for (application, directory) in old(&listed, &own).into_iter().take(AT_ONCE) {
        if is_over(&rm, application, own_application).await {
            match staging.delete(&directory).await {
                Ok(()) => tracing::info!(%directory, "deleted what {application} had left"),
                Err(error) => tracing::debug!(%error, "a leftover stays"),
            }
        }
    }
}

/// Whether YARN will not start a master for it (any more). `own` is of this ResourceManager.
async fn is_over(rm: &RmClient, application: ApplicationId, own: ApplicationId) -> bool {
    match rm.application(application).await {
        Ok(report) => report.state.is_final(),
        // Never submitted, or ended so long ago that YARN has forgotten it. One of another ResourceManager, which may share
        // this HDFS, is not this one's to judge.
        Err(error) => error.is_not_found() && application.cluster_timestamp() == own.cluster_timestamp(),
    }
}

/// The directories of applications that are much older than our own: both times are the NameNode's.
fn old(listed: &[FileStatus], own: &Location) -> Vec<(ApplicationId, Location)> {
    let made = |status: &FileStatus| (status.location == *own).then_some(status.modified);
    let Some(now) = listed.iter().find_map(made) else {
        return Vec::new();
    };
    let is_old = |modified: Timestamp| modified + AGE <= now;
    listed
        .iter()
        .filter(|status| status.is_dir && is_old(status.modified))
        .filter_map(|status| Some((status.location.name().parse().ok()?, status.location.clone())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(name: &str, minute: u64) -> FileStatus {
        FileStatus {
            location: Location::root("hdfs", "nn:8020").with_path(&format!("/user/a/.selvedge/{name}")),
            len: 0,
            is_dir: true,
            modified: Timestamp::from_millis(minute * 60_000),
            owner: Some("a".to_owned()),
            group: None,
            mode: 0o700,
        }
    }

    #[test]
    fn only_directories_of_applications_much_older_than_our_own_are_looked_into() {
        let own = listed("application_1_0009", 100);
        let all = [
            listed("application_1_0001", 0),
            listed("application_1_0002", 40),
            listed("application_1_0003", 41),
            listed("archives", 0),
            FileStatus {
                is_dir: false,
                ..listed("application_1_0004", 0)
            },
            own.clone(),
        ];
        let names: Vec<_> = old(&all, &own.location)
            .into_iter()
            .map(|(application, location)| (application.to_string(), location.name().to_owned()))
            .collect();
        let expected = ["application_1_0001", "application_1_0002"].map(|name| (name.to_owned(), name.to_owned()));
        assert_eq!(names, expected);
        assert_eq!(old(&all[..5], &own.location), [], "without our own there is no clock");
    }
}
