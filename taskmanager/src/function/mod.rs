//! SQL functions that DataFusion's default set lacks: those that yield lists, for flat-map. `docs/functions.md` describes
//! them for users. All are vectorised: one call takes a column and yields a column.

mod regexp_extract_all;
mod split;
mod text_lists;
mod words;

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use datafusion_common::cast::as_string_array;
use datafusion_common::{DataFusionError, ScalarValue};
use datafusion_expr::{ColumnarValue, ScalarUDF};

/// Every function of ours.
pub fn all() -> Vec<Arc<ScalarUDF>> {
    vec![
        Arc::new(ScalarUDF::from(words::Words::default())),
        Arc::new(ScalarUDF::from(split::Split::default())),
        Arc::new(ScalarUDF::from(regexp_extract_all::RegexpExtractAll::default())),
    ]
}

/// A second argument: mostly the same for every row.
enum TextArgument {
    Constant(Option<String>),
    Column(StringArray),
}

impl TextArgument {
    fn new(argument: &ColumnarValue) -> Result<Self, DataFusionError> {
        match argument {
            ColumnarValue::Scalar(ScalarValue::Utf8(text)) => Ok(Self::Constant(text.clone())),
            ColumnarValue::Scalar(other) => {
                let column = other.to_array()?;
                let text: &StringArray = as_string_array(&column)?;
                Ok(Self::Constant(text.iter().next().flatten().map(str::to_owned)))
            }
            ColumnarValue::Array(column) => Ok(Self::Column(as_string_array(column)?.clone())),
        }
    }
}

fn column(argument: &ColumnarValue, rows: usize) -> Result<ArrayRef, DataFusionError> {
    argument.to_array(rows)
}

#[cfg(test)]
fn lists(array: &arrow::array::ListArray) -> Vec<Option<Vec<String>>> {
    use arrow::array::AsArray;

    let strings = |list: ArrayRef| -> Vec<String> {
        let texts: &StringArray = list.as_string();
        texts.iter().map(|text| text.unwrap().to_owned()).collect()
    };
    array.iter().map(|list| list.map(strings)).collect()
}
