//! Where the stores are and how much they keep.

use std::path::PathBuf;
use std::time::Duration;

use selvedge_core::Configuration;
use selvedge_core::config::ConfigError;
use selvedge_core::config::options::{general, high_availability, io, job_result_store, jobmanager};

use crate::dispatcher::DispatcherMode;

/// Where the stores are and how much they keep.
#[derive(Debug, Clone)]
pub(crate) struct StoreSettings {
    /// Where graphs and results outlive this process, if they do.
    pub(super) persistence: Option<Persistence>,
    /// How ended jobs are kept for their pages.
    pub(super) ended_jobs: EndedJobsSettings,
    /// Where the history server finds ended jobs.
    pub(super) archive_directory: Option<Place>,
}

/// Where graphs and results are.
#[derive(Debug, Clone)]
pub(super) struct Persistence {
    pub(super) job_graphs: Place,
    pub(super) job_results: Place,
    /// What jobs bring along.
    pub(super) artifacts: Place,
    pub(super) results_kept: ResultsKept,
}

/// How long results of cleaned-up jobs are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ResultsKept {
    /// Not at all.
    UntilCleanedUp,
    /// Until the cluster has ended: another attempt of the master that finds one has nothing to do.
    UntilClusterEnd,
    /// For ever.
    ForEver,
}

/// A directory as the settings name it.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The setting.
    pub(super) key: &'static str,
    /// Its value.
    pub(super) path: String,
    /// A path below that.
    pub(super) below: String,
    /// Whether others than the owner may look in, as far as the file system's defaults let them.
    pub(super) public: bool,
}

/// How ended jobs are kept for their pages.
#[derive(Debug, Clone)]
pub(super) struct EndedJobsSettings {
    /// Below which directory they are written, where they are, and how many bytes are in memory besides.
    pub(super) files: Option<(PathBuf, u64)>,
    pub(super) expiration: Duration,
    pub(super) capacity: usize,
}

impl StoreSettings {
    /// Reads the settings. `cluster_id` is the cluster's name among others below `high-availability.storageDir`; without one,
    /// nobody would look there, and all is kept in this process only.
    pub(crate) fn read(
        configuration: &Configuration,
        mode: DispatcherMode,
        cluster_id: Option<&str>,
    ) -> Result<Self, ConfigError> {
        let storage = configuration.find(&high_availability::STORAGE_DIR)?;
        let persistence = match (storage, cluster_id) {
            (Some(root), Some(cluster_id)) => Some(persistence(configuration, mode, &root, cluster_id)?),
            _ => None,
        };
        let archive = configuration.find(&jobmanager::ARCHIVE_DIR)?;
        Ok(Self {
            persistence,
            ended_jobs: ended_jobs(configuration, mode)?,
            archive_directory: archive.map(|path| Place {
                key: jobmanager::ARCHIVE_DIR.key(),
                path,
                below: String::new(),
                public: true,
            }),
        })
    }
}

fn persistence(
    configuration: &Configuration,
    mode: DispatcherMode,
    root: &str,
    cluster_id: &str,
) -> Result<Persistence, ConfigError> {
    let below_root = |below: String| Place {
        key: high_availability::STORAGE_DIR.key(),
        path: root.to_owned(),
        below,
        public: false,
    };
    let job_results = match configuration.find(&job_result_store::STORAGE_PATH)? {
        Some(path) => Place {
            key: job_result_store::STORAGE_PATH.key(),
            path,
            below: String::new(),
            public: false,
        },
        None => below_root(format!("job-result-store/{cluster_id}")),
    };
    let results_kept = match (configuration.get(&job_result_store::DELETE_ON_COMMIT)?, mode) {
        (false, _) => ResultsKept::ForEver,
        (true, DispatcherMode::Session) => ResultsKept::UntilCleanedUp,
        (true, DispatcherMode::PerJob { .. } | DispatcherMode::Application) => ResultsKept::UntilClusterEnd,
    };
    Ok(Persistence {
        job_graphs: below_root(format!("{cluster_id}/jobgraphs")),
        artifacts: below_root(format!("{cluster_id}/blob")),
        job_results,
        results_kept,
    })
}

