//! `split(text, separator)`: the pieces of a text between separators.

use arrow::array::{Array, ListArray, StringArray};
use arrow::buffer::NullBuffer;
use arrow::error::ArrowError;
use datafusion_common::DataFusionError;
use datafusion_expr::ColumnarValue;
use memchr::memmem::Finder;

use super::TextArgument;
use super::text_function::TextFunction;
use super::text_lists::TextLists;

#[derive(Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Split;

impl TextFunction for Split {
    const NAME: &'static str = "split";
    const ARGUMENTS: usize = 2;

    fn lists(texts: &StringArray, others: &[ColumnarValue]) -> Result<ListArray, DataFusionError> {
        Ok(split(texts, &TextArgument::new(&others[0])?)?)
    }
}

fn split(texts: &StringArray, separator: &TextArgument) -> Result<ListArray, ArrowError> {
    let mut lists = TextLists::with_capacity(texts.len(), texts.value_data().len());
    let nulls = match separator {
        TextArgument::Constant(separator) => {
            let finder = separator.as_deref().map(Finder::new);
            for text in texts {
                if let (Some(text), Some(finder)) = (text, &finder) {
                    split_one(text, finder, &mut lists)?;
                }
                lists.end_list()?;
            }
            match finder {
                Some(_) => texts.nulls().cloned(),
                None => Some(NullBuffer::new_null(texts.len())),
            }
        }
        TextArgument::Column(separators) => {
            for pair in texts.iter().zip(separators) {
                if let (Some(text), Some(separator)) = pair {
                    split_one(text, &Finder::new(separator), &mut lists)?;
                }
                lists.end_list()?;
            }
            NullBuffer::union(texts.nulls(), separators.nulls())
        }
    };
    lists.finish(nulls)
}

fn split_one(text: &str, separator: &Finder<'_>, lists: &mut TextLists) -> Result<(), ArrowError> {
    let width = separator.needle().len();
    if width == 0 {
        return lists.push(text);
    }
    let mut start = 0;
    for found in separator.find_iter(text.as_bytes()) {
        lists.push(&text[start..found])?;
        start = found + width;
    }
    lists.push(&text[start..])
}

#[cfg(test)]
mod tests {
    use super::super::lists;
    use super::*;

    fn constant(texts: Vec<Option<&str>>, separator: Option<&str>) -> Vec<Option<Vec<String>>> {
        let separator = TextArgument::Constant(separator.map(str::to_owned));
        lists(&split(&StringArray::from(texts), &separator).unwrap())
    }

    #[test]
    fn pieces_are_what_stands_between_separators() {
        for (text, separator, pieces) in [
            ("a,b,,c,", ",", vec!["a", "b", "", "c", ""]),
            ("", ",", vec![""]),
            ("ab", "", vec!["ab"]),
            ("größe->ß->", "->", vec!["größe", "ß", ""]),
            ("aaa", "aa", vec!["", "a"]),
        ] {
            let expected = pieces.into_iter().map(str::to_owned).collect();
            assert_eq!(constant(vec![Some(text)], Some(separator)), [Some(expected)], "{text}");
        }
    }

    #[test]
    fn null_text_or_separator_gives_null() {
        assert_eq!(
            constant(vec![None, Some("a")], Some(",")),
            [None, Some(vec!["a".to_owned()])]
        );
        assert_eq!(constant(vec![Some("a")], None), [None]);
    }

    #[test]
    fn each_row_may_have_its_separator() {
        let texts = StringArray::from(vec!["a,b", "a b", "a"]);
        let separators = TextArgument::Column(StringArray::from(vec![Some(","), Some(" "), None]));
        let pieces = Some(vec!["a".to_owned(), "b".to_owned()]);
        assert_eq!(
            lists(&split(&texts, &separators).unwrap()),
            [pieces.clone(), pieces, None]
        );
    }
}
