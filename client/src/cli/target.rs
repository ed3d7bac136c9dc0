//! Where a job goes: what `-t`, `-m`, settings and the file of the last session say together.

use std::sync::Arc;

use selvedge_core::Configuration;
use selvedge_core::config::options::{cluster, high_availability, rest, yarn};
use yarn_common::environment::Environment;
use yarn_common::id::ApplicationId;

use super::error::CommandError;
use super::exit::ExitKind;
use super::{ClusterArgs, say_always, terminal};
use crate::cluster::{ElectedSession, JobObserver, RemoteSession, SessionCluster};
use crate::composition;
use crate::yarn::{
    PropertiesError, PropertiesFile, SessionProperties, YarnAccess, YarnError, YarnSession, submitting_user,
};

pub(super) const LOCAL: &str = "local";
pub(super) const REMOTE: &str = "remote";
pub(super) const YARN_SESSION: &str = "yarn-session";
pub(super) const YARN_PER_JOB: &str = "yarn-per-job";
pub(super) const YARN_APPLICATION: &str = "yarn-application";
/// What Flink once had in place of an address.
const YARN_CLUSTER: &str = "yarn-cluster";

/// Where a job goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A cluster in this process.
    Local,
    /// A YARN application of its own.
    YarnPerJob,
    /// A YARN application whose master runs the program, or submits the job.
    YarnApplication,
    /// A cluster that is there.
    Session(SessionAt),
}

/// Where a session is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SessionAt {
    /// `host:port` of its REST endpoint.
    Remote(String),
    /// Where high availability says that its leader is.
    Elected,
    /// On YARN; with the file that its id comes from, if it does.
    Yarn {
        application: ApplicationId,
        found: Option<PropertiesFile>,
    },
}

/// What the options say; the settings then have the session's own besides. `assignments` are those of the command line.
pub(super) fn choose(
    configuration: &mut Configuration,
    arguments: &ClusterArgs,
    assignments: &[(String, String)],
) -> Result<Target, CommandError> {
    if let Some(target) = &arguments.target {
        configuration.set(&cluster::TARGET, target);
    }
    match arguments.jobmanager.as_deref() {
        Some(YARN_CLUSTER) => point_to_yarn(configuration, arguments.target.as_deref())?,
        Some(address) => point_to(configuration, address, arguments.target.as_deref())?,
        None => {}
    }
    let (target, id) = (configuration.find(&cluster::TARGET)?, application_id(configuration)?);
    match (target.as_deref(), id) {
        (Some(LOCAL | YARN_PER_JOB | YARN_APPLICATION | REMOTE), Some(id))
            if is_assigned(assignments, yarn::APPLICATION_ID.key()) =>
        {
            Err(CommandError::input(format!(
                "{}={id} names a session, and {} is {}: leave out one of them, or use -t {YARN_SESSION}",
                yarn::APPLICATION_ID.key(),
                cluster::TARGET.key(),
                target.unwrap_or_default(),
            )))
        }
        (Some(LOCAL), _) => Ok(Target::Local),
        (Some(YARN_PER_JOB), _) => Ok(Target::YarnPerJob),
        (Some(YARN_APPLICATION), _) => Ok(Target::YarnApplication),
        (Some(REMOTE), _) if arguments.jobmanager.is_none() && high_availability::is_enabled(configuration)? => {
            Ok(Target::Session(SessionAt::Elected))
        }
        (Some(REMOTE), _) => remote(configuration),
        (Some(YARN_SESSION) | None, Some(application)) => {
            let found = None;
            Ok(Target::Session(SessionAt::Yarn { application, found }))
        }
        (Some(YARN_SESSION), None) => {
            let file = PropertiesFile::locate(configuration)?;
            match file.read()? {
                Some(properties) => Ok(last_session(configuration, file, &properties, assignments)),
                None => Err(CommandError::new(
                    ExitKind::NotThere,
                    format!(
                        "which session is not known: give -D{}=ID, or start one with selvedge yarn-session, which leaves its id \
                     in {}",
                        yarn::APPLICATION_ID.key(),
                        file.path().display()
                    ),
                )),
            }
        }
        (None, None) => {
            let file = PropertiesFile::locate(configuration)?;
            match file.read() {
                Ok(Some(properties)) => Ok(last_session(configuration, file, &properties, assignments)),
                Ok(None) => Ok(Target::Local),
                // Nobody else decides where this user's jobs go, nor that they go nowhere.
                Err(error @ PropertiesError::Suspicious { .. }) => {
                    say_always(format_args!("warning: {error}"));
                    Ok(Target::Local)
                }
                Err(error) => Err(CommandError::from(error).and("or say where to go with -t")),
            }
        }
        (Some(unknown), _) => Err(CommandError::input(format!(
            "'{unknown}' is no target (-t, {}): known are {LOCAL}, {REMOTE}, {YARN_SESSION}, {YARN_PER_JOB} and \
             {YARN_APPLICATION}",
            cluster::TARGET.key()
        ))),
    }
}

