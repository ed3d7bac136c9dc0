//! What names mean in an expression: the functions, and how DataFusion is to read SQL.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use arrow::datatypes::DataType;
use datafusion_common::config::ConfigOptions;
use datafusion_common::{DataFusionError, TableReference};
use datafusion_expr::planner::{ContextProvider, ExprPlanner};
use datafusion_expr::{AggregateUDF, HigherOrderUDF, ScalarUDF, TableSource, WindowUDF};

use super::error::hint;
use crate::function;

/// The aggregates that are offered.
pub(super) const AGGREGATES: [&str; 5] = ["count", "sum", "min", "max", "avg"];

/// Built once: 300 functions are made.
pub(super) static CONTEXT: LazyLock<SqlContext> = LazyLock::new(SqlContext::new);

/// Functions and options of every expression.
pub(super) struct SqlContext {
    options: ConfigOptions,
    planners: Vec<Arc<dyn ExprPlanner>>,
    scalars: BTreeMap<String, Arc<ScalarUDF>>,
    aggregates: BTreeMap<String, Arc<AggregateUDF>>,
    higher_order: BTreeMap<String, Arc<HigherOrderUDF>>,
}

impl SqlContext {
    fn new() -> Self {
        let mut options = ConfigOptions::default();
        // Columns keep their case, and text is Utf8 everywhere: views cost at every exchange.
        options.sql_parser.enable_ident_normalization = false;
        options.sql_parser.map_string_types_to_utf8view = false;
        let mut scalars = BTreeMap::new();
        // Ours come last, so that a later DataFusion cannot take a documented name away.
        let nested = datafusion_functions_nested::all_default_nested_functions();
        let defaults = datafusion_functions::all_default_functions();
        for function in nested.into_iter().chain(defaults).chain(function::all()) {
            for alias in function.aliases() {
                scalars.insert(alias.clone(), Arc::clone(&function));
            }
            scalars.insert(function.name().to_owned(), function);
        }
        let aggregates = datafusion_functions_aggregate::all_default_aggregate_functions();
        let higher_order = datafusion_functions_nested::all_default_higher_order_functions();
        Self {
            options,
            planners: planners(),
            scalars,
            aggregates: aggregates.into_iter().map(|f| (f.name().to_owned(), f)).collect(),
            higher_order: higher_order.into_iter().map(|f| (f.name().to_owned(), f)).collect(),
        }
    }

    /// Whether a function of this name can be called.
    pub(super) fn has_function(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        self.scalars.contains_key(&name) || self.higher_order.contains_key(&name) || AGGREGATES.contains(&name.as_str())
    }

    /// ` (did you mean '…'?)` or nothing.
    pub(super) fn function_hint(&self, unknown: &str) -> String {
        hint(unknown, self.scalars.keys().map(String::as_str).chain(AGGREGATES))
    }
}

fn planners() -> Vec<Arc<dyn ExprPlanner>> {
    vec![
        Arc::new(datafusion_functions::core::planner::CoreFunctionPlanner::default()),
        Arc::new(datafusion_functions_nested::planner::NestedFunctionPlanner),
        Arc::new(datafusion_functions_nested::planner::FieldAccessPlanner),
        Arc::new(datafusion_functions::datetime::planner::DatetimeFunctionPlanner),
        Arc::new(datafusion_functions::unicode::planner::UnicodeFunctionPlanner),
        Arc::new(datafusion_functions_aggregate::planner::AggregateFunctionPlanner),
    ]
}

impl ContextProvider for SqlContext {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>, DataFusionError> {
        Err(DataFusionError::Plan(format!(
            "it names the table '{name}', but an expression sees only the columns of its record"
        )))
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        &self.planners
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        self.scalars.get(name).cloned()
    }

    fn get_higher_order_meta(&self, name: &str) -> Option<Arc<HigherOrderUDF>> {
        self.higher_order.get(name).cloned()
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        self.aggregates.get(name).cloned()
    }

    fn get_window_meta(&self, _name: &str) -> Option<Arc<WindowUDF>> {
        None
    }

    fn get_variable_type(&self, _names: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        &self.options
    }

    fn udf_names(&self) -> Vec<String> {
        self.scalars.keys().cloned().collect()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        self.higher_order.keys().cloned().collect()
    }

    fn udaf_names(&self) -> Vec<String> {
        AGGREGATES.map(str::to_owned).to_vec()
    }

    fn udwf_names(&self) -> Vec<String> {
        Vec::new()
    }
}
