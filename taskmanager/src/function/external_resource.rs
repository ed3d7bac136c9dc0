//! `external_resource(name)`: the indices of an external resource that the worker has.

use std::sync::Arc;

use arrow::array::{Array, ListArray, StringArray};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use datafusion_common::DataFusionError;
use datafusion_common::cast::as_string_array;
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

use super::text_lists::{TextLists, list_of_text};
use crate::operator::FoundResources;

/// What the function is called.
pub(crate) const EXTERNAL_RESOURCE: &str = "external_resource";

/// The function as a worker evaluates it that has found this.
pub(crate) fn external_resource(found: &FoundResources) -> Arc<ScalarUDF> {
    Arc::new(ScalarUDF::from(Udf {
        // Any other is evaluated where it is planned, and whether the column is nullable would depend on the worker.
        signature: Signature::exact(vec![DataType::Utf8], Volatility::Volatile),
        found: found.clone(),
    }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Udf {
    signature: Signature,
    found: FoundResources,
}

impl ScalarUDFImpl for Udf {
    fn name(&self) -> &'static str {
        EXTERNAL_RESOURCE
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType, DataFusionError> {
        Ok(list_of_text())
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue, DataFusionError> {
        let names = call.args[0].to_array(call.number_rows)?;
        let lists = indices(as_string_array(&names)?, &self.found)?;
        Ok(ColumnarValue::Array(Arc::new(lists)))
    }
}

fn indices(names: &StringArray, found: &FoundResources) -> Result<ListArray, ArrowError> {
    let mut lists = TextLists::with_capacity(names.len(), 0);
    let mut known = Vec::with_capacity(names.len());
    for name in names {
        let indices = name.and_then(|name| found.indices(name));
        for index in indices.unwrap_or_default() {
            lists.push(index)?;
        }
        lists.end_list()?;
        known.push(indices.is_some());
    }
    lists.finish(Some(known.into()))
}

#[cfg(test)]
mod tests {
    use super::super::lists;
    use super::*;

    #[test]
    fn indices_are_those_of_the_resource_and_null_where_the_worker_has_none() {
        let two = vec!["0".to_owned(), "3".to_owned()];
        let found = [("gpu".to_owned(), two.clone()), ("fpga".to_owned(), Vec::new())];
        let names = StringArray::from(vec![Some("gpu"), Some("GPU"), None, Some("fpga"), Some("gpu")]);
        assert_eq!(
            lists(&indices(&names, &found.into_iter().collect()).unwrap()),
            [Some(two.clone()), None, None, Some(Vec::new()), Some(two)]
        );
        assert_eq!(
            lists(&indices(&names.slice(0, 1), &FoundResources::default()).unwrap()),
            [None]
        );
    }
}
