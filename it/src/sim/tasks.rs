//! Tasks as local futures. The chain of a task is code that blocks, so it keeps a thread; but of all threads of a simulation
//! one runs at a time: the task's own runs while its future is polled, up to the next wait, and the simulation stands still
//! meanwhile. The wait is then the future's.
//!
//! ```text
//! runtime:  poll ──┐            ┌── Pending ··· woken ··· poll ──┐         ┌── Ready
//! thread:          └── chain … wait                              └── … end ┘
//! ```

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread::{self, JoinHandle};

use parking_lot::{Condvar, Mutex};
use selvedge_taskmanager::operator::TaskIo;
use selvedge_taskmanager::task::{Task, TaskRunner};
use tokio::runtime::Handle;

/// Planning an expression recurses over its depth.
const STACK_BYTES: usize = 2 << 20;

thread_local! {
    static BATON: RefCell<Option<Arc<Baton>>> = const { RefCell::new(None) };
}

/// Runs each task as a future on the worker's runtime.
#[derive(Debug)]
pub(crate) struct FutureRunner;

impl TaskRunner for FutureRunner {
    fn start(&self, task: Task) -> io::Result<()> {
        let baton = Arc::new(Baton::default());
        let thread = spawn(task, Arc::clone(&baton))?;
        tokio::spawn(TaskFuture {
            baton,
            thread: Some(thread),
        });
        Ok(())
    }

    fn io(&self, runtime: Handle) -> Arc<dyn TaskIo> {
        Arc::new(OfThisThread(runtime))
    }
}

fn spawn(task: Task, baton: Arc<Baton>) -> io::Result<JoinHandle<()>> {
    let (runtime, span) = (Handle::current(), tracing::Span::current());
    let log = tracing::dispatcher::get_default(Clone::clone);
    let jitter = fastrand::u64(..);
    let run = move || {
        // What the task held is gone before its last turn ends.
        let _last_turn = LastTurn(Arc::clone(&baton));
        let _runtime = runtime.enter();
        fastrand::seed(jitter);
        BATON.set(Some(Arc::clone(&baton)));
        baton.wait_for_turn();
        tracing::dispatcher::with_default(&log, || span.in_scope(|| task.run()));
    };
    thread::Builder::new().stack_size(STACK_BYTES).spawn(run)
}

/// Ends the thread's part, however it ends.
struct LastTurn(Arc<Baton>);

impl Drop for LastTurn {
    fn drop(&mut self) {
        self.0.pass(Turn::Over);
    }
}

/// Whose turn it is, and how the future is woken.
#[derive(Default)]
struct Baton {
    state: Mutex<State>,
    passed: Condvar,
}

#[derive(Default)]
struct State {
    turn: Turn,
    /// `None` where the runtime is gone: nothing is waited for any more.
    waker: Option<Waker>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Turn {
    #[default]
    Simulation,
    Task,
    Over,
}

impl Baton {
    fn pass(&self, turn: Turn) {
        self.state.lock().turn = turn;
        self.passed.notify_all();
    }

    /// The task's thread; how the future is woken, `None` where nobody polls it again.
    fn wait_for_turn(&self) -> Option<Waker> {
        let mut state = self.state.lock();
        self.passed.wait_while(&mut state, |state| state.turn != Turn::Task);
        state.waker.clone()
    }

    fn waker(&self) -> Option<Waker> {
        self.state.lock().waker.clone()
    }

    /// The simulation's thread: lets the task run up to its next wait. Whether it has ended.
    fn let_run(&self, waker: Option<Waker>) -> bool {
        let mut state = self.state.lock();
        if state.turn == Turn::Over {
            return true;
        }
        state.waker = waker;
        state.turn = Turn::Task;
        self.passed.notify_all();
        self.passed.wait_while(&mut state, |state| state.turn == Turn::Task);
        state.turn == Turn::Over
    }
}

struct TaskFuture {
    baton: Arc<Baton>,
    thread: Option<JoinHandle<()>>,
}

impl TaskFuture {
    /// A panic of an operator is caught by the task; what comes here is a fault of the worker.
    fn join(&mut self) -> thread::Result<()> {
        self.thread.take().map_or(Ok(()), JoinHandle::join)
    }
}

impl Future for TaskFuture {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.baton.let_run(Some(context.waker().clone())) {
            if let Err(panic) = self.join() {
                std::panic::resume_unwind(panic);
            }
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

impl Drop for TaskFuture {
    /// The host is killed: its task's code ends at once, without another wait.
    fn drop(&mut self) {
        if self.thread.is_some() {
            while !self.baton.let_run(None) {}
            // A killed process tells nobody how its threads ended.
            let _ = self.join();
        }
    }
}

/// The waits of whichever task the thread belongs to.
struct OfThisThread(Handle);

impl fmt::Debug for OfThisThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the waits of a simulated task")
    }
}

impl TaskIo for OfThisThread {
    fn wait(&self, mut work: Pin<&mut dyn Future<Output = ()>>) {
        let baton = BATON
            .with_borrow(Clone::clone)
            .expect("only tasks wait, on their threads");
        let mut waker = baton.waker();
        while let Some(current) = waker {
            if work.as_mut().poll(&mut Context::from_waker(&current)).is_ready() {
                return;
            }
            baton.pass(Turn::Simulation);
            waker = baton.wait_for_turn();
        }
    }

    fn runtime(&self) -> &Handle {
        &self.0
    }
}
