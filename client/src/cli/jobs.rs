//! `selvedge list` and `selvedge cancel`: the jobs of a cluster that is there.

use std::time::{Duration, SystemTime};

use selvedge_core::Configuration;
use selvedge_core::config::options::{cluster, yarn};
use selvedge_core::status::JobStatus;
use serde_json::json;

use super::config::print_json;
use super::error::{CommandError, Ended};
use super::exit::ExitKind;
use super::run::CLIENT_LOG_LEVEL;
use super::target::{self, SessionAt, Target, YARN_APPLICATION, YARN_PER_JOB};
use super::{CancelArgs, ClusterArgs, ListJobsArgs, SettingArgs, has_colors, settings, terminal};
use crate::cluster::{JobOverview, SessionCluster};
use crate::progress;

const RULE: &str = "--------------------------------------------------------------";

/// Jobs in one part of their life, as Flink groups them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    Running,
    Scheduled,
    Terminated,
}

impl Group {
    fn of(job: &JobOverview) -> Self {
        let is = |status: JobStatus| job.state == status.as_str();
        if is(JobStatus::Created) || is(JobStatus::Initializing) {
            Self::Scheduled
        } else if JobStatus::ALL
            .iter()
            .any(|status| status.is_globally_terminal() && is(*status))
        {
            Self::Terminated
        } else {
            Self::Running
        }
    }

    const fn title(self) -> (&'static str, &'static str) {
        match self {
            Self::Running => ("Running/Restarting Jobs", "running"),
            Self::Scheduled => ("Scheduled/Initializing Jobs", "scheduled"),
            Self::Terminated => ("Terminated Jobs", "terminated"),
        }
    }
}

pub(super) async fn list(arguments: ListJobsArgs) -> Result<Ended, CommandError> {
    let cluster = connect(&arguments.asked.cluster, &arguments.asked.settings).await?;
    let mut jobs = cluster.rest().jobs().await?;
    jobs.sort_by(|one, other| (one.start_time, &one.jid).cmp(&(other.start_time, &other.jid)));
    let groups = wanted(&arguments);
    if arguments.asked.output.is_json() {
        let shown = jobs.iter().filter(|job| groups.contains(&Group::of(job)));
        let shown: Vec<_> = shown.map(described).collect();
        print_json(&json!({"cluster": cluster.name(), "jobs": shown}))?;
    } else {
        let parts: Vec<_> = groups.iter().map(|group| part(*group, &jobs)).collect();
        terminal::print(&parts.concat())?;
    }
    Ok(Ended::Done)
}

fn wanted(arguments: &ListJobsArgs) -> Vec<Group> {
    if arguments.all {
        return vec![Group::Running, Group::Scheduled, Group::Terminated];
    }
    let neither = !arguments.running && !arguments.scheduled;
    let mut groups = Vec::new();
    if arguments.running || neither {
        groups.push(Group::Running);
    }
    if arguments.scheduled || neither {
        groups.push(Group::Scheduled);
    }
    groups
}

fn described(job: &JobOverview) -> serde_json::Value {
    json!({
        "id": job.jid,
        "name": job.name,
        "state": job.state,
        "start-time": job.start_time,
        "end-time": job.end_time,
        "duration": job.duration,
    })
}

/// Flink's form: scripts read it.
fn part(group: Group, jobs: &[JobOverview]) -> String {
    let (title, word) = group.title();
    let lines: Vec<_> = jobs
        .iter()
        .filter(|job| Group::of(job) == group)
        .map(|job| {
            let started = date(job.start_time);
            format!("{started} : {} : {} ({})\n", job.jid, job.name, job.state)
        })
        .collect();
    if lines.is_empty() {
        return format!("No {word} jobs.\n");
    }
    format!("{title:-^62}\n{}{RULE}\n", lines.concat())
}

/// `dd.MM.yyyy HH:mm:ss` in UTC.
fn date(millis: i64) -> String {
    let since = Duration::from_millis(u64::try_from(millis).unwrap_or_default());
    let text = humantime::format_rfc3339_seconds(SystemTime::UNIX_EPOCH + since).to_string();
    let (day, time) = text.trim_end_matches('Z').split_once('T').unwrap_or((&text, ""));
    let parts: Vec<_> = day.split('-').rev().collect();
    format!("{} {time}", parts.join("."))
}

