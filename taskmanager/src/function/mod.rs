//! SQL functions that DataFusion's default set lacks: those that yield lists, for flat-map, and what a task may know of its
//! worker. `docs/functions.md` describes them for users. All are vectorised: one call takes a column and yields a column.

mod external_resource;
mod regexp_extract_all;
mod split;
mod text_function;
mod text_lists;
mod words;

use std::sync::Arc;

use arrow::array::StringArray;
use datafusion_common::cast::as_string_array;
use datafusion_common::{DataFusionError, ScalarValue};
use datafusion_expr::{ColumnarValue, ScalarUDF};

use crate::operator::FoundResources;
use text_function::udf;

pub(crate) use external_resource::{EXTERNAL_RESOURCE, external_resource};

/// Every function of ours, as it is where there is no worker.
pub fn all() -> Vec<Arc<ScalarUDF>> {
    vec![
        udf::<words::Words>(),
        udf::<split::Split>(),
        udf::<regexp_extract_all::RegexpExtractAll>(),
        external_resource(&FoundResources::default()),
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

#[cfg(test)]
fn lists(array: &arrow::array::ListArray) -> Vec<Option<Vec<String>>> {
    use arrow::array::{ArrayRef, AsArray};

    let strings = |list: ArrayRef| -> Vec<String> {
        let texts: &StringArray = list.as_string();
        texts.iter().map(|text| text.unwrap().to_owned()).collect()
    };
    array.iter().map(|list| list.map(strings)).collect()
}
