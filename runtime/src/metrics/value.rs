//! The value of a metric.

use std::fmt;

/// What a gauge shows. Flink's REST API writes all of them as texts.
#[derive(Debug, Clone, PartialEq)]
pub enum MetricValue {
    /// A count, a size in bytes, a time in milliseconds.
    Integer(i64),
    /// A share or a rate.
    Number(f64),
    /// A name, a path.
    Text(String),
}

impl MetricValue {
    /// As a number to calculate with; `None` where it is none.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Integer(value) => Some(*value as f64),
            Self::Number(value) => Some(*value),
            Self::Text(text) => text.parse().ok(),
        }
    }
}

impl fmt::Display for MetricValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(value) => value.fmt(f),
            // As Java does: always with a decimal point.
            Self::Number(value) => write!(f, "{value:?}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl From<i64> for MetricValue {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<u64> for MetricValue {
    fn from(value: u64) -> Self {
        Self::Integer(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<usize> for MetricValue {
    fn from(value: usize) -> Self {
        Self::from(value as u64)
    }
}

impl From<f64> for MetricValue {
    fn from(value: f64) -> Self {
        Self::Number(value)
    }
}

impl From<String> for MetricValue {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_flink_does() {
        for (value, text) in [
            (MetricValue::from(7_u64), "7"),
            (MetricValue::from(u64::MAX), "9223372036854775807"),
            (MetricValue::from(-1_i64), "-1"),
            (MetricValue::from(2.0), "2.0"),
            (MetricValue::from(0.25), "0.25"),
            (MetricValue::from(f64::NAN), "NaN"),
            (MetricValue::from("hdfs:///x".to_owned()), "hdfs:///x"),
        ] {
            assert_eq!(value.to_string(), text);
        }
        assert_eq!(MetricValue::Text("x".to_owned()).as_number(), None);
        assert_eq!(MetricValue::Text("1.5".to_owned()).as_number(), Some(1.5));
    }
}
