//! Arrow schemas in a form that people write by hand: `{"name": "word", "type": "Utf8", "nullable": false}`.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The columns of an edge or a source, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct SchemaSpec(pub Vec<FieldSpec>);

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldSpec {
    /// The column's name; case matters.
    pub name: String,
    /// Its Arrow type.
    #[serde(rename = "type")]
    pub data_type: DataTypeText,
    /// Whether it may hold nulls.
    #[serde(default = "yes")]
    pub nullable: bool,
}

/// An Arrow data type in Arrow's own text form, such as `Utf8`, `Int64`, `Float64`, `Boolean` or `Timestamp(ms)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct DataTypeText(pub DataType);

impl FromStr for DataTypeText {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(|_| {
            format!(
                "'{text}' is no Arrow data type; write for example Utf8, Int64, Float64, Boolean, Date32 or Timestamp(ms)"
            )
        })
    }
}

impl TryFrom<String> for DataTypeText {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<DataTypeText> for String {
    fn from(data_type: DataTypeText) -> Self {
        data_type.to_string()
    }
}

impl fmt::Display for DataTypeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl SchemaSpec {
    /// Whether no column is given.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The Arrow schema.
    pub fn to_arrow(&self) -> SchemaRef {
        let field = |spec: &FieldSpec| Field::new(&spec.name, spec.data_type.0.clone(), spec.nullable);
        Arc::new(Schema::new(self.0.iter().map(field).collect::<Vec<_>>()))
    }
}

impl From<&Schema> for SchemaSpec {
    fn from(schema: &Schema) -> Self {
        let spec = |field: &Arc<Field>| FieldSpec {
            name: field.name().clone(),
            data_type: DataTypeText(field.data_type().clone()),
            nullable: field.is_nullable(),
        };
        Self(schema.fields().iter().map(spec).collect())
    }
}

/// `word Utf8, count Int64 not null`
impl fmt::Display for SchemaSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, field) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            let null = if field.nullable { "" } else { " not null" };
            write!(f, "{comma}{} {}{null}", field.name, field.data_type)?;
        }
        Ok(())
    }
}

const fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use arrow_schema::TimeUnit;

    use super::*;

    #[test]
    fn types_survive_their_text_form() {
        let list = DataType::List(Arc::new(Field::new("item", DataType::Utf8, true)));
        for data_type in [
            DataType::Utf8,
            DataType::Int64,
            DataType::Timestamp(TimeUnit::Millisecond, None),
            DataType::Date32,
            list,
        ] {
            let text = DataTypeText(data_type.clone()).to_string();
            assert_eq!(text.parse(), Ok(DataTypeText(data_type)), "{text}");
        }
    }

    #[test]
    fn an_unknown_type_is_refused_with_its_name() {
        let error = serde_json::from_str::<FieldSpec>(r#"{"name":"a","type":"Varchar"}"#)
            .unwrap_err()
            .to_string();
        assert!(error.contains("'Varchar' is no Arrow data type"), "{error}");
    }
}
