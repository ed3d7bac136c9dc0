//! From SQL text to something that can be evaluated, and from operator specs to schemas. The client plans a job to check it
//! before it is sent, the JobMaster to complete it, a worker to run it; all through the same calls, so they cannot differ.
//!
//! ```text
//! text ── parse ── name and type ── coerce ── simplify ── PhysicalExpr        (expression, aggregate)
//! OperatorSpec + schema of the input ── PlannedOperator with the schema of its output   (operator)
//! JobGraph ── every chain in topological order ── JobGraph with a schema on every edge  (graph)
//! ```

mod aggregate;
mod context;
mod error;
mod expression;
mod graph;
mod operator;
mod source;

pub use error::{ExpressionError, PlanError, PlanFault};
pub use graph::PlanChecker;

pub(crate) use aggregate::PlannedAggregate;
pub(crate) use expression::PlannedExpression;
pub(crate) use operator::{PlannedKind, PlannedOperator, plan_operators};
pub(crate) use source::single_byte;

#[cfg(test)]
mod tests;