/// Longer than any application, and still a time that can be added to now.
const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// A cluster that ends with its jobs keeps them in memory, as Flink's does.
fn ended_jobs(configuration: &Configuration, mode: DispatcherMode) -> Result<EndedJobsSettings, ConfigError> {
    let on_disk =
        mode == DispatcherMode::Session && configuration.get(&general::JOBSTORE_TYPE)?.eq_ignore_ascii_case("file");
    let directories = configuration.get(&io::TMP_DIRS)?;
    let first = directories
        .split([',', '|', ':'])
        .map(str::trim)
        .find(|path| !path.is_empty());
    let cache = configuration.get(&general::JOBSTORE_CACHE_SIZE)?;
    // How its jobs have ended decides how an application does: none is forgotten while it runs.
    let keeps_all = mode == DispatcherMode::Application;
    let expiration = Duration::from_secs(configuration.get(&general::JOBSTORE_EXPIRATION_TIME)?);
    let capacity = usize::try_from(configuration.get(&general::JOBSTORE_MAX_CAPACITY)?).unwrap_or(usize::MAX);
    Ok(EndedJobsSettings {
        files: first.filter(|_| on_disk).map(|path| (PathBuf::from(path), cache)),
        expiration: if keeps_all { CENTURY } else { expiration },
        capacity: if keeps_all { usize::MAX } else { capacity },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(entries: &[(&str, &str)], mode: DispatcherMode, cluster: Option<&str>) -> StoreSettings {
        let configuration = Configuration::from_iter(entries.iter().copied());
        StoreSettings::read(&configuration, mode, cluster).unwrap()
    }

    #[test]
    fn graphs_and_results_outlive_the_process_where_there_is_a_directory_and_a_name() {
        let storage = [("high-availability.storageDir", "/ha")];
        assert!(read(&[], DispatcherMode::Session, Some("c")).persistence.is_none());
        assert!(read(&storage, DispatcherMode::Session, None).persistence.is_none());
        let places = read(&storage, DispatcherMode::Session, Some("c")).persistence.unwrap();
        assert_eq!(places.job_graphs.below, "c/jobgraphs");
        assert_eq!(
            (places.job_results.path.as_str(), places.job_results.below.as_str()),
            ("/ha", "job-result-store/c")
        );
        let own = [storage[0], ("job-result-store.storage-path", "/results")];
        let places = read(&own, DispatcherMode::Session, Some("c")).persistence.unwrap();
        assert_eq!(
            (places.job_results.path.as_str(), places.job_results.below.as_str()),
            ("/results", "")
        );
    }

    #[test]
    fn the_result_of_a_single_job_is_kept_until_nobody_can_ask_again() {
        let kept = |delete: &str, mode| {
            let entries = [
                ("high-availability.storageDir", "/ha"),
                ("job-result-store.delete-on-commit", delete),
            ];
            read(&entries, mode, Some("c")).persistence.unwrap().results_kept
        };
        let single = DispatcherMode::PerJob { attached: true };
        assert_eq!(kept("true", DispatcherMode::Session), ResultsKept::UntilCleanedUp);
        assert_eq!(kept("true", single), ResultsKept::UntilClusterEnd);
        assert_eq!(kept("false", single), ResultsKept::ForEver);
    }

    #[test]
    fn a_session_keeps_ended_jobs_on_disk_and_a_single_job_is_in_memory() {
        let entries = [
            ("io.tmp.dirs", "/a,/b"),
            ("jobstore.cache-size", "10"),
            ("jobstore.max-capacity", "3"),
        ];
        let session = read(&entries, DispatcherMode::Session, None).ended_jobs;
        assert_eq!((session.files, session.capacity), (Some(("/a".into(), 10)), 3));
        let single = read(&entries, DispatcherMode::PerJob { attached: false }, None).ended_jobs;
        assert_eq!(single.files, None);
        let memory = read(&[("jobstore.type", "memory")], DispatcherMode::Session, None).ended_jobs;
        assert_eq!((memory.files, memory.expiration), (None, Duration::from_secs(3600)));
        let application = read(&[], DispatcherMode::Application, None).ended_jobs;
        assert_eq!((application.expiration, application.capacity), (CENTURY, usize::MAX));
    }
}
