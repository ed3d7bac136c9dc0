//! One figure of several.

use serde_json::{Map, Value, json};

/// How values become one, with Flink's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aggregation {
    Min,
    Max,
    Avg,
    Sum,
    Skew,
}

impl Aggregation {
    const ALL: [Self; 5] = [Self::Min, Self::Max, Self::Avg, Self::Sum, Self::Skew];

    const fn name(self) -> &'static str {
        match self {
            Self::Min => "min",
            Self::Max => "max",
            Self::Avg => "avg",
            Self::Sum => "sum",
            Self::Skew => "skew",
        }
    }

    /// Those of the query; all where it names none.
    pub(super) fn read(text: Option<&str>) -> Result<Vec<Self>, String> {
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return Ok(Self::ALL.to_vec());
        };
        let by_name = |name: &str| {
            let found = Self::ALL.into_iter().find(|one| one.name().eq_ignore_ascii_case(name));
            found.ok_or_else(|| format!("agg={name} is unknown: there are min, max, avg, sum and skew"))
        };
        text.split(',').map(by_name).collect()
    }

    fn of(self, values: &[f64]) -> f64 {
        match self {
            Self::Min => values.iter().copied().fold(f64::INFINITY, f64::min),
            Self::Max => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            Self::Sum => values.iter().sum(),
            Self::Avg => mean(values),
            Self::Skew => skew(values),
        }
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// How uneven they are, in percent: the mean distance from the mean, of the mean, and at most 100, as in Flink.
fn skew(values: &[f64]) -> f64 {
    let mean = mean(values);
    // All are 0, or cancel each other out: nothing is uneven.
    if mean.abs() < f64::MIN_POSITIVE {
        return 0.0;
    }
    let distances: f64 = values.iter().map(|value| (mean - value).abs()).sum();
    (distances / values.len() as f64 / mean * 100.0).min(100.0)
}

/// The entry of a metric; `None` where nobody has it as a number.
pub(super) fn aggregated(name: &str, values: &[f64], aggregations: &[Aggregation]) -> Option<Value> {
    if values.is_empty() {
        return None;
    }
    let mut entry = Map::from_iter([("id".to_owned(), json!(name))]);
    for aggregation in aggregations {
        entry.insert(aggregation.name().to_owned(), json!(aggregation.of(values)));
    }
    Some(entry.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_one_as_in_flink() {
        let all = Aggregation::read(None).unwrap();
        assert_eq!(
            aggregated("n", &[10.0, 30.0], &all),
            Some(json!({"id": "n", "min": 10.0, "max": 30.0, "avg": 20.0, "sum": 40.0, "skew": 50.0}))
        );
        assert_eq!(aggregated("n", &[], &all), None);
    }

    #[test]
    fn skew_is_none_for_equal_values_and_at_most_a_hundred() {
        for (values, expected) in [
            (&[5.0, 5.0][..], 0.0),
            (&[0.0, 0.0], 0.0),
            (&[0.0, 0.0, 0.0, 9.0], 100.0),
        ] {
            assert!((skew(values) - expected).abs() < 1e-9, "{values:?}");
        }
    }

    #[test]
    fn an_unknown_aggregation_is_refused_with_those_there_are() {
        assert_eq!(
            Aggregation::read(Some("MAX,avg")),
            Ok(vec![Aggregation::Max, Aggregation::Avg])
        );
        assert!(Aggregation::read(Some("median")).unwrap_err().contains("skew"));
    }
}
