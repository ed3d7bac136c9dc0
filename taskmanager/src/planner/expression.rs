//! SQL expression text over a schema → something that can be evaluated on batches of it.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion_common::config::ConfigOptions;
use datafusion_common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion_common::{DFSchema, DataFusionError};
use datafusion_expr::execution_props::ExecutionProps;
use datafusion_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion_expr::planner::ContextProvider;
use datafusion_expr::simplify::SimplifyContext;
use datafusion_expr::{Expr, ExprSchemable, Volatility};
use datafusion_optimizer::simplify_expressions::ExprSimplifier;
use datafusion_physical_expr::{PhysicalExpr, create_physical_expr};
use datafusion_sql::planner::{PlannerContext, SqlToRel};
use datafusion_sql::sqlparser::ast::{Expr as SqlExpr, visit_expressions};
use datafusion_sql::sqlparser::dialect::GenericDialect;
use datafusion_sql::sqlparser::parser::Parser;
use datafusion_sql::sqlparser::tokenizer::Token;

use super::context::CONTEXT;
use super::error::ExpressionError;
use crate::function::{EXTERNAL_RESOURCE, external_resource};
use crate::operator::FoundResources;

/// An expression that can be evaluated.
#[derive(Debug, Clone)]
pub(crate) struct PlannedExpression {
    physical: Arc<dyn PhysicalExpr>,
    data_type: DataType,
    nullable: bool,
}

impl PlannedExpression {
    /// Plans a text over a schema, for a worker that has found this, and tries it on no record.
    pub(crate) fn new(text: &str, schema: &SchemaRef, found: &FoundResources) -> Result<Self, ExpressionError> {
        let columns = Columns::new(schema, found)?;
        let expr = columns.name_and_type(text)?;
        refuse_aggregates(&expr)?;
        let refused = |error| ExpressionError::from_datafusion(&error, schema);
        let data_type = expr.get_type(&columns.named).map_err(refused)?;
        let expr = expr.cast_to(&plain_type(&data_type), &columns.named).map_err(refused)?;
        Self::from_logical(&expr, &columns)
    }

    pub(super) fn from_logical(expr: &Expr, columns: &Columns<'_>) -> Result<Self, ExpressionError> {
        let refused = |error| ExpressionError::from_datafusion(&error, columns.schema);
        let physical = columns.physical(expr)?;
        let planned = Self {
            data_type: physical.data_type(columns.schema).map_err(refused)?,
            nullable: physical.nullable(columns.schema).map_err(refused)?,
            physical,
        };
        // Some kernels look at types only when they are called.
        let nothing = RecordBatch::new_empty(Arc::clone(columns.schema));
        planned.evaluate(&nothing).map_err(refused)?;
        Ok(planned)
    }

    /// A predicate.
    pub(crate) fn predicate(text: &str, schema: &SchemaRef, found: &FoundResources) -> Result<Self, ExpressionError> {
        let planned = Self::new(text, schema, found)?;
        match planned.data_type {
            DataType::Boolean => Ok(planned),
            found => Err(ExpressionError::WrongType {
                expected: "be Boolean",
                found,
            }),
        }
    }

    /// An expression that yields a list, and the list's element.
    pub(crate) fn list(
        text: &str,
        schema: &SchemaRef,
        found: &FoundResources,
    ) -> Result<(Self, FieldRef), ExpressionError> {
        let planned = Self::new(text, schema, found)?;
        match &planned.data_type {
            DataType::List(element) => {
                let element = Arc::clone(element);
                Ok((planned, element))
            }
            found => Err(ExpressionError::WrongType {
                expected: "yield a list, as words(…) or split(…, ',') do",
                found: found.clone(),
            }),
        }
    }

    /// The column of values, under a name.
    pub(crate) fn field(&self, name: &str) -> Field {
        Field::new(name, self.data_type.clone(), self.nullable)
    }

    /// A value for each row.
    pub(crate) fn evaluate(&self, batch: &RecordBatch) -> Result<ArrayRef, DataFusionError> {
        self.physical.evaluate(batch)?.into_array(batch.num_rows())
    }
}

/// The columns that an expression sees, and the worker that it is for.
pub(super) struct Columns<'a> {
    pub(super) schema: &'a SchemaRef,
    pub(super) named: DFSchema,
    pub(super) props: ExecutionProps,
    pub(super) planning: PhysicalPlanningContext,
    found: &'a FoundResources,
}

impl<'a> Columns<'a> {
    pub(super) fn new(schema: &'a SchemaRef, found: &'a FoundResources) -> Result<Self, ExpressionError> {
        let named =
            DFSchema::try_from(Arc::clone(schema)).map_err(|error| ExpressionError::from_datafusion(&error, schema))?;
        Ok(Self {
            schema,
            named,
            props: ExecutionProps::new(),
            planning: PhysicalPlanningContext::default(),
            found,
        })
    }

