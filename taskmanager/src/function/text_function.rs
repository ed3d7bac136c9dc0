//! What all functions from texts to lists of texts have in common: arguments that are texts, and one list for each row.

use std::fmt::Debug;
use std::hash::Hash;
use std::marker::PhantomData;
use std::sync::Arc;

use arrow::array::{ListArray, StringArray};
use arrow::datatypes::DataType;
use datafusion_common::DataFusionError;
use datafusion_common::cast::as_string_array;
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

use super::text_lists::list_of_text;

/// A function whose first argument is the text of each row.
pub(super) trait TextFunction: Debug + Default + Eq + Hash + Send + Sync + 'static {
    const NAME: &'static str;
    /// How many arguments it has, all of them texts.
    const ARGUMENTS: usize;

    /// The lists of these texts. `others` are the arguments behind the first.
    fn lists(texts: &StringArray, others: &[ColumnarValue]) -> Result<ListArray, DataFusionError>;
}

/// The function as DataFusion calls it.
pub(super) fn udf<F: TextFunction>() -> Arc<ScalarUDF> {
    let signature = Signature::exact(vec![DataType::Utf8; F::ARGUMENTS], Volatility::Immutable);
    Arc::new(ScalarUDF::from(Udf::<F> {
        signature,
        function: PhantomData,
    }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Udf<F> {
    signature: Signature,
    function: PhantomData<F>,
}

impl<F: TextFunction> ScalarUDFImpl for Udf<F> {
    fn name(&self) -> &'static str {
        F::NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType, DataFusionError> {
        Ok(list_of_text())
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue, DataFusionError> {
        let texts = call.args[0].to_array(call.number_rows)?;
        let lists = F::lists(as_string_array(&texts)?, &call.args[1..])?;
        Ok(ColumnarValue::Array(Arc::new(lists)))
    }
}
