//! Samples, and the table of their medians; [`pairs`] where two sides are compared.

pub mod pairs;

use std::fmt;
use std::time::Duration;

use comfy_table::{CellAlignment, ContentArrangement};

/// How often each figure is measured, besides one run that warms up.
pub fn runs() -> usize {
    number("SELVEDGE_BENCH_RUNS").map_or(7, |runs| runs as usize)
}

/// This part of `whole`, as `SELVEDGE_BENCH_SCALE` says; at least ten.
pub fn scaled(whole: u32) -> u32 {
    let scale = number("SELVEDGE_BENCH_SCALE").unwrap_or(1.0);
    ((f64::from(whole) * scale) as u32).max(10)
}

fn number(variable: &str) -> Option<f64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// All samples of one figure, in one unit.
#[derive(Debug, Default)]
pub struct Samples(Vec<f64>);

impl Samples {
    pub fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    pub fn push_seconds(&mut self, duration: Duration) {
        self.push(duration.as_secs_f64());
    }

    pub fn push_milliseconds(&mut self, duration: Duration) {
        self.push(duration.as_secs_f64() * 1000.0);
    }

    pub fn push_mebibytes(&mut self, bytes: u64) {
        self.push(bytes as f64 / f64::from(1 << 20));
    }
}

/// The smallest, the one in the middle, the largest; none where there are no samples.
fn spread(values: &[f64]) -> Option<(f64, f64, f64)> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let (smallest, largest) = (*sorted.first()?, *sorted.last()?);
    let median = match sorted.len() % 2 {
        1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    };
    Some((smallest, median, largest))
}

/// The median, and the smallest with the largest, as a table shows them; nothing where there are no samples.
fn shown(values: &[f64]) -> [String; 2] {
    spread(values).map_or_else(Default::default, |(smallest, median, largest)| {
        [rounded(median), format!("{}–{}", rounded(smallest), rounded(largest))]
    })
}

/// A figure, its unit, what it is to be at most, and Flink 1.20.5's on the machine of the reference.
#[derive(Debug)]
struct Row {
    what: &'static str,
    unit: &'static str,
    samples: Samples,
    at_most: Option<f64>,
    flink: &'static str,
}

#[derive(Debug, Default)]
pub struct Table(Vec<Row>);

impl Table {
    pub fn add(
        &mut self,
        what: &'static str,
        unit: &'static str,
        samples: Samples,
        at_most: Option<f64>,
        flink: &'static str,
    ) {
        self.0.push(Row {
            what,
            unit,
            samples,
            at_most,
            flink,
        });
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
                "median",
                "min–max",
                "n",
                "at most",
                "reference: Flink",
            ]);
        for row in &self.0 {
            let values = &row.samples.0;
            let met = |bound| spread(values).is_none_or(|(_, median, _)| median <= bound);
            let bound = row.at_most.map_or_else(String::new, |bound| {
                format!("{bound}{}", if met(bound) { "" } else { " (missed)" })
            });
            let [median, ends] = shown(values);
            table.add_row([
                row.what.to_owned(),
                row.unit.to_owned(),
                median,
                ends,
                values.len().to_string(),
                bound,
                row.flink.to_owned(),
            ]);
        }
        for column in [2, 3, 4, 5] {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table.fmt(f)
    }
}

/// Three digits that say something.
fn rounded(value: f64) -> String {
    if value >= 100.0 {
        format!("{value:.0}")
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}