    /// Parses a text, finds what its names mean, and makes its types fit.
    pub(super) fn name_and_type(&self, text: &str) -> Result<Expr, ExpressionError> {
        let parsed = parse(text)?;
        let refused = |error| ExpressionError::from_datafusion(&error, self.schema);
        let named = SqlToRel::new(&*CONTEXT).sql_to_expr(parsed.clone(), &self.named, &mut PlannerContext::new());
        let expr = named.map_err(|error| unknown_function(&parsed).unwrap_or_else(|| refused(error)))?;
        refuse_volatile(&expr)?;
        let expr = in_worker(expr, self.found).map_err(refused)?;
        let simplifier = ExprSimplifier::new(
            SimplifyContext::builder()
                .with_schema(Arc::new(self.named.clone()))
                .with_config_options(Arc::new(ConfigOptions::clone(CONTEXT.options())))
                .build(),
        );
        let coerced = simplifier.coerce(expr, &self.named).map_err(refused)?;
        simplifier.simplify(coerced).map_err(refused)
    }

    pub(super) fn physical(&self, expr: &Expr) -> Result<Arc<dyn PhysicalExpr>, ExpressionError> {
        create_physical_expr(expr, &self.named, &self.props, &self.planning)
            .map_err(|error| ExpressionError::from_datafusion(&error, self.schema))
    }
}

fn parse(text: &str) -> Result<SqlExpr, ExpressionError> {
    let syntax = |error: datafusion_sql::sqlparser::parser::ParserError| {
        let message = error.to_string();
        let message = message.trim_start_matches("sql parser error: ");
        ExpressionError::Syntax(message.to_owned())
    };
    let mut parser = Parser::new(&GenericDialect {}).try_with_sql(text).map_err(syntax)?;
    let parsed = parser.parse_expr().map_err(syntax)?;
    match &parser.peek_token_ref().token {
        Token::EOF => Ok(parsed),
        rest => Err(ExpressionError::Syntax(format!(
            "'{rest}' follows where the expression ends"
        ))),
    }
}

/// The first function in a text that does not exist.
fn unknown_function(parsed: &SqlExpr) -> Option<ExpressionError> {
    let found = visit_expressions(parsed, |expr| match expr {
        SqlExpr::Function(call) if !CONTEXT.has_function(&call.name.to_string()) => {
            ControlFlow::Break(call.name.to_string())
        }
        _ => ControlFlow::Continue(()),
    });
    found.break_value().map(|function| ExpressionError::UnknownFunction {
        hint: CONTEXT.function_hint(&function),
        function,
    })
}

fn refuse_volatile(expr: &Expr) -> Result<(), ExpressionError> {
    let found = find(expr, |node| match node {
        // Which worker a task runs in is no decision of its records, but what the user asks for.
        Expr::ScalarFunction(call) if call.func.name() == EXTERNAL_RESOURCE => None,
        Expr::ScalarFunction(call) if call.func.signature().volatility != Volatility::Immutable => {
            Some(call.func.name().to_owned())
        }
        _ => None,
    });
    found.map_or(Ok(()), |function| Err(ExpressionError::Volatile { function }))
}

/// The expression with its calls of `external_resource` answered by what this worker has found.
fn in_worker(expr: Expr, found: &FoundResources) -> Result<Expr, DataFusionError> {
    let bound = expr.transform(|node| match node {
        Expr::ScalarFunction(mut call) if call.func.name() == EXTERNAL_RESOURCE => {
            call.func = external_resource(found);
            Ok(Transformed::yes(Expr::ScalarFunction(call)))
        }
        other => Ok(Transformed::no(other)),
    });
    bound.data()
}

fn refuse_aggregates(expr: &Expr) -> Result<(), ExpressionError> {
    let found = find(expr, |node| match node {
        Expr::AggregateFunction(call) => Some(call.func.name().to_owned()),
        _ => None,
    });
    found.map_or(Ok(()), |function| Err(ExpressionError::MisplacedAggregate { function }))
}

fn find<T>(expr: &Expr, what: impl Fn(&Expr) -> Option<T>) -> Option<T> {
    let mut found = None;
    let walked = expr.apply(|node| {
        found = what(node);
        Ok(if found.is_some() {
            TreeNodeRecursion::Stop
        } else {
            TreeNodeRecursion::Continue
        })
    });
    walked.ok().and(found)
}

/// The type in which values travel: no views.
pub(super) fn plain_type(data_type: &DataType) -> DataType {
    let plain_field = |field: &FieldRef| Arc::new(field.as_ref().clone().with_data_type(plain_type(field.data_type())));
    match data_type {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        DataType::List(element) | DataType::ListView(element) => DataType::List(plain_field(element)),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(plain_field).collect()),
        other => other.clone(),
    }
}

/// Whether two schemas have the same columns, nullable or not.
pub(super) fn same_columns(left: &Schema, right: &Schema) -> bool {
    let columns = |schema: &Schema| -> Vec<(String, DataType)> {
        let column = |field: &FieldRef| (field.name().clone(), field.data_type().clone());
        schema.fields().iter().map(column).collect()
    };
    columns(left) == columns(right)
}