/// An application of its own, unless one is named.
fn point_to_yarn(configuration: &mut Configuration, target: Option<&str>) -> Result<(), CommandError> {
    match target {
        Some(YARN_SESSION | YARN_PER_JOB | YARN_APPLICATION) => {}
        Some(other) => {
            return Err(CommandError::input(format!(
                "-m {YARN_CLUSTER} is YARN, and -t {other} another place: leave out one of them"
            )));
        }
        None if application_id(configuration)?.is_some() => configuration.set_text(cluster::TARGET.key(), YARN_SESSION),
        None => configuration.set_text(cluster::TARGET.key(), YARN_PER_JOB),
    }
    Ok(())
}

fn point_to(configuration: &mut Configuration, address: &str, target: Option<&str>) -> Result<(), CommandError> {
    if let Some(other) = target.filter(|target| *target != REMOTE) {
        return Err(CommandError::input(format!(
            "-m {address} is the address of a cluster, and -t {other} another place: leave out one of them"
        )));
    }
    let parts = address.rsplit_once(':');
    let parts = parts.filter(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    let Some((host, port)) = parts else {
        return Err(CommandError::input(format!(
            "-m {address} is no HOST:PORT of a REST endpoint, such as localhost:8081; for YARN use -t {YARN_SESSION} or \
             -t {YARN_PER_JOB}"
        )));
    };
    configuration.set_text(cluster::TARGET.key(), REMOTE);
    configuration.set_text(rest::ADDRESS.key(), host);
    configuration.set_text(rest::PORT.key(), port);
    Ok(())
}

fn remote(configuration: &Configuration) -> Result<Target, CommandError> {
    let host = configuration.find(&rest::ADDRESS)?.ok_or_else(|| {
        CommandError::input(format!(
            "-t {REMOTE} needs the address of the cluster's REST endpoint: -m HOST:PORT, or {} and {}",
            rest::ADDRESS.key(),
            rest::PORT.key()
        ))
    })?;
    let port = configuration.get(&rest::PORT)?;
    Ok(Target::Session(SessionAt::Remote(format!("{host}:{port}"))))
}

fn application_id(configuration: &Configuration) -> Result<Option<ApplicationId>, CommandError> {
    let Some(text) = configuration.find(&yarn::APPLICATION_ID)? else {
        return Ok(None);
    };
    let id = text.trim().parse();
    id.map(Some)
        .map_err(|error| CommandError::input(format!("{}: {error}", yarn::APPLICATION_ID.key())))
}

fn is_assigned(assignments: &[(String, String)], key: &str) -> bool {
    assignments.iter().any(|(assigned, _)| assigned == key)
}

/// The session that the file names, with the settings that it was started with: those of this command line win.
fn last_session(
    configuration: &mut Configuration,
    file: PropertiesFile,
    properties: &SessionProperties,
    assignments: &[(String, String)],
) -> Target {
    let started_with = properties.dynamic_properties.iter();
    for (key, value) in started_with.filter(|(key, _)| !is_assigned(assignments, key)) {
        configuration.set_text(key, value);
    }
    Target::Session(SessionAt::Yarn {
        application: properties.application,
        found: Some(file),
    })
}

/// What a command on YARN goes by.
pub(super) fn yarn_access(configuration: &Configuration) -> Result<YarnAccess, CommandError> {
    let environment = Environment::of_process();
    let user = submitting_user(&environment)?;
    let hadoop = composition::hadoop_configuration(configuration, environment)?;
    Ok(YarnAccess::new(configuration.clone(), hadoop, &user)?)
}

/// The session, after it was found to be there. `any` takes an application with one job for it too.
pub(super) async fn find(
    at: SessionAt,
    configuration: &Configuration,
    any: bool,
    observer: &mut dyn JobObserver,
) -> Result<Arc<dyn SessionCluster>, CommandError> {
    let (application, found) = match at {
        SessionAt::Remote(address) => return Ok(Arc::new(RemoteSession::new(&address)?)),
        SessionAt::Elected => return Ok(Arc::new(ElectedSession::find(configuration).await?)),
        SessionAt::Yarn { application, found } => (application, found),
    };
    if let Some(file) = &found {
        observer.note(&format!(
            "{application} is the session that {} names (-t says where else to go)",
            file.path().display()
        ));
    }
    let access = yarn_access(configuration)?;
    let session = match any {
        true => YarnSession::retrieve_any(access, application, observer).await,
        false => YarnSession::retrieve(access, application, observer).await,
    };
    match (session, found) {
        (Ok(session), _) => Ok(Arc::new(session)),
        (Err(error), Some(file)) if error.is_gone() => Err(stale(&file, &error)),
        (Err(error), _) => Err(error.into()),
    }
}

/// The file names a session that is gone: it is removed where the user says so.
fn stale(file: &PropertiesFile, error: &YarnError) -> CommandError {
    let path = file.path().display();
    let question = format!("{error}\nRemove {path}, which names it?");
    if terminal::confirm(&question) {
        return match file.remove() {
            Ok(()) => CommandError::new(
                ExitKind::NotThere,
                format!("{path} is removed, and nothing was done: give the command again"),
            ),
            Err(error) => error.into(),
        };
    }
    CommandError::new(
        ExitKind::NotThere,
        format!("{error}. Its id stands in {path}: remove that file (rm {path}), or say where to go with -t"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(set: &[(&str, &str)]) -> Vec<(String, String)> {
        set.iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn chosen(
        directory: &std::path::Path,
        target: Option<&str>,
        jobmanager: Option<&str>,
        set: &[(&str, &str)],
    ) -> Result<(Target, Configuration), String> {
        let mut set = settings(set);
        let place = directory.display().to_string();
        set.push((yarn::PROPERTIES_FILE_LOCATION.key().to_owned(), place));
        let mut configuration: Configuration = set.clone().into_iter().collect();
        let arguments = ClusterArgs {
            target: target.map(str::to_owned),
            jobmanager: jobmanager.map(str::to_owned),
        };
        let target = choose(&mut configuration, &arguments, &set).map_err(|error| error.message().to_owned())?;
        Ok((target, configuration))
    }

    const ID: (&str, &str) = ("yarn.application.id", "application_1_0007");

    fn on_yarn(found: Option<PropertiesFile>) -> Target {
        let application = ApplicationId::new(1, 7);
        Target::Session(SessionAt::Yarn { application, found })
    }

    #[test]
    fn each_way_of_saying_where_leads_there() {
        let directory = tempfile::tempdir().unwrap();
        let at = |address: &str| Target::Session(SessionAt::Remote(address.to_owned()));
        let address = [("rest.address", "h"), ("rest.port", "1234")];
        for (target, jobmanager, set, expected) in [
            (None, None, &[][..], Target::Local),
            (Some("local"), None, &[], Target::Local),
            (Some("yarn-per-job"), None, &[], Target::YarnPerJob),
            (Some("yarn-application"), None, &[], Target::YarnApplication),
            (None, Some("yarn-cluster"), &[], Target::YarnPerJob),
            (None, Some("yarn-cluster"), &[ID], on_yarn(None)),
            (
                Some("yarn-application"),
                Some("yarn-cluster"),
                &[],
                Target::YarnApplication,
            ),
            (None, Some("h:99"), &[], at("h:99")),
            (Some("remote"), Some("h:99"), &address, at("h:99")),
            (Some("remote"), None, &address, at("h:1234")),
            (
                Some("remote"),
                None,
                &[("high-availability.type", "zookeeper")],
                Target::Session(SessionAt::Elected),
            ),
            (
                Some("remote"),
                Some("h:99"),
                &[("high-availability.type", "zookeeper")],
                at("h:99"),
            ),
            (Some("yarn-session"), None, &[ID], on_yarn(None)),
            (None, None, &[ID], on_yarn(None)),
        ] {
            let (chosen, _) = chosen(directory.path(), target, jobmanager, set).unwrap();
            assert_eq!(chosen, expected, "{target:?} {jobmanager:?} {set:?}");
        }
    }

    #[test]
    fn contradictions_and_gaps_are_told_with_what_to_do() {
        let directory = tempfile::tempdir().unwrap();
        for (target, jobmanager, set, expected) in [
            (
                Some("mesos"),
                None,
                &[][..],
                "known are local, remote, yarn-session, yarn-per-job and yarn-application",
            ),
            (Some("local"), Some("h:1"), &[], "leave out one"),
            (Some("yarn-per-job"), None, &[ID], "leave out one"),
            (None, Some("h:1"), &[ID], "leave out one"),
            (Some("remote"), None, &[], "-m HOST:PORT"),
            (Some("local"), Some("yarn-cluster"), &[], "leave out one"),
            (None, Some("nowhere"), &[], "is no HOST:PORT"),
            (Some("yarn-session"), None, &[], "start one with selvedge yarn-session"),
            (
                None,
                None,
                &[("yarn.application.id", "application_7")],
                "yarn.application.id: ",
            ),
        ] {
            let message = chosen(directory.path(), target, jobmanager, set).unwrap_err();
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn the_last_session_is_found_with_its_settings_unless_the_command_line_says_otherwise() {
        let directory = tempfile::tempdir().unwrap();
        let location = directory.path().display().to_string();
        let file = PropertiesFile::locate(
            &settings(&[("yarn.properties-file.location", &location)])
                .into_iter()
                .collect(),
        );
        let file = file.unwrap();
        let dynamic_properties = settings(&[("parallelism.default", "3"), ("yarn.application.queue", "low")]);
        let application = ApplicationId::new(1, 7);
        file.write(&SessionProperties {
            application,
            dynamic_properties,
        })
        .unwrap();
        for target in [None, Some("yarn-session")] {
            let set = [("parallelism.default", "5")];
            let (chosen, configuration) = chosen(directory.path(), target, None, &set).unwrap();
            assert_eq!(chosen, on_yarn(Some(file.clone())));
            assert_eq!(configuration.text("parallelism.default"), Some("5"));
            assert_eq!(configuration.text("yarn.application.queue"), Some("low"));
        }
        let (local, configuration) = chosen(directory.path(), Some("local"), None, &[]).unwrap();
        assert_eq!(
            (local, configuration.text("yarn.application.queue")),
            (Target::Local, None)
        );
        std::fs::write(file.path(), "?").unwrap();
        let message = chosen(directory.path(), None, None, &[]).unwrap_err();
        assert!(message.contains("rm /") && message.contains("with -t"), "{message}");
    }
}
