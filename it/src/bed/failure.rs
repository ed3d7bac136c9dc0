//! A test that panics keeps the logs of the beds it could have used.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once, PoisonError};

use super::layout::Layout;

static BEDS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
static HOOK: Once = Once::new();

/// From now on, a panic in this process keeps the logs of the bed and says where they are.
pub(super) fn keep_logs_on_panic(scratch: &Path) {
    BEDS.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(scratch.to_path_buf());
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            usual(panic);
            keep_all();
        }));
    });
}

/// The bed has ended well.
pub(super) fn forget(scratch: &Path) {
    BEDS.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .retain(|bed| bed != scratch);
}

#[expect(
    clippy::print_stderr,
    reason = "beside the panic's own message, which the test harness captures"
)]
fn keep_all() {
    for scratch in BEDS.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        if std::fs::write(Layout::new(scratch).keep(), "").is_ok() {
            eprintln!("the bed's logs are kept in {}", scratch.display());
        }
    }
}
