//! `selvedge yarn-session`: starts a session on YARN, or attends one that is there.
//!
//! ```text
//! settings ─► deploy ─► properties file ─┬─ -d ─► id on standard output
//!          └► -id: find ─────────────────┴─► attended: stop, Ctrl-C ─► the session ends, the file goes
//!                                                      end of input ─► the session stays
//! ```

mod args;
mod attend;
mod query;

use selvedge_core::config::options::cluster;
use selvedge_runtime::connector::report;

use super::error::{CommandError, Ended};
use super::interrupt::Interrupts;
use super::on_yarn::{OnYarn, take_back};
use super::report::Report;
use super::run::CLIENT_LOG_LEVEL;
use super::{SettingArgs, has_colors, say, say_always, settings, target};
use crate::cluster::SessionCluster;
use crate::progress;
use crate::yarn::{PropertiesFile, SessionProperties, YarnSession};

pub use args::YarnSessionArgs;

pub(super) async fn yarn_session(arguments: YarnSessionArgs) -> Result<Ended, CommandError> {
    let mut report = Report::new(arguments.output);
    // Its answer is what is told.
    let is_query = arguments.query;
    // Large, and awaited once.
    let ended = Box::pin(session(arguments, &mut report)).await;
    if is_query { ended } else { report.finish(ended) }
}

async fn session(arguments: YarnSessionArgs, report: &mut Report) -> Result<Ended, CommandError> {
    let assigned = arguments.as_settings().map_err(|error| CommandError::usage(&error))?;
    let configuration = settings::load_for_master(&assigned)?;
    selvedge_runtime::logging::init_client(CLIENT_LOG_LEVEL, has_colors())?;
    for line in arguments.meaningless() {
        say(line);
    }
    // The setting is of starting: who names a session attends it.
    let starts_detached = arguments.application_id.is_none() && !configuration.get(&cluster::ATTACHED)?;
    let detached = arguments.is_detached() || starts_detached;
    if !detached && configuration.get(&cluster::SHUTDOWN_ON_ATTACHED_EXIT)? {
        say(format_args!(
            "{} is of jobs, which end with the client that waits for them (run -sae): the session outlives this client",
            cluster::SHUTDOWN_ON_ATTACHED_EXIT.key()
        ));
    }
    let mut interrupts = Interrupts::listen()?;
    if arguments.query {
        return tokio::select! {
            shown = query::query(&configuration, arguments.output) => shown,
            interruption = interrupts.next() => Ok(Ended::Interrupted(interruption)),
        };
    }
    let file = PropertiesFile::locate(&configuration)?;
    let mut observer = progress::for_terminal(false);
    let session = match arguments.application_id {
        Some(application) => {
            let access = target::yarn_access(&configuration)?;
            tokio::select! {
                found = YarnSession::retrieve(access, application, &mut *observer) => found?,
                interruption = interrupts.next() => return Ok(Ended::Interrupted(interruption)),
            }
        }
        None => {
            let descriptor = OnYarn::read(&configuration)?.descriptor()?;
            let deployed = tokio::select! {
                deployed = descriptor.deploy_session(&mut *observer) => Ok(deployed?),
                interruption = interrupts.next() => Err(interruption),
            };
            match deployed {
                Ok(session) => session,
                Err(interruption) => {
                    return Ok(take_back(&descriptor, interrupts, interruption).await);
                }
            }
        }
    };
    if arguments.application_id.is_none() {
        remember(&session, assigned, &file);
    }
    tell(&session);
    report.cluster(session.place(), session.rest());
    if detached {
        say(attend::how_to_stop(&session));
        report.leave(&session.application_id().to_string())?;
        return Ok(Ended::Done);
    }
    attend::attend(&session, &file, &mut *observer, interrupts, report).await
}

/// Later commands find the session by the file.
fn remember(session: &YarnSession, assigned: SettingArgs, file: &PropertiesFile) {
    let properties = SessionProperties {
        application: session.application_id(),
        dynamic_properties: assigned.set,
    };
    match file.write(&properties) {
        Ok(()) => say(format_args!(
            "its id is in {}: commands without -t go there",
            file.path().display()
        )),
        Err(error) => say_always(format_args!(
            "warning: later commands do not find the session by themselves: {}",
            report(&error)
        )),
    }
}

fn tell(session: &YarnSession) {
    let address = session.rest().address();
    say(format_args!(
        "session {} runs: web interface {}{}",
        session.application_id(),
        session.tracking_url(),
        address.map_or_else(String::new, |address| format!(", REST endpoint http://{address}"))
    ));
}
