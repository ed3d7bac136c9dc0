//! A line for each vertex that changes in place.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::{figures, subtasks};
use crate::cluster::{JobDetails, JobObserver};

const TICK: Duration = Duration::from_millis(120);

/// Draws on standard error.
#[derive(Debug)]
pub struct BarProgress {
    lines: MultiProgress,
    head: ProgressBar,
    vertices: BTreeMap<String, ProgressBar>,
}

impl Default for BarProgress {
    fn default() -> Self {
        Self::new()
    }
}

impl BarProgress {
    /// Nothing is drawn before the first update.
    pub fn new() -> Self {
        Self {
            lines: MultiProgress::new(),
            head: ProgressBar::no_length(),
            vertices: BTreeMap::new(),
        }
    }

    fn begin(&mut self) {
        self.head = self.lines.add(ProgressBar::new_spinner());
        let head = match crate::cli::has_colors() {
            true => "{spinner} {msg} {elapsed:.dim}",
            false => "{spinner} {msg} {elapsed}",
        };
        self.head.set_style(style(head));
        self.head.enable_steady_tick(TICK);
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is well formed")
}

impl JobObserver for BarProgress {
    fn note(&mut self, line: &str) {
        let lines = &self.lines;
        lines.suspend(|| crate::cli::say(line));
    }

    fn update(&mut self, job: &JobDetails) {
        if self.vertices.is_empty() {
            self.begin();
        }
        self.head.set_message(format!("{} {}", job.name, job.state));
        for vertex in &job.vertices {
            let lines = &self.lines;
            let line = self.vertices.entry(vertex.id.clone()).or_insert_with(|| {
                let line = lines.add(ProgressBar::no_length());
                line.set_style(style("  {wide_msg}"));
                line
            });
            line.set_message(format!(
                "{:<12} {:>5}  {}  {}",
                vertex.status,
                subtasks(vertex),
                vertex.name,
                figures(vertex)
            ));
        }
    }
}

impl Drop for BarProgress {
    /// Leaves the last state on the screen.
    fn drop(&mut self) {
        self.head.abandon();
        for line in self.vertices.values() {
            line.abandon();
        }
    }
}
