//! What a program adds to the JobMasters of its cluster: the master's side of its exchange, enrichers of failures, and
//! listeners to the steps of jobs. It hands them in where it starts the master ([`crate::entrypoint::ClusterServices`]).

use std::collections::BTreeMap;
use std::sync::Arc;

use selvedge_core::Configuration;
use selvedge_core::config::ConfigError;
use selvedge_core::config::options::jobmanager::FAILURE_ENRICHERS;

use super::failure_labels::{Enrichers, FailureEnricher, TYPE, TypeEnricher};
use super::shuffle::{FlightShuffleMaster, ShuffleMaster};
use super::status_listener::{JobStatusListener, Listeners, LogListener};

/// What JobMasters may use. All jobs of the cluster share it.
#[derive(Debug, Clone)]
pub struct JobMasterPlugins {
    shuffle: Arc<dyn ShuffleMaster>,
    enrichers: BTreeMap<String, Arc<dyn FailureEnricher>>,
    listeners: Vec<Arc<dyn JobStatusListener>>,
}

impl Default for JobMasterPlugins {
    /// Arrow Flight between workers, the enricher `TYPE`, and the log.
    fn default() -> Self {
        Self {
            shuffle: Arc::new(FlightShuffleMaster),
            enrichers: BTreeMap::new(),
            listeners: vec![Arc::new(LogListener)],
        }
        .with_failure_enricher(TYPE, Arc::new(TypeEnricher))
    }
}

impl JobMasterPlugins {
    /// The same with this exchange.
    #[must_use]
    pub fn with_shuffle_master(mut self, shuffle: Arc<dyn ShuffleMaster>) -> Self {
        self.shuffle = shuffle;
        self
    }

    /// The same with an enricher that `jobmanager.failure-enrichers` may name, whatever the name's case, or with another in
    /// place of one.
    #[must_use]
    pub fn with_failure_enricher(mut self, name: &str, enricher: Arc<dyn FailureEnricher>) -> Self {
        self.enrichers.insert(name.to_ascii_uppercase(), enricher);
        self
    }

    /// The same with one more who is told of every step of every job.
    #[must_use]
    pub fn with_status_listener(mut self, listener: Arc<dyn JobStatusListener>) -> Self {
        self.listeners.push(listener);
        self
    }

    /// Those that the settings ask for.
    ///
    /// # Errors
    /// `jobmanager.failure-enrichers` names one that is not there.
    pub(crate) fn select(&self, configuration: &Configuration) -> Result<ActivePlugins, ConfigError> {
        let named = configuration.get(&FAILURE_ENRICHERS)?;
        let names = named.split(',').map(str::trim).filter(|name| !name.is_empty());
        let enrichers = names.map(|name| {
            let enricher = self.enrichers.get(&name.to_ascii_uppercase());
            enricher.cloned().ok_or_else(|| self.unknown(name))
        });
        Ok(ActivePlugins {
            shuffle: self.shuffle.clone(),
            enrichers: Enrichers(enrichers.collect::<Result<_, _>>()?),
            listeners: Listeners(self.listeners.clone()),
        })
    }

    fn unknown(&self, name: &str) -> ConfigError {
        let known: Vec<_> = self.enrichers.keys().map(String::as_str).collect();
        ConfigError::Invalid {
            key: FAILURE_ENRICHERS.key().to_owned(),
            reason: format!("there is no failure enricher '{name}'; there are {}", known.join(", ")),
        }
    }
}

/// What the JobMasters of a cluster use; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct ActivePlugins {
    pub(super) shuffle: Arc<dyn ShuffleMaster>,
    pub(super) enrichers: Enrichers,
    pub(super) listeners: Listeners,
}

impl Default for ActivePlugins {
    fn default() -> Self {
        JobMasterPlugins::default()
            .select(&Configuration::default())
            .expect("the enricher that is named by default is there")
    }
}

#[cfg(test)]
mod tests {
    use super::super::root_cause::Failure;
    use super::*;
    use selvedge_core::JobId;

    #[derive(Debug)]
    struct Team;

    impl FailureEnricher for Team {
        fn keys(&self) -> &'static [&'static str] {
            &["TEAM"]
        }

        fn labels(&self, _: JobId, _: &Failure) -> BTreeMap<&'static str, String> {
            [("TEAM", "blue".to_owned())].into()
        }
    }

    #[test]
    fn the_settings_name_the_enrichers_in_order_and_an_unknown_one_is_refused_by_key_and_value() {
        let plugins = JobMasterPlugins::default().with_failure_enricher("team", Arc::new(Team));
        let select = |names: &str| {
            let configuration = Configuration::from_iter([("jobmanager.failure-enrichers", names)]);
            let selected = plugins.select(&configuration).map(|active| active.enrichers.0.len());
            selected.map_err(|error| error.to_string())
        };
        assert_eq!(["TYPE", "Team, type", ""].map(select), [Ok(1), Ok(2), Ok(0)]);
        let expected = "jobmanager.failure-enrichers: there is no failure enricher 'tea'; there are TEAM, TYPE";
        assert_eq!(select("TYPE,tea"), Err(expected.to_owned()));
        assert_eq!(ActivePlugins::default().enrichers.0.len(), 1);
    }
}
