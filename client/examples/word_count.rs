//! WordCount, built in Rust: the same job as `examples/wordcount.json`.
//!
//! ```text
//! cargo run --example word_count                            # prints the job as JSON
//! cargo run --example word_count -- README.md /tmp/wc 2     # runs it here, with parallelism 2
//! ```

use std::error::Error;
use std::io::Write;

use selvedge::builder::{BuiltJob, JobGraphBuilder, Node};
use selvedge::cluster::{JobDetails, JobObserver};
use selvedge_core::Configuration;
use selvedge_core::config::options::cluster;
use selvedge_core::job_graph::operator::{
    Aggregate, FileFormat, FileSink, FileSource, FlatMap, NamedExpression, OnError, Operator, Project,
};
use selvedge_core::job_graph::{Partitioner, SchemaSpec};
use selvedge_core::memory_size::MemorySize;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (input, output) = match arguments.as_slice() {
        [input, output, ..] => (input.as_str(), output.as_str()),
        _ => ("${input}", "${output}"),
    };
    let mut configuration = selvedge_core::config::shipped();
    if let Some(parallelism) = arguments.get(2) {
        configuration.set_text(cluster::PARALLELISM.key(), parallelism);
    }
    let built = word_count(input, output, &configuration)?;
    if arguments.len() < 2 {
        let text = serde_json::to_string_pretty(&built.graph)?;
        return Ok(writeln!(std::io::stdout(), "{text}")?);
    }
    let runtime = tokio::runtime::Runtime::new()?;
    let result = runtime.block_on(selvedge::cluster::run_locally(built.graph, configuration, &mut Silent))?;
    Ok(writeln!(std::io::stdout(), "{:?}: see {output}", result.status)?)
}

/// Lines of text, split into words, counted by word.
fn word_count(input: &str, output: &str, configuration: &Configuration) -> Result<BuiltJob, Box<dyn Error>> {
    let mut job = JobGraphBuilder::new("wordcount");
    let read = job.add(Node::new(
        "read",
        Operator::FileSource(FileSource {
            paths: vec![input.to_owned()],
            format: FileFormat::Text,
            schema: SchemaSpec::default(),
            split_size: MemorySize::from_mebibytes(64),
            on_error: OnError::Fail,
        }),
    ));
    let split = job.add(Node::new(
        "split",
        Operator::FlatMap(FlatMap {
            expression: "words(line)".to_owned(),
            name: "token".to_owned(),
            keep: Vec::new(),
        }),
    ));
    let lower = job.add(Node::new(
        "lower",
        Operator::Project(Project {
            columns: vec![column("lower(token)", "word")],
        }),
    ));
    let count = job.add(Node::new(
        "count",
        Operator::Aggregate(Aggregate {
            keys: vec!["word".to_owned()],
            aggregates: vec![column("count(*)", "count")],
        }),
    ));
    let write = job.add(Node::new(
        "write",
        Operator::FileSink(FileSink {
            path: output.to_owned(),
            format: FileFormat::Csv {
                header: false,
                delimiter: ',',
            },
            overwrite: false,
        }),
    ));
    // Forward connections are chained: reading, splitting and lower-casing become one vertex.
    job.connect(read, split, Partitioner::Forward);
    job.connect(split, lower, Partitioner::Forward);
    let keys = vec!["word".to_owned()];
    job.connect(lower, count, Partitioner::Hash { keys });
    job.connect(count, write, Partitioner::Forward);
    Ok(job.build(configuration)?)
}

fn column(expression: &str, name: &str) -> NamedExpression {
    NamedExpression {
        expression: expression.to_owned(),
        name: name.to_owned(),
    }
}

/// Watches without a word.
struct Silent;

impl JobObserver for Silent {
    fn note(&mut self, _: &str) {}

    fn update(&mut self, _: &JobDetails) {}
}
