//! Panics of components. The one that a plan wants takes down a JobMaster alone; any other is a fault of ours, whoever has
//! caught it.

use std::cell::RefCell;
use std::panic;
use std::sync::Once;

/// What a planned panic carries.
struct Planned;

thread_local! {
    /// Those of the run on this thread that nobody has planned.
    static UNPLANNED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Notes panics from now on, in all runs.
pub(super) fn watch() {
    static WATCHING: Once = Once::new();
    WATCHING.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if panic.payload().is::<Planned>() {
                return;
            }
            UNPLANNED.with_borrow_mut(|unplanned| unplanned.push(panic.to_string()));
            previous(panic);
        }));
    });
    drop(take_unplanned());
}

/// Breaks down whatever calls it.
pub(super) fn break_down() -> ! {
    panic::panic_any(Planned)
}

/// Those since this was asked last.
pub(super) fn take_unplanned() -> Vec<String> {
    UNPLANNED.take()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_panics_that_nobody_has_planned_are_told() {
        watch();
        assert!(panic::catch_unwind(break_down).is_err());
        assert_eq!(take_unplanned(), [""; 0]);
        assert!(panic::catch_unwind(|| panic!("a fault of ours")).is_err());
        let told = take_unplanned();
        assert!(told.len() == 1 && told[0].contains("a fault of ours"), "{told:?}");
    }
}
