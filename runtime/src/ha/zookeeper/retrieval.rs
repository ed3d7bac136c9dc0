//! Follows the node that says where a leader is.

use tokio::sync::watch;
use zookeeper_client::{Client, Error, OneshotWatcher, SessionState, StateWatcher};

use super::super::{LeaderComponent, LeaderInformation, LeaderRetrieval};
use super::ZooKeeperSettings;
use super::session::Sessions;

/// Follows a component's leader, as long as somebody looks.
pub(super) fn follow(settings: &ZooKeeperSettings, component: LeaderComponent, sessions: Sessions) -> LeaderRetrieval {
    let (leader, known) = watch::channel(None);
    let follower = Follower {
        path: settings.information_path(component),
        tolerant: settings.tolerate_suspended_connections,
        retry_wait: settings.retry_wait,
        leader,
    };
    tokio::spawn(follower.run(sessions));
    LeaderRetrieval::of(known)
}

struct Follower {
    path: String,
    /// Whether a lost connection leaves the last leader known.
    tolerant: bool,
    retry_wait: std::time::Duration,
    leader: watch::Sender<Option<LeaderInformation>>,
}

impl Follower {
    async fn run(self, mut sessions: Sessions) {
        loop {
            // The client is not kept: with the last one goes the session.
            let client = tokio::select! {
                () = self.leader.closed() => return,
                client = sessions.wait_for(Option::is_some) => match client {
                    Ok(client) => client.clone(),
                    Err(_) => return,
                },
            };
            let Some(client) = client else { continue };
            let state = client.state_watcher();
            let ended = tokio::select! {
                () = self.leader.closed() => return,
                // The services have been closed.
                () = gone(sessions.clone()) => return,
                ended = self.follow(&client, state) => ended,
            };
            self.tell(None);
            if let Err(error) = ended {
                tracing::warn!("{} cannot be followed in ZooKeeper: {error}", self.path);
                tokio::time::sleep(self.retry_wait).await;
            }
        }
    }

    /// Until the session has ended.
    async fn follow(&self, client: &Client, mut state: StateWatcher) -> Result<(), Error> {
        loop {
            let watcher = match self.look(client).await {
                Ok(watcher) => watcher,
                Err(Error::ConnectionLoss) => {
                    if self.disconnected(&mut state).await.is_terminated() {
                        return Ok(());
                    }
                    continue;
                }
                Err(_) if state.state().is_terminated() => return Ok(()),
                Err(error) => return Err(error),
            };
            let changed = watcher.changed();
            tokio::pin!(changed);
            loop {
                tokio::select! {
                    _ = &mut changed => break,
                    now = state.changed() => match now {
                        SessionState::Disconnected if !self.tolerant => {
                            self.tell(None);
                            // What is true now is read anew.
                            if self.reconnected(&mut state).await.is_terminated() {
                                return Ok(());
                            }
                            break;
                        }
                        now if now.is_terminated() => return Ok(()),
                        _ => {}
                    },
                }
            }
        }
    }

    /// Reads the node, there or not, and watches it.
    async fn look(&self, client: &Client) -> Result<OneshotWatcher, Error> {
        loop {
            match client.get_and_watch_data(&self.path).await {
                Ok((data, _, watcher)) => {
                    self.tell(read(&self.path, &data));
                    return Ok(watcher);
                }
                Err(Error::NoNode) => {}
                Err(error) => return Err(error),
            }
            let (stat, watcher) = client.check_and_watch_stat(&self.path).await?;
            if stat.is_none() {
                self.tell(None);
                return Ok(watcher);
            }
        }
    }

    async fn disconnected(&self, state: &mut StateWatcher) -> SessionState {
        if !self.tolerant {
            self.tell(None);
        }
        self.reconnected(state).await
    }

    async fn reconnected(&self, state: &mut StateWatcher) -> SessionState {
        let mut now = state.state();
        while now == SessionState::Disconnected {
            now = state.changed().await;
        }
        now
    }

    fn tell(&self, leader: Option<LeaderInformation>) {
        self.leader.send_if_modified(|known| {
            let other = *known != leader;
            *known = leader;
            other
        });
    }
}

fn read(path: &str, data: &[u8]) -> Option<LeaderInformation> {
    serde_json::from_slice(data)
        .inspect_err(|error| tracing::warn!("{path} in ZooKeeper does not say where a leader is: {error}"))
        .ok()
}

async fn gone(mut sessions: Sessions) {
    while sessions.changed().await.is_ok() {}
}
