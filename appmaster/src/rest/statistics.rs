//! Statistics over the subtasks of a vertex, as Flink computes them.

use serde_json::{Value, json};

/// Smallest, largest, mean, sum and percentiles of some whole numbers, each cut to a whole number.
pub(super) fn statistics(mut values: Vec<i64>) -> Value {
    values.sort_unstable();
    let sum: i64 = values.iter().sum();
    let count = i64::try_from(values.len()).unwrap_or(i64::MAX).max(1);
    json!({
        "min": values.first().copied().unwrap_or_default(),
        "max": values.last().copied().unwrap_or_default(),
        "avg": sum / count,
        "sum": sum,
        "median": percentile(&values, 50),
        "p25": percentile(&values, 25),
        "p75": percentile(&values, 75),
        "p95": percentile(&values, 95),
    })
}

/// The estimate of commons-math: between the neighbours of position p (n + 1) / 100, counted from 1.
fn percentile(sorted: &[i64], percent: usize) -> i64 {
    let position = percent * (sorted.len() + 1);
    let (below, hundredths) = (position / 100, position % 100);
    match (sorted.first(), sorted.last()) {
        (Some(first), _) if below < 1 => *first,
        (_, Some(last)) if below >= sorted.len() => *last,
        (Some(_), Some(_)) => {
            let (lower, upper) = (sorted[below - 1], sorted[below]);
            let hundredths = i64::try_from(hundredths).unwrap_or_default();
            lower + (upper - lower) * hundredths / 100
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_lie_between_their_neighbours() {
        let of = |values: &[i64]| statistics(values.to_vec());
        let four = of(&[40, 10, 30, 20]);
        assert_eq!(
            four,
            json!({"min": 10, "max": 40, "avg": 25, "sum": 100, "median": 25, "p25": 12, "p75": 37, "p95": 40})
        );
        let one = of(&[7]);
        assert_eq!(
            (&one["median"], &one["p25"], &one["p95"]),
            (&json!(7), &json!(7), &json!(7))
        );
        assert_eq!(of(&[])["median"], 0);
    }
}
