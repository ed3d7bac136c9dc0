//! The settings of a client: what each layer sets, and what holds in the end.

use std::fmt;
use std::path::{Path, PathBuf};

use super::finding::{self, Finding};
use super::load::{self, ConfigSource, LoadError};
use super::yaml::Lines;
use super::{Configuration, Declaration, VARIABLE_PREFIX, catalogue};

/// Who set a value, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// A line of the configuration file, or of the shipped one.
    File {
        /// Which file.
        source: ConfigSource,
        /// The line, from 1.
        line: u64,
    },
    /// An environment variable.
    Environment(String),
    /// The command line.
    CommandLine,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { source, line } => write!(f, "{source}, line {line}"),
            Self::Environment(name) => write!(f, "${name}"),
            Self::CommandLine => f.write_str("the command line"),
        }
    }
}

/// A key that somebody set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// As written.
    pub key: String,
    /// As written.
    pub value: String,
    /// Who set it.
    pub origin: Origin,
}

/// Variables that Flink reads for a process's size since before it had options for it, and the older keys they stand for.
const OLDER_VARIABLES: &[(&str, &str)] = &[
    ("FLINK_TM_HEAP", "taskmanager.heap.size"),
    ("FLINK_JM_HEAP", "jobmanager.heap.size"),
];

/// Whether an environment variable of this name may stand for a setting.
pub fn is_variable(name: &str) -> bool {
    name.starts_with(VARIABLE_PREFIX) || OLDER_VARIABLES.iter().any(|(older, _)| *older == name)
}

/// All layers of a client's configuration. A later one wins: file, environment, command line.
#[derive(Debug, Clone)]
pub struct Settings {
    source: ConfigSource,
    layers: Vec<Setting>,
    findings: Vec<Finding>,
}

impl Settings {
    /// Reads the file in `directory`, else in the one that `SELVEDGE_CONF_DIR` names, else the shipped configuration; over it
    /// the `variables` that stand for declared keys; over them the `assignments` of the command line.
    ///
    /// # Errors
    /// [`LoadError`] where the file cannot be read. What is wrong with single settings is told by [`Self::findings`].
    pub fn load(
        directory: Option<&Path>,
        variables: impl IntoIterator<Item = (String, String)>,
        assignments: &[(String, String)],
    ) -> Result<Self, LoadError> {
        Ok(Self::of_lines(load::read(directory)?).below(variables, assignments))
    }

    /// The same with this file instead of a directory's.
    ///
    /// # Errors
    /// [`LoadError`] where the file cannot be read.
    pub fn load_file(
        path: &Path,
        variables: impl IntoIterator<Item = (String, String)>,
        assignments: &[(String, String)],
    ) -> Result<Self, LoadError> {
        Ok(Self::of_lines(load::read_file(PathBuf::from(path))?).below(variables, assignments))
    }

    /// The `assignments` of the command line alone, over the defaults.
    pub fn of_assignments(assignments: &[(String, String)]) -> Self {
        let nothing = Self {
            source: ConfigSource::Defaults,
            layers: Vec::new(),
            findings: Vec::new(),
        };
        nothing.below([], assignments)
    }

    /// The settings of this file alone.
    ///
    /// # Errors
    /// [`LoadError`] where the file cannot be read.
    pub fn of_file(path: &Path) -> Result<Self, LoadError> {
        Self::load_file(path, [], &[])
    }

    /// Which file was read.
    pub const fn source(&self) -> &ConfigSource {
        &self.source
    }

    /// What holds: for each key the value of the last layer that sets it.
    pub fn configuration(&self) -> Configuration {
        self.layers
            .iter()
            .map(|setting| (setting.key.as_str(), setting.value.as_str()))
            .collect()
    }

    /// Everything that was set, also what another layer overrides, in the order of the layers.
    pub fn layers(&self) -> &[Setting] {
        &self.layers
    }

    /// The settings of a key, the one that holds first.
    pub fn of_key<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a Setting> {
        self.layers.iter().rev().filter(move |setting| setting.key == key)
    }

    /// The setting from which an option is read: of its own key, else of one that stands in for it.
    pub fn holding(&self, option: &Declaration) -> Option<&Setting> {
        option
            .keys()
            .find_map(|key| self.layers.iter().rev().find(|setting| setting.key == key))
    }