pub(super) async fn cancel(arguments: CancelArgs) -> Result<Ended, CommandError> {
    let cluster = connect(&arguments.asked.cluster, &arguments.asked.settings).await?;
    let job = arguments.job;
    // A job that has ended is not cancelled any more, and is told so.
    let known = cluster.rest().jobs().await?.into_iter().find(|known| known.jid == job);
    let Some(known) = known else {
        return Err(CommandError::new(
            ExitKind::NotThere,
            format!(
                "{} knows no job {job}: selvedge list -a {} shows those that it knows",
                cluster.name(),
                cluster.options()
            ),
        ));
    };
    if Group::of(&known) == Group::Terminated {
        return Err(CommandError::new(
            ExitKind::NotThere,
            format!("job {job} ({}) is {} already", known.name, known.state),
        ));
    }
    cluster.rest().cancel(job).await?;
    if arguments.asked.output.is_json() {
        print_json(&json!({"cluster": cluster.name(), "id": job, "name": known.name}))?;
    } else {
        terminal::print(&format!("cancelling job {job} ({})\n", known.name))?;
    }
    Ok(Ended::Done)
}

async fn connect(
    arguments: &ClusterArgs,
    assigned: &SettingArgs,
) -> Result<std::sync::Arc<dyn SessionCluster>, CommandError> {
    let mut configuration = settings::load(assigned)?;
    selvedge_runtime::logging::init_client(CLIENT_LOG_LEVEL, has_colors())?;
    let at = place(&mut configuration, arguments, assigned)?;
    let mut observer = progress::for_terminal(false);
    target::find(at, &configuration, true, &mut *observer).await
}

/// Only a cluster that outlives its command can be asked.
fn place(
    configuration: &mut Configuration,
    arguments: &ClusterArgs,
    assigned: &SettingArgs,
) -> Result<SessionAt, CommandError> {
    let own = matches!(arguments.target.as_deref(), Some(YARN_PER_JOB | YARN_APPLICATION));
    let named = configuration.contains(&yarn::APPLICATION_ID);
    let in_session = ClusterArgs {
        // An application with jobs of its own is asked in the same way.
        target: arguments.target.clone().filter(|_| !(own && named)),
        ..arguments.clone()
    };
    match target::choose(configuration, &in_session, &assigned.set)? {
        Target::Session(at) => Ok(at),
        Target::Local | Target::YarnPerJob | Target::YarnApplication => Err(CommandError::input(format!(
            "which cluster is not known ({} is not that of one that is there): -m HOST:PORT names one by its REST endpoint, \
             -D{}=ID one on YARN, and selvedge yarn-session starts one",
            cluster::TARGET.key(),
            yarn::APPLICATION_ID.key()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(state: &str, start: i64) -> JobOverview {
        serde_json::from_value(
            json!({"jid": "0".repeat(32), "name": "wc", "state": state, "start-time": start, "duration": 1}),
        )
        .unwrap()
    }

    #[test]
    fn jobs_are_listed_in_flinks_form() {
        let start = 1_700_000_000_000;
        let jobs = [
            job("RUNNING", start),
            job("INITIALIZING", start),
            job("CANCELED", start),
            job("RESTARTING", 0),
        ];
        let shown = part(Group::Running, &jobs);
        let lines: Vec<_> = shown.lines().collect();
        assert_eq!(
            lines[0],
            "-------------------Running/Restarting Jobs--------------------"
        );
        let id = "0".repeat(32);
        assert_eq!(lines[1], format!("14.11.2023 22:13:20 : {id} : wc (RUNNING)"));
        assert_eq!(lines[2], format!("01.01.1970 00:00:00 : {id} : wc (RESTARTING)"));
        assert_eq!(lines[3..], [RULE]);
        assert!(part(Group::Scheduled, &jobs).contains("(INITIALIZING)"));
        assert_eq!(part(Group::Terminated, &jobs[..2]), "No terminated jobs.\n");
    }
}
