//! Samples of both sides of a comparison that take turns, and the table of their medians.

use std::fmt;
use std::time::Duration;

use comfy_table::{CellAlignment, ContentArrangement};

use super::{shown, spread};

/// Whose figure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Ours,
    Java,
}

impl Side {
    pub const BOTH: [Self; 2] = [Self::Ours, Self::Java];
}

/// The samples of one figure, in one unit, pair by pair.
#[derive(Debug, Default)]
pub struct Samples {
    ours: Vec<f64>,
    java: Vec<f64>,
}

impl Samples {
    pub fn push(&mut self, side: Side, value: f64) {
        match side {
            Side::Ours => self.ours.push(value),
            Side::Java => self.java.push(value),
        }
    }

    pub fn push_seconds(&mut self, side: Side, duration: Duration) {
        self.push(side, duration.as_secs_f64());
    }

    fn ratios(&self) -> Vec<f64> {
        let pairs = self.ours.iter().zip(&self.java);
        pairs
            .filter(|(ours, _)| **ours > 0.0)
            .map(|(ours, java)| java / ours)
            .collect()
    }
}

/// What the median of a figure is to be.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// It is shown beside others.
    None,
    AtMost(f64),
    AtLeast(f64),
    Below(f64),
    /// Zero in every run.
    Never,
    /// Java's is at least so many times as much.
    Ratio(f64),
}

impl Goal {
    /// What it is, and whether the samples meet it.
    fn verdict(self, samples: &Samples) -> String {
        let ours = median(&samples.ours);
        let (what, is_met) = match self {
            Self::None => return String::new(),
            Self::AtMost(most) => (format!("at most {most}"), ours.map(|ours| ours <= most)),
            Self::AtLeast(least) => (format!("at least {least}"), ours.map(|ours| ours >= least)),
            Self::Below(limit) => (format!("below {limit}"), ours.map(|ours| ours < limit)),
            Self::Never => {
                let all = !samples.ours.is_empty();
                (
                    "never".to_owned(),
                    all.then(|| samples.ours.iter().all(|ours| *ours == 0.0)),
                )
            }
            Self::Ratio(least) => {
                let ratio = median(&samples.ratios());
                (format!("ratio {least}"), ratio.map(|ratio| ratio >= least))
            }
        };
        match is_met {
            Some(true) => format!("{what}: met"),
            Some(false) => format!("{what}: MISSED"),
            None => what,
        }
    }
}

#[derive(Debug, Default)]
pub struct Table(Vec<(&'static str, &'static str, Samples, Goal)>);

impl Table {
    /// A figure, its unit, and what it is to be.
    pub fn add(&mut self, what: &'static str, unit: &'static str, samples: Samples, goal: Goal) {
        self.0.push((what, unit, samples, goal));
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = comfy_table::Table::new();
        table
            .load_preset(comfy_table::presets::ASCII_MARKDOWN)
            .set_content_arrangement(ContentArrangement::Disabled)
            .set_header([
                "figure",
                "unit",
                "ours",
                "min–max",
                "Java",
                "min–max",
                "Java ÷ ours",
                "min–max",
                "pairs",
                "goal",
            ]);
        for (what, unit, samples, goal) in &self.0 {
            let mut row = vec![(*what).to_owned(), (*unit).to_owned()];
            for values in [&samples.ours, &samples.java, &samples.ratios()] {
                row.extend(shown(values));
            }
            row.extend([samples.ours.len().to_string(), goal.verdict(samples)]);
            table.add_row(row);
        }
        for column in 2..9 {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table.fmt(f)
    }
}

fn median(values: &[f64]) -> Option<f64> {
    spread(values).map(|(_, median, _)| median)
}
