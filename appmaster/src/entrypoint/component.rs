//! The DispatcherResourceManagerComponent: follows this process's leadership, and ends with the cluster.
//!
//! ```text
//!            ┌── granted ──► leading ── revoked ─────────────► standby
//!  standby ──┘                  │ (stopped to the end,            │ granted: all is made anew
//!                               │  jobs SUSPENDED)                ▼
//!                               │                               leading
//!                               ├── the Dispatcher says so, or a fault without a successor ──► graceful end
//!                               └── a fault that another master can take over, SIGTERM ──► the process alone ends
//! ```

use std::sync::Arc;

use rand::rngs::StdRng;
use selvedge_core::LeaderSessionId;
use selvedge_core::status::ApplicationStatus;
use selvedge_runtime::ha::{HaData, HaServices, Leadership};
use selvedge_runtime::shutdown::ShutdownWatch;
use selvedge_runtime::working_directory::WorkingDirectory;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::front::Standing;
use super::leading::{Leading, LeadingEvent, Parts};
use super::servers::Server;
use super::{ClusterEnd, Ended, Shutdown, StartError};
use crate::blobs::Blobs;

/// What a process ends with that breaks.
const EXIT_FATAL: u8 = 2;

/// The component, before it runs.
pub(super) struct Component {
    pub(super) parts: Parts,
    pub(super) rng: StdRng,
    pub(super) ha: Arc<dyn HaServices>,
    pub(super) leadership: watch::Receiver<Leadership>,
    pub(super) leading: Option<Leading>,
    /// What callers find.
    pub(super) standing: watch::Sender<Standing>,
    /// Who waits for the first leadership.
    pub(super) started: Option<oneshot::Sender<Result<(), StartError>>>,
    /// A wish that this process alone ends.
    pub(super) terminate: CancellationToken,
    /// Servers that broke down.
    pub(super) faults: mpsc::Receiver<String>,
    pub(super) rest: Server,
    pub(super) rpc: Server,
    /// Ends with the component.
    pub(super) blobs: Blobs,
    pub(super) working_directory: WorkingDirectory,
    pub(super) watch: ShutdownWatch,
    pub(super) halt_on_fatal_error: bool,
}

enum Event {
    Terminate,
    Leadership(Leadership),
    Fault(String),
    Leading(LeadingEvent),
}

impl Component {
    /// Runs until the cluster, or this process's part in it, has ended.
    pub(super) async fn run(mut self, ended: watch::Sender<Option<Ended>>) {
        self.leadership.mark_changed();
        let how = loop {
            let event = self.next().await;
            if let Some(how) = self.on(event).await {
                break how;
            }
        };
        let (diagnostics, status) = (&how.end.diagnostics, how.end.status);
        tracing::info!("the cluster ends ({:?}): {status:?} {diagnostics}", how.shutdown);
        self.close(&how).await;
        ended.send_replace(Some(how));
    }

    async fn next(&mut self) -> Event {
        tokio::select! {
            biased;
            () = self.terminate.cancelled() => Event::Terminate,
            Ok(()) = self.leadership.changed() => Event::Leadership(self.leadership.borrow_and_update().clone()),
            Some(cause) = self.faults.recv() => Event::Fault(cause),
            event = next_of(&mut self.leading) => Event::Leading(event),
        }
    }

    async fn on(&mut self, event: Event) -> Option<Ended> {
        match event {
            Event::Terminate => Some(Ended::process_alone("the process was told to end".to_owned())),
            Event::Leadership(leadership) => self.follow(leadership).await,
            Event::Fault(cause) | Event::Leading(LeadingEvent::Fatal(cause)) => Some(self.broken(cause).await),
            Event::Leading(LeadingEvent::Ended(end)) => Some(Ended::graceful(end)),
            Event::Leading(LeadingEvent::Connected) => {
                if let Some(leading) = &mut self.leading {
                    leading.run_application();
                }
                self.tell_started(Ok(()));
                None
            }
            Event::Leading(LeadingEvent::NotConnected(error)) => {
                let cause = error.to_string();
                self.tell_started(Err(error.into()));
                Some(Ended::process_alone(cause))
            }
        }
    }

    async fn follow(&mut self, leadership: Leadership) -> Option<Ended> {
        let led = self.leading.as_ref().map(|leading| leading.session);
        if led.is_some() && led == leadership.session() {
            return None;
        }
        let alone = |cause: &str| Some(Ended::process_alone(cause.to_owned()));
        if self.leading.is_some() {
            self.suspend("another process leads, or the connection to those who know is lost")
                .await;
            if !self.parts.driver.can_lead_again() {
                return alone("leadership is lost, and this process cannot lead its workers again");
            }
        }
        match leadership {
            Leadership::Leader(session) => self.lead(session),
            Leadership::Standby => {}
            Leadership::Broken(cause) => return alone(&cause),
        }
        None
    }

    fn lead(&mut self, session: LeaderSessionId) {
        tracing::info!(%session, "leadership is granted");
        let leading = self.parts.lead(session, &mut self.rng);
        self.standing.send_replace(Standing::Leading(leading.gateways.clone()));
        self.leading = Some(leading);
    }

    async fn suspend(&mut self, cause: &str) {
        self.standing.send_modify(Standing::stand_by);
        if let Some(leading) = self.leading.take() {
            leading.suspend(cause).await;
        }
    }

    /// Where another master can take over, this one leaves the jobs to it.
    async fn broken(&mut self, cause: String) -> Ended {
        tracing::error!("the cluster cannot go on: {cause}");
        if self.halt_on_fatal_error {
            tracing::error!("this process ends at once (cluster.processes.halt-on-fatal-error)");
            std::process::exit(EXIT_FATAL.into());
        }
        if self.ha.is_replaceable() {
            return Ended::process_alone(cause);
        }
        let drained = match &mut self.leading {
            Some(leading) => leading.drain(cause.clone()).await,
            None => None,
        };
        Ended::graceful(drained.unwrap_or(ClusterEnd {
            status: ApplicationStatus::Failed,
            diagnostics: cause,
        }))
    }

    fn tell_started(&mut self, outcome: Result<(), StartError>) {
        if let Some(started) = self.started.take() {
            // Who waited may have given up.
            let _ = started.send(outcome);
        }
    }

    /// Ends the services in reverse order of their start.
    async fn close(mut self, how: &Ended) {
        let data = match how.shutdown {
            Shutdown::Graceful => HaData::Delete,
            Shutdown::ProcessAlone => HaData::Keep,
        };
        self.watch.ending("the Dispatcher and the ResourceManager");
        match (self.leading.take(), how.shutdown) {
            (Some(leading), Shutdown::Graceful) => leading.end(&how.end).await,
            (Some(leading), Shutdown::ProcessAlone) => {
                self.standing.send_modify(Standing::stand_by);
                leading.suspend(&how.end.diagnostics).await;
            }
            (None, _) => {}
        }
        self.watch.ending("the REST endpoint");
        self.rest.stop().await;
        self.watch.ending("the RPC server");
        self.rpc.stop().await;
        self.watch.ending("the BlobServer");
        drop(self.blobs);
        match how.shutdown {
            Shutdown::Graceful => drop(self.working_directory),
            Shutdown::ProcessAlone => self.working_directory.keep(),
        }
        self.watch.ending("the services of high availability");
        self.ha.close(data).await;
        // What is left is the process's own end, which needs no more services.
        self.watch.ended();
    }
}

async fn next_of(leading: &mut Option<Leading>) -> LeadingEvent {
    match leading {
        Some(leading) => leading.next().await,
        None => std::future::pending().await,
    }
}
