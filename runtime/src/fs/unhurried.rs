//! A future that takes its time.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use tokio::sync::Notify;

/// Rings when the future could go on.
struct Bell(Notify);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.notify_one();
    }
}

/// Runs a future; the first step that it has to wait for is taken `pause` after it could be.
pub(super) async fn unhurried<F: Future>(pause: Duration, future: F) -> F::Output {
    let mut future = pin!(future);
    let bell = Arc::new(Bell(Notify::new()));
    let waker = Waker::from(Arc::clone(&bell));
    if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
        return output;
    }
    bell.0.notified().await;
    tokio::time::sleep(pause).await;
    future.await
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_first_step_is_taken_a_while_after_it_could_be_and_the_others_at_once() {
        let (begun, second) = (Instant::now(), Duration::from_secs(1));
        let (acknowledge, acknowledged) = oneshot::channel();
        let steps = async {
            acknowledged.await.unwrap();
            let asked = begun.elapsed();
            tokio::task::yield_now().await;
            (asked, begun.elapsed())
        };
        let acknowledging = async {
            tokio::time::sleep(10 * second).await;
            acknowledge.send(()).unwrap();
        };
        let (told, ()) = tokio::join!(unhurried(second, steps), acknowledging);
        assert_eq!(told, (11 * second, 11 * second));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_done_at_once_is_not_held_up() {
        let begun = Instant::now();
        assert_eq!(unhurried(Duration::from_secs(1), async { 7 }).await, 7);
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }
}
