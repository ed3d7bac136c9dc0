//! One bed at a time beside the shared one, kept for the next test that wants it alike.

use std::ops::Deref;

use selvedge_it::bed::{Bed, BedOptions};
use tokio::sync::{Mutex, MutexGuard};

static PRESENT: Mutex<Option<(BedOptions, Bed)>> = Mutex::const_new(None);

/// A bed that is this test's alone until it is dropped.
pub(super) struct Variant {
    present: MutexGuard<'static, Option<(BedOptions, Bed)>>,
}

impl Variant {
    pub(super) async fn of(options: BedOptions) -> Self {
        let mut present = PRESENT.lock().await;
        if let Some((_, other)) = present.take_if(|(of, _)| *of != options) {
            other.stop().await;
        }
        if present.is_none() {
            let bed = Bed::start(options.clone()).await.unwrap();
            *present = Some((options, bed));
        }
        Self { present }
    }
}

impl Deref for Variant {
    type Target = Bed;

    fn deref(&self) -> &Bed {
        let (_, bed) = self.present.as_ref().unwrap();
        bed
    }
}

impl Drop for Variant {
    fn drop(&mut self) {
        // A test that failed may have left anything: the next one starts afresh, and the logs of this bed stay.
        if std::thread::panicking() {
            *self.present = None;
        }
    }
}
