//! Walks through a machine compared with its table, for the tests of those that go by one.

use std::collections::BTreeSet;
use std::fmt::Display;

use super::StateMachine;

/// The steps that were seen.
#[derive(Debug, Default)]
pub struct Walk<S>(BTreeSet<(S, S)>);

impl<S: StateMachine + Display> Walk<S> {
    /// Nothing seen yet.
    pub const fn new() -> Self {
        Self(BTreeSet::new())
    }

    /// An event took the machine from here to there, or left it where it was.
    ///
    /// # Panics
    /// The table does not allow the step.
    pub fn step(&mut self, from: S, to: S) {
        if from != to {
            assert!(from.next().contains(&to), "{}: {from} became {to}", S::NAME);
            self.0.insert((from, to));
        }
    }

    /// Each event in each state, as rows of `state: the state after each event`.
    ///
    /// # Panics
    /// A state is missing, or a step is another one.
    pub fn rows<E>(&mut self, events: &[E], rows: &[(S, &[S])], after: impl Fn(S, &E) -> S) {
        for state in S::STATES {
            assert!(
                rows.iter().any(|(from, _)| from == state),
                "{}: a row for {state}",
                S::NAME
            );
        }
        for (from, expected) in rows {
            assert_eq!(
                events.len(),
                expected.len(),
                "{}: a column for each event of {from}",
                S::NAME
            );
            for (number, (event, expected)) in events.iter().zip(*expected).enumerate() {
                let to = after(*from, event);
                assert!(
                    to == *expected,
                    "{}: {from} became {to} by event {number}, not {expected}",
                    S::NAME
                );
                self.step(*from, to);
            }
        }
    }

    /// All steps of the table were seen.
    ///
    /// # Panics
    /// One was not.
    pub fn finish(&self) {
        for from in S::STATES {
            for to in from.next() {
                assert!(
                    self.0.contains(&(*from, *to)),
                    "{}: nothing makes {to} of {from}",
                    S::NAME
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::WorkerRegistration::{self, Registered, Registering};
    use super::*;

    #[test]
    #[should_panic(expected = "WorkerRegistration: nothing makes REGISTERING of REGISTERED")]
    fn a_walk_that_leaves_a_step_out_is_told() {
        let mut walk = Walk::<WorkerRegistration>::new();
        walk.step(Registering, Registered);
        walk.step(Registered, Registered);
        walk.finish();
    }

    #[test]
    #[should_panic(expected = "TaskPhase: ENDED became RUNNING")]
    fn a_step_that_is_not_in_the_table_is_told() {
        Walk::new().step(super::super::TaskPhase::Ended, super::super::TaskPhase::Running);
    }
}
