//! Writes where the leader is, under its latch.

use zookeeper_client::{CheckWriteError, CreateMode, Error, OwnedLockClient};

use super::super::{HaError, LeaderComponent, LeaderInformation};
use super::ZooKeeperSettings;

/// Makes or replaces the node of a component, in one transaction with the check of the latch.
///
/// # Errors
/// `None` where the latch is gone, and with it the leadership; else what failed, after the configured attempts.
pub(super) async fn publish(
    settings: &ZooKeeperSettings,
    lock: &OwnedLockClient,
    component: LeaderComponent,
    information: &LeaderInformation,
) -> Result<(), Option<HaError>> {
    let data = serde_json::to_vec(information).expect("an address and an id have a JSON form");
    let directory = settings.component_path(component);
    retried(settings, "publishing the leader's address", &directory, || async {
        let parents = CreateMode::Persistent.with_acls(settings.acls());
        lock.client().mkdir(&directory, &parents).await?;
        replace(settings, lock, component, &data).await
    })
    .await
}

/// Deletes the node of a component in the same way.
///
/// # Errors
/// As [`publish`].
pub(super) async fn withdraw(
    settings: &ZooKeeperSettings,
    lock: &OwnedLockClient,
    component: LeaderComponent,
) -> Result<(), Option<HaError>> {
    let path = settings.information_path(component);
    let directory = settings.component_path(component);
    retried(settings, "withdrawing the leader's address", &path, || async {
        for path in [&path, &directory] {
            match lock.delete(path, None).await {
                Ok(()) | Err(Error::NoNode) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    })
    .await
}

/// A node of an earlier leader's session would go with that session: it is made anew in this one's.
async fn replace(
    settings: &ZooKeeperSettings,
    lock: &OwnedLockClient,
    component: LeaderComponent,
    data: &[u8],
) -> Result<(), Error> {
    let path = settings.information_path(component);
    let (client, ephemeral) = (lock.client(), CreateMode::Ephemeral.with_acls(settings.acls()));
    let present = client.check_stat(&path).await?;
    let mut writer = lock.new_check_writer();
    match present {
        Some(stat) if stat.ephemeral_owner == client.session_id().0 => {
            writer.add_set_data(&path, data, Some(stat.version))?;
        }
        Some(stat) => {
            writer.add_delete(&path, Some(stat.version))?;
            writer.add_create(&path, data, &ephemeral)?;
        }
        None => writer.add_create(&path, data, &ephemeral)?,
    }
    writer.commit().await.map(drop).map_err(|error| match error {
        CheckWriteError::CheckFailed { .. } => Error::RuntimeInconsistent,
        other => other.into(),
    })
}

/// Repeats what a lost connection or another's write has stood in the way of.
async fn retried<F>(
    settings: &ZooKeeperSettings,
    step: &'static str,
    path: &str,
    mut write: impl FnMut() -> F,
) -> Result<(), Option<HaError>>
where
    F: Future<Output = Result<(), Error>>,
{
    let mut retries = 0;
    loop {
        let pause = match write().await {
            Ok(()) => return Ok(()),
            Err(Error::RuntimeInconsistent | Error::SessionExpired | Error::ClientClosed) => return Err(None),
            Err(Error::BadVersion | Error::NodeExists | Error::NoNode) if retries < settings.max_retry_attempts => None,
            Err(Error::ConnectionLoss) if retries < settings.max_retry_attempts => Some(settings.retry_wait),
            Err(error) => {
                let (path, reason) = (path.to_owned(), error.to_string());
                return Err(Some(HaError::ZooKeeper { step, path, reason }));
            }
        };
        retries += 1;
        if let Some(pause) = pause {
            tokio::time::sleep(pause).await;
        }
    }
}
