//! What names mean in an expression: the functions, and how DataFusion is to read SQL.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use arrow::datatypes::DataType;
use datafusion_common::config::ConfigOptions;
use datafusion_common::{DataFusionError, TableReference};
use datafusion_expr::planner::{ContextProvider, ExprPlanner};
use datafusion_expr::{AggregateUDF, HigherOrderUDF, ScalarUDF, TableSource, WindowUDF};
use datafusion_functions_aggregate::average::avg_udaf;
use datafusion_functions_aggregate::count::count_udaf;
use datafusion_functions_aggregate::min_max::{max_udaf, min_udaf};
use datafusion_functions_aggregate::sum::sum_udaf;

use super::error::hint;
use crate::function;

/// The aggregates that are offered.
pub(super) const AGGREGATES: [&str; 5] = ["count", "sum", "min", "max", "avg"];

/// Built once.
pub(super) static CONTEXT: LazyLock<SqlContext> = LazyLock::new(SqlContext::new);

/// Where scalar functions are looked for, in this order. Ours come first, so that a later DataFusion cannot take a documented
/// name away.
const SCALARS: [fn() -> Vec<Arc<ScalarUDF>>; 10] = [
    function::all,
    datafusion_functions::string::functions,
    datafusion_functions::unicode::functions,
    datafusion_functions::crypto::functions,
    datafusion_functions::regex::functions,
    datafusion_functions::math::functions,
    datafusion_functions::encoding::functions,
    datafusion_functions::datetime::functions,
    datafusion_functions::core::functions,
    datafusion_functions_nested::all_default_nested_functions,
];

type ByName<F> = LazyLock<BTreeMap<String, Arc<F>>, Box<dyn FnOnce() -> BTreeMap<String, Arc<F>> + Send>>;

/// Functions and options of every expression. Functions are made when a name is looked for among them: their constructors are
/// most of the code that a process which only checks a job would have in memory.
pub(super) struct SqlContext {
    options: ConfigOptions,
    planners: Vec<Arc<dyn ExprPlanner>>,
    scalars: [ByName<ScalarUDF>; SCALARS.len()],
    /// Those of [`AGGREGATES`], in their order.
    aggregates: [Arc<AggregateUDF>; AGGREGATES.len()],
    /// Known, so that they are refused by name.
    other_aggregates: ByName<AggregateUDF>,
    higher_order: ByName<HigherOrderUDF>,
}

impl SqlContext {
    fn new() -> Self {
        let mut options = ConfigOptions::default();
        // Columns keep their case, and text is Utf8 everywhere: views cost at every exchange.
        options.sql_parser.enable_ident_normalization = false;
        options.sql_parser.map_string_types_to_utf8view = false;
        Self {
            options,
            planners: planners(),
            scalars: SCALARS.map(|make| LazyLock::new(Box::new(move || scalars_by_name(make())) as _)),
            aggregates: [count_udaf(), sum_udaf(), min_udaf(), max_udaf(), avg_udaf()],
            other_aggregates: LazyLock::new(Box::new(|| {
                let all = datafusion_functions_aggregate::all_default_aggregate_functions();
                all.into_iter().map(|f| (f.name().to_owned(), f)).collect()
            })),
            higher_order: LazyLock::new(Box::new(|| {
                let all = datafusion_functions_nested::all_default_higher_order_functions();
                all.into_iter().map(|f| (f.name().to_owned(), f)).collect()
            })),
        }
    }

    /// Whether a function of this name can be called.
    pub(super) fn has_function(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        AGGREGATES.contains(&name.as_str())
            || self.get_function_meta(&name).is_some()
            || self.higher_order.contains_key(&name)
    }

    /// ` (did you mean '…'?)` or nothing.
    pub(super) fn function_hint(&self, unknown: &str) -> String {
        hint(unknown, self.scalar_names().map(String::as_str).chain(AGGREGATES))
    }

    fn scalar_names(&self) -> impl Iterator<Item = &String> {
        self.scalars.iter().flat_map(|group| group.keys())
    }
}

fn scalars_by_name(functions: Vec<Arc<ScalarUDF>>) -> BTreeMap<String, Arc<ScalarUDF>> {
    let mut by_name = BTreeMap::new();
    for function in functions {
        for alias in function.aliases() {
            by_name.insert(alias.clone(), Arc::clone(&function));
        }
        by_name.insert(function.name().to_owned(), function);
    }
    by_name
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
        // Looked for among the aggregates only after all scalar functions were.
        if AGGREGATES.contains(&name) {
            return None;
        }
        self.scalars.iter().find_map(|group| group.get(name).cloned())
    }

    fn get_higher_order_meta(&self, name: &str) -> Option<Arc<HigherOrderUDF>> {
        if AGGREGATES.contains(&name) {
            return None;
        }
        self.higher_order.get(name).cloned()
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        match AGGREGATES.iter().position(|offered| *offered == name) {
            Some(place) => Some(Arc::clone(&self.aggregates[place])),
            None => self.other_aggregates.get(name).cloned(),
        }
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
        self.scalar_names().cloned().collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_function_of_datafusion_is_found_by_its_names_and_ours_hide_theirs() {
        let theirs = datafusion_functions::all_default_functions();
        let nested = datafusion_functions_nested::all_default_nested_functions();
        let all = scalars_by_name(nested.into_iter().chain(theirs).chain(function::all()).collect());
        for (name, function) in &all {
            let found = CONTEXT.get_function_meta(name).unwrap();
            assert_eq!(found.name(), function.name(), "{name}");
        }
        let names: std::collections::BTreeSet<_> = CONTEXT.udf_names().into_iter().collect();
        assert!(names.iter().eq(all.keys()));
    }

    #[test]
    fn an_aggregate_that_is_offered_is_no_other_function() {
        for name in AGGREGATES {
            assert_eq!(CONTEXT.get_aggregate_meta(name).unwrap().name(), name);
            assert!(!CONTEXT.scalar_names().any(|scalar| scalar == name));
            assert!(!CONTEXT.higher_order.contains_key(name));
            assert_eq!(CONTEXT.other_aggregates[name].name(), name);
        }
    }
}
