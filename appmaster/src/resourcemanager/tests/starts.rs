//! Workers that do not start: how soon others are asked for, and where.

use std::sync::{Arc, OnceLock};

use super::*;

/// What the driver is told.
#[derive(Debug, PartialEq, Eq)]
enum Call {
    Request,
    Release(ResourceId),
    Unwanted(UnwantedNodes),
}

/// Tells the test of each call; the test says what comes of it.
#[derive(Debug, Clone)]
struct PlayedDriver {
    calls: mpsc::UnboundedSender<Call>,
    events: Arc<OnceLock<mpsc::Sender<DriverEvent>>>,
}

#[async_trait]
impl ResourceManagerDriver for PlayedDriver {
    async fn initialize(&self, start: DriverStart) -> Result<(), DriverError> {
        self.events
            .set(start.events)
            .map_err(|_| DriverError("twice".to_owned()))
    }

    async fn request_worker(&self, _spec: WorkerSpec) -> Result<(), DriverError> {
        self.calls.send(Call::Request).unwrap();
        Ok(())
    }

    async fn cancel_requests(&self, _spec: WorkerSpec, _count: u32) -> u32 {
        0
    }

    async fn release_worker(&self, resource_id: &ResourceId) {
        self.calls.send(Call::Release(resource_id.clone())).unwrap();
    }

    async fn deregister(&self, _status: ApplicationStatus, _diagnostics: &str) -> Result<(), DriverError> {
        Ok(())
    }

    async fn block_nodes(&self, nodes: UnwantedNodes) {
        self.calls.send(Call::Unwanted(nodes)).unwrap();
    }
}

/// A ResourceManager of which a job wants one slot.
struct Play {
    bed: Bed,
    driver: PlayedDriver,
    calls: mpsc::UnboundedReceiver<Call>,
    _notices: mpsc::Receiver<ResourceNotice>,
}

impl Play {
    async fn start(settings: &[(&str, &str)]) -> Self {
        let (sender, calls) = mpsc::unbounded_channel();
        let driver = PlayedDriver {
            calls: sender,
            events: Arc::default(),
        };
        let bed = bed(driver.clone(), settings).await;
        let (contact, notices) = contact(1);
        bed.join(1, &contact).await;
        bed.declare(1, &contact, 1).await.unwrap();
        Self {
            bed,
            driver,
            calls,
            _notices: notices,
        }
    }

    async fn tell(&self, event: DriverEvent) {
        self.driver.events.get().unwrap().send(event).await.unwrap();
    }

    async fn starts(&self, worker: &str, node: &str) {
        let resource_id = worker.into();
        let event = DriverEvent::WorkerStarted {
            resource_id,
            node: node.to_owned(),
            spec: WorkerSpec {
                process: TaskExecutorProcessSpec::derive(&selvedge_core::config::shipped()).unwrap(),
            },
        };
        self.tell(event).await;
    }

    async fn fails(&self, worker: &str, against_node: bool) {
        self.tell(DriverEvent::WorkerTerminated {
            resource_id: worker.into(),
            cause: "exit status 1".to_owned(),
            against_node,
        })
        .await;
    }

    /// The next call.
    async fn call(&mut self) -> Call {
        within(self.calls.recv()).await.unwrap()
    }

    /// When the next worker is asked for; what else the driver is told on the way.
    async fn request(&mut self) -> (Instant, Vec<Call>) {
        let mut others = Vec::new();
        loop {
            match self.call().await {
                Call::Request => return (Instant::now(), others),
                other => others.push(other),
            }
        }
    }
}

fn avoided(nodes: &[&str]) -> Call {
    Call::Unwanted(UnwantedNodes {
        blocked: BTreeSet::new(),
        avoided: nodes.iter().map(|node| (*node).to_owned()).collect(),
    })
}

#[tokio::test(start_paused = true)]
async fn when_starts_fail_one_after_the_other_workers_are_asked_for_no_faster_than_the_interval() {
    let mut play = Play::start(&[
        ("resourcemanager.start-worker.max-failure-rate", "4"),
        ("resourcemanager.start-worker.retry-interval", "3 s"),
    ])
    .await;
    let mut asked = Vec::new();
    for number in 0..20 {
        asked.push(play.request().await.0);
        let worker = format!("worker-{number}");
        play.starts(&worker, &format!("node-{number}")).await;
        play.fails(&worker, true).await;
    }
    // Each is asked for by itself: nobody is asked for while one is on its way.
    assert!(play.calls.try_recv().is_err());
    let pauses: Vec<_> = asked.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let interval = Duration::from_secs(3);
    assert!(pauses[..3].iter().all(|pause| *pause < interval), "{pauses:?}");
    assert!(pauses[3..].iter().all(|pause| *pause >= interval), "{pauses:?}");
}

#[tokio::test(start_paused = true)]
async fn a_node_on_which_workers_fail_again_and_again_is_avoided_until_one_registers_there() {
    let mut play = Play::start(&[("resourcemanager.start-worker.max-failure-rate", "100")]).await;
    for number in 0..3 {
        let (_, told) = play.request().await;
        assert_eq!(told, [], "{number} failures are not enough");
        let worker = format!("worker-{number}");
        play.starts(&worker, "node").await;
        play.fails(&worker, true).await;
    }
    let (_, told) = play.request().await;
    let mut told: Vec<_> = told.into_iter().collect();
    if told.is_empty() {
        told.push(play.call().await);
    }
    assert_eq!(told, [avoided(&["node"])]);
    play.starts("a", "node").await;
    play.bed
        .gateway
        .register_task_executor(registration("a"))
        .await
        .unwrap();
    assert_eq!(play.call().await, avoided(&[]));
}

#[tokio::test(start_paused = true)]
async fn what_is_taken_away_from_a_node_does_not_speak_against_it() {
    let mut play = Play::start(&[("resourcemanager.start-worker.max-failure-rate", "100")]).await;
    for number in 0..6 {
        let (_, told) = play.request().await;
        assert_eq!(told, []);
        let worker = format!("worker-{number}");
        play.starts(&worker, "node").await;
        play.fails(&worker, false).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_never_registers_is_released_and_another_one_asked_for() {
    let mut play = Play::start(&[("resourcemanager.taskmanager-registration.timeout", "5 min")]).await;
    let (asked, _) = play.request().await;
    play.starts("mute", "node").await;
    let (again, told) = play.request().await;
    assert!(again - asked >= Duration::from_secs(300));
    let mut told: Vec<_> = told.into_iter().collect();
    if told.is_empty() {
        told.push(play.call().await);
    }
    assert_eq!(told, [Call::Release("mute".into())]);
    assert_eq!(play.bed.handle.overview().await.unwrap().start_failures, 1);
}
