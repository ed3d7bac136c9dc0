//! Deserializers for the ways in which Hadoop's versions write the same thing: quoted numbers, one object instead of a
//! list, `null` or `{}` instead of an empty list.

use std::fmt::Display;
use std::str::FromStr;

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

mod tolerant;

pub(crate) use tolerant::parse;

/// A number of at least 0, quoted or not; `None` for a negative one, by which Hadoop says "unknown".
pub(crate) fn unsigned<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let integral = |number: f64| {
        (0.0..18_446_744_073_709_551_615.0)
            .contains(&number)
            .then_some(number as u64)
    };
    Ok(match Value::deserialize(deserializer)? {
        Value::Number(number) => number.as_u64().or_else(|| number.as_f64().and_then(integral)),
        Value::String(text) => text
            .trim()
            .parse()
            .ok()
            .or_else(|| text.trim().parse().ok().and_then(integral)),
        _ => None,
    })
}

/// A number that may be negative, quoted or not.
pub(crate) fn signed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    })
}

/// A number with a fraction, quoted or not.
pub(crate) fn float<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
    .filter(|number: &f64| number.is_finite()))
}

/// `true` or `false`, quoted or not.
pub(crate) fn boolean<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Bool(value) => Some(value),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    })
}

/// A text, or a number as text; `None` for an empty one.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => Some(text).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    })
}

/// An id in its text form; `None` where there is no text.
pub(crate) fn id<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    text(deserializer)?
        .map(|text| text.parse().map_err(D::Error::custom))
        .transpose()
}

/// A list, or its only item, or nothing.
pub(crate) fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    items(Value::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// The same within an object with the one key `inner`: `{"app":[…]}`.
pub(crate) fn items_of<T: DeserializeOwned>(mut body: Value, outer: &str, inner: &str) -> Result<Vec<T>, String> {
    let is_empty = body.as_object().is_some_and(serde_json::Map::is_empty);
    match body.get_mut(outer).map(Value::take) {
        Some(Value::Object(mut object)) => items(object.remove(inner).unwrap_or_default()).map_err(|e| e.to_string()),
        Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(text)) if text.is_empty() => Ok(Vec::new()),
        Some(list @ Value::Array(_)) => items(list).map_err(|cause| cause.to_string()),
        None if is_empty => Ok(Vec::new()),
        _ => Err(format!("there is no object {outer:?} in it")),
    }
}

fn items<T: DeserializeOwned>(value: Value) -> Result<Vec<T>, serde_json::Error> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Object(object) if object.is_empty() => Ok(Vec::new()),
        Value::String(text) if text.is_empty() => Ok(Vec::new()),
        Value::Array(items) => items.into_iter().map(serde_json::from_value).collect(),
        only => Ok(vec![serde_json::from_value(only)?]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_may_be_quoted_or_unknown() {
        for (value, expected) in [
            (json!(5), Some(5)),
            (json!("5"), Some(5)),
            (json!(5.0), Some(5)),
            (json!("5.0"), Some(5)),
            (json!(-1), None),
            (json!("-1"), None),
            (json!("N/A"), None),
            (json!(null), None),
            (json!(u64::MAX), Some(u64::MAX)),
        ] {
            assert_eq!(unsigned(value.clone()).unwrap(), expected, "{value}");
        }
        assert_eq!(signed(json!("-5")).unwrap(), Some(-5));
        assert_eq!(float(json!("0.5")).unwrap(), Some(0.5));
        assert_eq!(float(json!("NaN")).unwrap(), None);
        assert_eq!(boolean(json!("true")).unwrap(), Some(true));
        assert_eq!(text(json!(7)).unwrap(), Some("7".to_owned()));
    }

    #[test]
    fn a_list_may_be_one_item_or_nothing() {
        for (value, expected) in [
            (json!({"apps": {"app": [1, 2]}}), vec![1, 2]),
            (json!({"apps": {"app": 1}}), vec![1]),
            (json!({"apps": {}}), vec![]),
            (json!({"apps": null}), vec![]),
            (json!({"apps": ""}), vec![]),
            (json!({"apps": {"app": null}}), vec![]),
            (json!({}), vec![]),
            (json!({"apps": [3]}), vec![3]),
        ] {
            assert_eq!(
                items_of::<i32>(value.clone(), "apps", "app").unwrap(),
                expected,
                "{value}"
            );
        }
        assert!(
            items_of::<i32>(json!({"nodes": {}}), "apps", "app")
                .unwrap_err()
                .contains("\"apps\"")
        );
        assert!(items_of::<i32>(json!([1]), "apps", "app").is_err());
    }
}
