//! How a command ended.

use std::time::Duration;

/// A command that has ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// `None` if a signal ended it.
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
    pub(super) line: String,
}

impl Outcome {
    /// # Panics
    ///
    /// If it ended otherwise than with this exit code; the text says how, and all that the command said.
    #[track_caller]
    pub fn ended_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}", self.told());
        self
    }

    /// # Panics
    ///
    /// If one of the texts is in neither stream. Case does not matter.
    #[track_caller]
    pub fn assert_says(&self, texts: &[&str]) -> &Self {
        let said = self.said().to_lowercase();
        for text in texts {
            assert!(
                said.contains(&text.to_lowercase()),
                "nothing is said of '{text}': {}",
                self.told()
            );
        }
        self
    }

    /// # Panics
    ///
    /// If one of the texts is in one of the streams. Case does not matter.
    #[track_caller]
    pub fn assert_does_not_say(&self, texts: &[&str]) -> &Self {
        let said = self.said().to_lowercase();
        for text in texts {
            assert!(
                !said.contains(&text.to_lowercase()),
                "'{text}' is said: {}",
                self.told()
            );
        }
        self
    }

    /// # Panics
    ///
    /// If what it said looks like a stack or a panic, of Rust or of Java.
    #[track_caller]
    pub fn assert_no_stack(&self) -> &Self {
        self.assert_does_not_say(&["panicked at", "stack backtrace", "\tat ", "RUST_BACKTRACE"])
    }

    /// Both streams.
    #[must_use]
    pub fn said(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    fn told(&self) -> String {
        format!(
            "{} ended with code {:?}, signal {:?} after {:?}\n--- stdout\n{}--- stderr\n{}",
            self.line, self.code, self.signal, self.took, self.stdout, self.stderr
        )
    }
}
