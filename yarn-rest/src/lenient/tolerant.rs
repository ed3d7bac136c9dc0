//! JSON as Hadoop writes it: a map is an object whose key `entry` may stand in it several times.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Reads JSON; the values of a key that stands several times in one object become one list.
///
/// ```text
/// {"entry":{"key":"memory-mb"},"entry":{"key":"vcores"}}   →   {"entry":[{"key":"memory-mb"},{"key":"vcores"}]}
/// ```
pub(crate) fn parse(text: &[u8]) -> Result<Value, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let value = Tolerant.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

struct Tolerant;

impl<'de> DeserializeSeed<'de> for Tolerant {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tolerant {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Tolerant)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        let mut repeated = Vec::new();
        while let Some(key) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(Tolerant)?;
            match object.get_mut(&key) {
                None => {
                    object.insert(key, value);
                }
                Some(Value::Array(list)) if repeated.contains(&key) => list.push(value),
                Some(first) => {
                    *first = Value::Array(vec![first.take(), value]);
                    repeated.push(key);
                }
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::parse;

    #[test]
    fn a_key_that_is_repeated_becomes_a_list() {
        for (text, expected) in [
            (r#"{"entry":1,"entry":2,"entry":3}"#, json!({ "entry": [1, 2, 3] })),
            (r#"{"a":[1],"a":[2]}"#, json!({ "a": [[1], [2]] })),
            (
                r#"[null,true,-1,1.5,"x",18446744073709551615]"#,
                json!([null, true, -1, 1.5, "x", u64::MAX]),
            ),
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap(), expected, "{text}");
        }
        assert!(parse(b"{} x").is_err());
        assert!(
            parse("[".repeat(1_000_000).as_bytes()).is_err(),
            "no stack is deep enough for it"
        );
    }
}
