//! A bed that stays up for a person, until told to go down.

use std::fs;
use std::path::PathBuf;

use super::Bed;
use super::control::{self, Reply, Request};
use super::daemon::Daemon;
use super::description::Description;
use super::error::{BedError, Step};
use super::options::BedOptions;
use super::owner;

/// The bed that is up, started if there is none. It outlives this process.
pub async fn up(options: BedOptions) -> Result<Bed, BedError> {
    if let Some(description) = find()? {
        return Ok(Bed::of_person(description));
    }
    let pointer = pointer()?;
    let launch = move || owner::launch(&options, true);
    let (description, _) = tokio::task::spawn_blocking(launch)
        .await
        .expect("making a bed does not panic")?;
    fs::write(&pointer, description.scratch.as_os_str().as_encoded_bytes())
        .step(|| format!("writing {}", pointer.display()))?;
    Ok(Bed::of_person(description))
}

/// Ends the bed that is up, and returns when all its processes and files are gone. Before that, ends what killed
/// supervisors have left.
pub async fn down() -> Result<(), BedError> {
    owner::sweep(&owner::root()?)?;
    let description = find()?.ok_or(BedError::NotUp)?;
    match control::ask(&description.scratch, &Request::Stop).await? {
        None => {}
        Some(other) => {
            return Err(BedError::Answer {
                step: "stopping the bed".to_owned(),
                body: format!("{other:?}"),
            });
        }
    }
    let pointer = pointer()?;
    fs::remove_file(&pointer).step(|| format!("removing {}", pointer.display()))
}

/// The bed that is up, and each daemon's state in words.
pub async fn status() -> Result<(Bed, Vec<(Daemon, String)>), BedError> {
    let description = find()?.ok_or(BedError::NotUp)?;
    match control::ask(&description.scratch, &Request::Status).await? {
        Some(Reply::Status { daemons }) => Ok((Bed::of_person(description), daemons)),
        other => Err(BedError::Answer {
            step: "asking for the bed's status".to_owned(),
            body: format!("{other:?}"),
        }),
    }
}

fn find() -> Result<Option<Description>, BedError> {
    let scratch = fs::read_to_string(pointer()?).ok().map(PathBuf::from);
    Ok(scratch.and_then(|scratch| owner::read(&scratch)))
}

fn pointer() -> Result<PathBuf, BedError> {
    Ok(owner::root()?.join("up"))
}
