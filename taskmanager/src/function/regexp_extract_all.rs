//! `regexp_extract_all(text, pattern)`: every match of a regular expression in a text.

use std::sync::Arc;

use arrow::array::{Array, ListArray, StringArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::DataType;
use datafusion_common::DataFusionError;
use datafusion_common::cast::as_string_array;
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use regex::Regex;

use super::TextArgument;
use super::text_lists::{TextLists, list_of_text};

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct RegexpExtractAll {
    signature: Signature,
}

impl Default for RegexpExtractAll {
    fn default() -> Self {
        Self {
            signature: Signature::exact(vec![DataType::Utf8, DataType::Utf8], Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for RegexpExtractAll {
    fn name(&self) -> &'static str {
        "regexp_extract_all"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType, DataFusionError> {
        Ok(list_of_text())
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue, DataFusionError> {
        let texts = super::column(&call.args[0], call.number_rows)?;
        let TextArgument::Constant(pattern) = TextArgument::new(&call.args[1])? else {
            return Err(DataFusionError::Execution(
                "the pattern of regexp_extract_all must be a constant, such as '[a-z]+'".to_owned(),
            ));
        };
        let matches = extract_all(as_string_array(&texts)?, pattern.as_deref())?;
        Ok(ColumnarValue::Array(Arc::new(matches)))
    }
}

fn extract_all(texts: &StringArray, pattern: Option<&str>) -> Result<ListArray, DataFusionError> {
    let mut lists = TextLists::with_capacity(texts.len(), texts.value_data().len());
    let regex = pattern.map(Regex::new).transpose().map_err(|error| {
        let pattern = pattern.unwrap_or_default();
        DataFusionError::Execution(format!("'{pattern}' is not a regular expression: {error}"))
    })?;
    for text in texts {
        if let (Some(text), Some(regex)) = (text, &regex) {
            extract(text, regex, &mut lists)?;
        }
        lists.end_list()?;
    }
    let nulls = match regex {
        Some(_) => texts.nulls().cloned(),
        None => Some(NullBuffer::new_null(texts.len())),
    };
    Ok(lists.finish(nulls)?)
}

/// The first group of each match where the pattern has groups, else the whole match.
fn extract(text: &str, regex: &Regex, lists: &mut TextLists) -> Result<(), DataFusionError> {
    if regex.captures_len() == 1 {
        for found in regex.find_iter(text) {
            lists.push(found.as_str())?;
        }
    } else {
        for captures in regex.captures_iter(text) {
            lists.push(captures.get(1).map_or("", |group| group.as_str()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::lists;
    use super::*;

    #[test]
    fn matches_or_their_first_group_are_listed() {
        let texts = StringArray::from(vec![Some("a1 b22"), Some("-"), None]);
        let numbers = Some(vec!["1".to_owned(), "22".to_owned()]);
        let letters = Some(vec!["a".to_owned(), "b".to_owned()]);
        for (pattern, expected) in [(r"\d+", numbers), (r"([a-z])\d+", letters)] {
            let found = lists(&extract_all(&texts, Some(pattern)).unwrap());
            assert_eq!(found, [expected, Some(vec![]), None], "{pattern}");
        }
    }

    #[test]
    fn a_bad_pattern_is_told() {
        let error = extract_all(&StringArray::from(vec!["a"]), Some("(")).unwrap_err();
        assert!(error.to_string().contains("'(' is not a regular expression"), "{error}");
    }
}
