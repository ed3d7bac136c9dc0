//! `regexp_extract_all(text, pattern)`: every match of a regular expression in a text.

use arrow::array::{Array, ListArray, StringArray};
use arrow::buffer::NullBuffer;
use datafusion_common::DataFusionError;
use datafusion_expr::ColumnarValue;
use regex::Regex;

use super::TextArgument;
use super::text_function::TextFunction;
use super::text_lists::TextLists;

#[derive(Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct RegexpExtractAll;

impl TextFunction for RegexpExtractAll {
    const NAME: &'static str = "regexp_extract_all";
    const ARGUMENTS: usize = 2;

    fn lists(texts: &StringArray, others: &[ColumnarValue]) -> Result<ListArray, DataFusionError> {
        let TextArgument::Constant(pattern) = TextArgument::new(&others[0])? else {
            return Err(DataFusionError::Execution(
                "the pattern of regexp_extract_all must be a constant, such as '[a-z]+'".to_owned(),
            ));
        };
        extract_all(texts, pattern.as_deref())
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
