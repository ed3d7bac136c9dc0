//! The process's session with ZooKeeper: one for all that it does there, and a new one when that has expired.

use std::time::Duration;

use backon::{ConstantBuilder, Retryable};
use tokio::sync::watch;
use zookeeper_client::{Client, Error};

use super::super::HaError;
use super::ZooKeeperSettings;

/// A session as it is now; `None` while there is none.
pub(super) type Sessions = watch::Receiver<Option<Client>>;

/// The first session of a process.
///
/// # Errors
/// [`HaError::Connect`] where the last of the configured attempts failed.
pub(super) async fn first(settings: &ZooKeeperSettings) -> Result<Client, HaError> {
    let attempts = usize::try_from(settings.max_retry_attempts).unwrap_or(usize::MAX);
    let retry = ConstantBuilder::new()
        .with_delay(settings.retry_wait)
        .with_max_times(attempts);
    let connected = (|| connect(settings))
        .retry(retry)
        .notify(|error, pause| note(settings, error, pause));
    connected.await.map_err(|error| HaError::Connect {
        quorum: settings.quorum.clone(),
        attempts: settings.max_retry_attempts.saturating_add(1),
        reason: error.to_string(),
    })
}

/// Replaces the session by a new one whenever it has ended for good, until nobody follows any more.
pub(super) async fn keep(settings: ZooKeeperSettings, sessions: watch::Sender<Option<Client>>) {
    loop {
        let state = sessions.borrow().as_ref().map(Client::state_watcher);
        if let Some(mut state) = state {
            while !state.state().is_terminated() {
                state.changed().await;
            }
            tracing::warn!("the session with ZooKeeper has ended: {}", state.state());
            sessions.send_replace(None);
        }
        let retry = ConstantBuilder::new()
            .with_delay(settings.retry_wait)
            .without_max_times();
        let connecting = (|| connect(&settings))
            .retry(retry)
            .notify(|error, pause| note(&settings, error, pause));
        if let Ok(client) = connecting.await {
            sessions.send_replace(Some(client));
        }
    }
}

async fn connect(settings: &ZooKeeperSettings) -> Result<Client, Error> {
    let mut connector = Client::connector().with_session_timeout(settings.session_timeout);
    for (scheme, credentials) in &settings.authorization {
        connector = connector.with_auth(scheme, credentials.as_bytes());
    }
    let connecting = connector.connect(&settings.quorum);
    let client = tokio::time::timeout(settings.connection_timeout, connecting)
        .await
        .unwrap_or(Err(Error::Timeout))?;
    tracing::info!(
        session = %client.session_id(),
        timeout = ?client.session_timeout(),
        "connected to ZooKeeper at {}",
        settings.quorum
    );
    Ok(client)
}

fn note(settings: &ZooKeeperSettings, error: &Error, pause: Duration) {
    tracing::warn!(
        "ZooKeeper at {} cannot be reached ({error}): tried again in {pause:?}",
        settings.quorum
    );
}