    /// What is wrong, and what a user should know: unknown keys, wrong values, former names, options that nothing goes by.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    fn of_lines((lines, source): (Lines, ConfigSource)) -> Self {
        let layers = lines.configuration.iter().map(|(key, value)| Setting {
            key: key.to_owned(),
            value: value.to_owned(),
            origin: Origin::File {
                source: source.clone(),
                line: lines.lines.get(key).copied().unwrap_or_default(),
            },
        });
        Self {
            layers: layers.collect(),
            source,
            findings: Vec::new(),
        }
    }

    /// With the later layers over it, and judged.
    fn below(
        mut self,
        variables: impl IntoIterator<Item = (String, String)>,
        assignments: &[(String, String)],
    ) -> Self {
        for (name, value) in variables {
            self.add_variable(name, value);
        }
        let assigned = assignments.iter().map(|(key, value)| Setting {
            key: key.clone(),
            value: value.clone(),
            origin: Origin::CommandLine,
        });
        self.layers.extend(assigned);
        self.judge();
        self
    }

    /// An empty variable sets nothing, so that a caller can take one back.
    fn add_variable(&mut self, name: String, value: String) {
        if value.is_empty() {
            return;
        }
        let older = OLDER_VARIABLES
            .iter()
            .find(|(older, _)| *older == name)
            .map(|(_, key)| *key);
        match older.or_else(|| Some(catalogue::option_of_variable(&name)?.key)) {
            Some(key) => self.layers.push(Setting {
                key: key.to_owned(),
                value,
                origin: Origin::Environment(name),
            }),
            None => self.findings.extend(finding::of_variable(&name, &value)),
        }
    }

    fn judge(&mut self) {
        let found = self
            .layers
            .iter()
            .flat_map(|setting| finding::of_setting(setting, self));
        let found: Vec<_> = found.collect();
        self.findings.extend(found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemorySize;
    use crate::config::Severity;
    use crate::config::options::{jobmanager, taskmanager};

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |&(key, value): &(&str, &str)| (key.to_owned(), value.to_owned());
        pairs.iter().map(owned).collect()
    }

    /// A file, an environment and a command line.
    fn settings(file: &str, variables: &[(&str, &str)], assignments: &[(&str, &str)]) -> Settings {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("config.yaml"), file).unwrap();
        Settings::load(Some(directory.path()), pairs(variables), &pairs(assignments)).unwrap()
    }

    fn told(settings: &Settings) -> Vec<String> {
        settings.findings().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_command_line_wins_over_the_environment_and_that_over_the_file() {
        let file = "parallelism.default: 2\nslot.request.timeout: 1 min\nrest.bind-port: 1\n";
        let variables = [("SELVEDGE_PARALLELISM_DEFAULT", "3"), ("SELVEDGE_REST_BIND_PORT", "2")];
        let settings = settings(file, &variables, &[("parallelism.default", "4")]);
        assert_eq!(told(&settings), [""; 0]);
        let configuration = settings.configuration();
        assert_eq!(configuration.text("parallelism.default"), Some("4"));
        assert_eq!(configuration.text("rest.bind-port"), Some("2"));
        assert_eq!(configuration.text("slot.request.timeout"), Some("1 min"));
        let origins: Vec<_> = settings
            .of_key("parallelism.default")
            .map(|setting| setting.origin.to_string())
            .collect();
        assert_eq!(origins[..2], ["the command line", "$SELVEDGE_PARALLELISM_DEFAULT"]);
        assert!(origins[2].ends_with("config.yaml, line 1"), "{origins:?}");
    }

    #[test]
    fn an_unknown_key_is_an_error_with_file_line_key_value_and_the_nearest_key() {
        let settings = settings("taskmanager:\n  numberOfTaskSlot: 4\n", &[], &[]);
        let [told] = &told(&settings)[..] else {
            panic!("{:?}", settings.findings());
        };
        for part in [
            "config.yaml, line 2",
            "taskmanager.numberOfTaskSlot",
            "'4'",
            "taskmanager.numberOfTaskSlots?",
        ] {
            assert!(told.contains(part), "{told}");
        }
        assert_eq!(settings.findings()[0].severity, Severity::Error);
    }

    #[test]
    fn a_mistyped_namespace_is_an_error_and_a_foreign_one_is_told() {
        let settings = settings("taskmanger.numberOfTaskSlots: 4\nweather.tomorrow: rain\n", &[], &[]);
        let severities: Vec<_> = settings.findings().iter().map(|finding| finding.severity).collect();
        assert_eq!(
            severities,
            [Severity::Error, Severity::Warning],
            "{:?}",
            told(&settings)
        );
    }

    #[test]
    fn a_slip_in_a_namespace_of_former_names_is_an_error_with_the_nearest_key() {
        for (key, nearest) in [
            ("akka.ask.timeot", "akka.ask.timeout"),
            ("akka.watch.treshold", "akka.watch.threshold"),
        ] {
            let settings = settings("", &[], &[(key, "1")]);
            assert_eq!(settings.findings()[0].severity, Severity::Error, "{key}");
            assert_eq!(settings.findings()[0].nearest, Some(nearest));
        }
    }

    #[test]
    fn flinks_older_variables_of_the_heap_stand_for_the_older_keys_and_empty_ones_for_nothing() {
        let file = "taskmanager.heap.size: 1g\njobmanager.memory.process.size: 3g\n";
        let variables = [("FLINK_TM_HEAP", "2g"), ("FLINK_JM_HEAP", "2g")];
        let read = settings(file, &variables, &[]);
        let configuration = read.configuration();
        let (worker, master) = (&taskmanager::TOTAL_PROCESS_MEMORY, &jobmanager::TOTAL_PROCESS_MEMORY);
        assert_eq!(configuration.get(worker), Ok(MemorySize::from_mebibytes(2048)));
        assert_eq!(configuration.get(master), Ok(MemorySize::from_mebibytes(3072)));
        let told = told(&read);
        let has = |text: &str| {
            told.iter()
                .any(|line| line.starts_with("$FLINK_") && line.contains(text))
        };
        assert!(has("former name of taskmanager.memory.process.size"), "{told:?}");
        assert!(has("ignored, since jobmanager.memory.process.size is set"), "{told:?}");
        assert!(settings("", &[("FLINK_TM_HEAP", "")], &[]).layers().is_empty());
        let variable = |name: &str| is_variable(name);
        assert!(variable("FLINK_JM_HEAP") && variable("SELVEDGE_X") && !variable("FLINK_HOME"));
    }

    #[test]
    fn settings_of_the_command_line_alone_are_judged_too() {
        let settings = Settings::of_assignments(&pairs(&[("parallelism.default", "0"), ("rest.prot", "1")]));
        assert_eq!(settings.source().to_string(), "no configuration file");
        let told = told(&settings);
        assert!(
            told[0].contains("at least 1") && told[1].contains("rest.port"),
            "{told:?}"
        );
    }

    #[test]
    fn a_wrong_value_is_an_error_with_key_value_and_line_even_where_another_overrides_it() {
        let settings = settings("parallelism.default: two\n", &[], &[("parallelism.default", "0")]);
        let told = told(&settings);
        assert!(told[0].contains("line 1") && told[0].contains("'two'"), "{told:?}");
        assert!(
            told[1].contains("the command line") && told[1].contains("at least 1"),
            "{told:?}"
        );
    }

    #[test]
    fn a_former_name_is_read_with_a_warning_that_names_the_new_one() {
        let settings = settings("jobmanager.heap.size: 2g\n", &[], &[]);
        let told = told(&settings);
        assert!(told[0].contains("jobmanager.memory.process.size"), "{told:?}");
        assert_eq!(told.len(), 1, "{told:?}");
        let size = settings.configuration().get(&jobmanager::TOTAL_PROCESS_MEMORY);
        assert_eq!(size, Ok(MemorySize::from_mebibytes(2048)));
    }

    #[test]
    fn a_former_name_beside_the_new_one_is_told_to_be_ignored() {
        let file = "jobmanager.heap.size: 2g\njobmanager.memory.process.size: 1g\n";
        let told = told(&settings(file, &[], &[]));
        assert!(told[0].contains("is ignored"), "{told:?}");
    }

    #[test]
    fn an_option_that_nothing_goes_by_yet_is_told_unless_it_has_its_default() {
        let file = "blob.service.ssl.enabled: false\nblob.client.connect.timeout: 0\n";
        let told = told(&settings(file, &[], &[]));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].contains("blob.service.ssl.enabled") && told[0].contains("not in effect yet"),
            "{told:?}"
        );
    }

    #[test]
    fn a_key_without_meaning_here_is_taken_with_a_line_that_says_why() {
        let settings = settings("env.java.opts.all: -Xss1m\n", &[], &[]);
        assert!(told(&settings)[0].contains("no JVM"), "{:?}", told(&settings));
        assert_eq!(settings.findings()[0].severity, Severity::Warning);
    }

    #[test]
    fn members_of_families_and_entries_of_maps_are_known() {
        let file = "containerized.master.env.TZ: UTC\nflink.hadoop.dfs.replication: 1\n\
                    pipeline.global-job-parameters.city: Rome\n";
        let errors = settings(file, &[], &[]);
        let errors: Vec<_> = errors
            .findings()
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
            .collect();
        assert!(errors.is_empty(), "{errors:?}");
    }

    #[test]
    fn an_entry_that_its_map_does_not_take_is_an_error_with_its_place() {
        let told = told(&settings(
            "taskmanager.memory.managed.consumer-weights:\n  OPERATR: 7\n",
            &[],
            &[],
        ));
        let [told] = &told[..] else { panic!("{told:?}") };
        assert!(
            told.contains("line 2") && told.contains("'OPERATR' is no kind of consumer"),
            "{told}"
        );
    }

    #[test]
    fn secrets_are_not_told() {
        let file = "s3.secret-key: [hunter2\n";
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("config.yaml"), file).unwrap();
        let error = Settings::load(Some(directory.path()), [], &[]).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
        let settings = settings("security.ssl.keystore-passwort: hunter2\n", &[], &[]);
        assert!(!told(&settings)[0].contains("hunter2"), "{:?}", told(&settings));
    }

    #[test]
    fn a_variable_that_nearly_names_a_key_is_told_and_an_empty_one_sets_nothing() {
        let variables = [
            ("SELVEDGE_PARALELISM_DEFAULT", "3"),
            ("SELVEDGE_CACHE", "/c"),
            ("SELVEDGE_REST_BIND_PORT", ""),
        ];
        let settings = settings("", &variables, &[]);
        let told = told(&settings);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("SELVEDGE_PARALLELISM_DEFAULT"), "{told:?}");
        assert!(settings.layers().is_empty());
    }

    #[test]
    fn variables_in_values_stay_as_they_are_written() {
        let settings = settings("yarn.application.name: ${HOME}\n", &[("HOME", "/root")], &[]);
        assert_eq!(settings.configuration().text("yarn.application.name"), Some("${HOME}"));
    }
}
