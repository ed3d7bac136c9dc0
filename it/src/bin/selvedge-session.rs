//! A session cluster in this process, for tests that kill it: `selvedge-session key=value…`. `SELVEDGE_SESSION_HALT` names a
//! step on the file system at which it halts.

#![allow(clippy::print_stdout, reason = "a command-line program")]

use std::io::Write;
use std::sync::Arc;

use anyhow::Context;
use selvedge::cluster::LocalDescriptor;
use selvedge_core::status::ApplicationStatus;
use selvedge_it::session::{HALTED, HaltingFileSystem, SERVING};
use selvedge_runtime::fs::{FileSystems, Location};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    selvedge_runtime::logging::init_client("info", true)?;
    let mut configuration = selvedge_core::config::shipped();
    for setting in std::env::args().skip(1) {
        let (key, value) = setting.split_once('=').context("settings are key=value")?;
        configuration.set_text(key, value);
    }
    let file_systems = match std::env::var("SELVEDGE_SESSION_HALT") {
        Err(_) => FileSystems::local_only(),
        Ok(place) => {
            let halting = HaltingFileSystem::new(place.parse()?, || say(HALTED));
            FileSystems::new(Arc::new(halting), None, Location::root("file", ""))
        }
    };
    let session = LocalDescriptor::new(configuration, file_systems)
        .deploy_session()
        .await?;
    say(&format!("{SERVING}{}", session.rest_address()));
    let end = session.wait_terminated().await;
    anyhow::ensure!(end.status == ApplicationStatus::Succeeded, "the session ended: {end:?}");
    Ok(())
}

/// A line that whoever started this process waits for.
fn say(line: &str) {
    println!("{line}");
    // Nobody is there any more.
    let _ = std::io::stdout().flush();
}
