//! The end of a component from outside, where its leadership has ended and nothing may be decided any more.

use futures::FutureExt;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The tasks of one component; cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Life {
    cut: CancellationToken,
    tasks: TaskTracker,
}

impl Life {
    /// Runs a task until it returns or is cut off.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let until_cut = self.cut.clone().run_until_cancelled_owned(work);
        self.tasks.spawn(until_cut.map(drop));
    }

    /// Cuts all tasks off where they stand, and returns when they are gone.
    pub(crate) async fn cut_off(&self) {
        self.cut.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn what_is_cut_off_is_gone() {
        let life = Life::default();
        let (held, gone) = oneshot::channel::<()>();
        life.spawn(async move {
            let _held = held;
            std::future::pending().await
        });
        life.cut_off().await;
        assert!(gone.await.is_err(), "what the task held was dropped");
        let (ran, never) = oneshot::channel();
        life.spawn(async move { ran.send(()).unwrap() });
        assert!(never.await.is_err(), "nothing begins after the end");
    }
}
