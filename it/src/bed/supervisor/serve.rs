//! The supervisor's socket.

use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::Supervisor;
use crate::bed::control::{Reply, Request, receive, send};
use crate::bed::error::{BedError, Step};
use crate::bed::layout::Layout;

pub(super) fn listen(layout: &Layout) -> Result<UnixListener, BedError> {
    let path = layout.control_socket();
    UnixListener::bind(&path).step(|| format!("listening at {}", path.display()))
}

/// Answers until asked to stop. Dropping this aborts what is under way, a restart for instance, so that nothing is
/// started any more once the bed ends.
pub(super) async fn serve(listener: UnixListener, supervisor: Arc<Supervisor>) -> Result<(), BedError> {
    let mut connections = JoinSet::new();
    // The connection that asked to stop comes back through here, and stays open until the process is gone.
    let (stop, mut stopped) = mpsc::channel::<UnixStream>(1);
    loop {
        tokio::select! {
            biased;
            Some(asker) = stopped.recv() => {
                std::mem::forget(asker);
                return Ok(());
            }
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => {
                let (stream, _) = accepted.step(|| "accepting on the control socket".to_owned())?;
                connections.spawn(answer(stream, Arc::clone(&supervisor), stop.clone()));
            }
        }
    }
}

async fn answer(mut stream: UnixStream, supervisor: Arc<Supervisor>, stop: mpsc::Sender<UnixStream>) {
    let reply = match receive(&mut stream).await {
        Ok(Some(Request::Stop)) => {
            // Full or closed: the bed is stopping already.
            let _ = stop.try_send(stream);
            return;
        }
        Ok(Some(Request::Status)) => Reply::Status {
            daemons: supervisor.status(),
        },
        Ok(Some(Request::Kill { daemon })) => done(supervisor.kill(daemon).await),
        Ok(Some(Request::Restart { daemon })) => done(supervisor.restart(daemon).await),
        Ok(None) => return,
        Err(error) => Reply::Failed {
            message: format!("the request is not understood: {error}"),
        },
    };
    // An asker that is gone needs no answer.
    if send(&mut stream, &reply).await.is_ok() {
        let _ = stream.shutdown().await;
    }
}

fn done(outcome: Result<(), BedError>) -> Reply {
    match outcome {
        Ok(()) => Reply::Done,
        Err(error) => Reply::Failed {
            message: error.to_string(),
        },
    }
}
