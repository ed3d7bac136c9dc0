//! Whose a metric is.

use std::collections::BTreeMap;
use std::fmt;

use selvedge_core::{ExecutionAttemptId, JobId, ResourceId, VertexId};

/// A component that has metrics.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Owner {
    /// The master's process.
    JobManager,
    /// A worker's process.
    TaskManager,
    /// A job, in the master.
    Job(JobId),
    /// A task, in its worker.
    Task(JobId, ExecutionAttemptId),
    /// An operator of a task, by its id.
    Operator(JobId, ExecutionAttemptId, String),
}

impl Owner {
    /// Whether the other is this one or a part of it.
    fn holds(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Task(job, task), Self::Operator(other_job, of, _)) => (job, task) == (other_job, of),
            _ => self == other,
        }
    }
}

/// What a task is called in metrics.
#[derive(Debug, Clone)]
pub struct TaskName<'a> {
    /// The job.
    pub job_id: JobId,
    /// The job's name.
    pub job_name: &'a str,
    /// The attempt.
    pub attempt: &'a ExecutionAttemptId,
    /// The vertex's name.
    pub task_name: &'a str,
}

/// Whose metrics these are: an owner, the groups below it (`Status`, `JVM`), and the variables that Flink's scope formats
/// know (`<host>`, `<tm_id>`, `<job_name>`, …), by name without the brackets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scope {
    owner: Owner,
    groups: Vec<String>,
    variables: BTreeMap<&'static str, String>,
}

impl Scope {
    /// The master's.
    pub fn job_manager(host: &str) -> Self {
        Self::of(Owner::JobManager, [("host", host.to_owned())].into())
    }

    /// A worker's.
    pub fn task_manager(host: &str, id: &ResourceId) -> Self {
        let variables = [("host", host.to_owned()), ("tm_id", id.0.clone())];
        Self::of(Owner::TaskManager, variables.into())
    }

    const fn of(owner: Owner, variables: BTreeMap<&'static str, String>) -> Self {
        Self {
            owner,
            groups: Vec::new(),
            variables,
        }
    }

    /// A job's, in this master.
    #[must_use]
    pub fn job(&self, id: JobId, name: &str) -> Self {
        self.part(
            Owner::Job(id),
            [("job_id", id.to_string()), ("job_name", name.to_owned())],
        )
    }

    /// A task's, in this worker.
    #[must_use]
    pub fn task(&self, task: &TaskName<'_>) -> Self {
        let attempt = task.attempt;
        let variables = [
            ("job_id", task.job_id.to_string()),
            ("job_name", task.job_name.to_owned()),
            ("task_id", attempt.vertex.rest_id()),
            ("task_name", task.task_name.to_owned()),
            ("task_attempt_id", attempt.to_string()),
            ("task_attempt_num", attempt.attempt.to_string()),
            ("subtask_index", attempt.subtask.to_string()),
        ];
        self.part(Owner::Task(task.job_id, attempt.clone()), variables)
    }

    /// An operator's, in this task.
    #[must_use]
    pub fn operator(&self, id: &str) -> Self {
        let owner = match &self.owner {
            Owner::Task(job, attempt) | Owner::Operator(job, attempt, _) => {
                Owner::Operator(*job, attempt.clone(), id.to_owned())
            }
            // Only tasks have operators: elsewhere the name is a group like others.
            _ => return self.child(id),
        };
        let variables = [
            ("operator_id", VertexId::from(id).rest_id()),
            ("operator_name", id.to_owned()),
        ];
        self.part(owner, variables)
    }

    /// A group below this one.
    #[must_use]
    pub fn child(&self, group: &str) -> Self {
        let mut child = self.clone();
        child.groups.push(group.to_owned());
        child
    }

    fn part<const N: usize>(&self, owner: Owner, variables: [(&'static str, String); N]) -> Self {
        let mut part = Self::of(owner, self.variables.clone());
        part.variables.extend(variables);
        part
    }

    /// Whose.
    pub const fn owner(&self) -> &Owner {
        &self.owner
    }

    /// The variables by name.
    pub const fn variables(&self) -> &BTreeMap<&'static str, String> {
        &self.variables
    }

    /// The name of a metric in this scope as REST shows it: with the groups before it.
    pub fn name_of(&self, metric: &str) -> String {
        let parts = self.groups.iter().map(String::as_str).chain([metric]);
        parts.collect::<Vec<_>>().join(".")
    }

    /// Whether the other scope is this one or below it.
    pub(super) fn holds(&self, other: &Self) -> bool {
        self.owner.holds(&other.owner) && (self.owner != other.owner || other.groups.starts_with(&self.groups))
    }
}

/// The scope in Flink's default format (`metrics.scope.*`), with the groups behind it.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format: &[&str] = match self.owner {
            Owner::JobManager => &["<host>", "jobmanager"],
            Owner::Job(_) => &["<host>", "jobmanager", "<job_name>"],
            Owner::TaskManager => &["<host>", "taskmanager", "<tm_id>"],
            Owner::Task(..) => &[
                "<host>",
                "taskmanager",
                "<tm_id>",
                "<job_name>",
                "<task_name>",
                "<subtask_index>",
            ],
            Owner::Operator(..) => &[
                "<host>",
                "taskmanager",
                "<tm_id>",
                "<job_name>",
                "<operator_name>",
                "<subtask_index>",
            ],
        };
        let filled = |part: &&str| {
            let variable = part.trim_start_matches('<').trim_end_matches('>');
            self.variables
                .get(variable)
                .cloned()
                .unwrap_or_else(|| (*part).to_owned())
        };
        let parts: Vec<_> = format.iter().map(filled).chain(self.groups.iter().cloned()).collect();
        f.write_str(&parts.join("."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(subtask: u32) -> ExecutionAttemptId {
        ExecutionAttemptId {
            vertex: "count".into(),
            subtask,
            attempt: 1,
        }
    }

    fn task(subtask: u32) -> Scope {
        Scope::task_manager("node1", &ResourceId("tm".to_owned())).task(&TaskName {
            job_id: JobId::from_bytes([1; 16]),
            job_name: "words",
            attempt: &attempt(subtask),
            task_name: "Count",
        })
    }

    #[test]
    fn scopes_are_written_in_flinks_default_formats() {
        let master = Scope::job_manager("node0");
        assert_eq!(master.to_string(), "node0.jobmanager");
        let job = master.child("ignored").job(JobId::from_bytes([1; 16]), "words");
        assert_eq!(job.to_string(), "node0.jobmanager.words");
        assert_eq!(task(3).to_string(), "node1.taskmanager.tm.words.Count.3");
        assert_eq!(
            task(3).operator("sum").child("x").to_string(),
            "node1.taskmanager.tm.words.sum.3.x"
        );
        assert_eq!(task(3).child("a").child("b").name_of("n"), "a.b.n");
    }

    #[test]
    fn a_task_has_flinks_variables() {
        let scope = task(3).operator("sum");
        let names: Vec<_> = scope.variables().keys().copied().collect();
        assert_eq!(
            names,
            [
                "host",
                "job_id",
                "job_name",
                "operator_id",
                "operator_name",
                "subtask_index",
                "task_attempt_id",
                "task_attempt_num",
                "task_id",
                "task_name",
                "tm_id"
            ]
        );
    }

    #[test]
    fn a_scope_holds_what_is_below_it_and_nothing_else() {
        let worker = Scope::task_manager("node1", &ResourceId("tm".to_owned()));
        let status = worker.child("Status");
        assert!(worker.holds(&status) && status.holds(&status.child("JVM")));
        assert!(!status.holds(&worker) && !status.holds(&worker.child("Statuses")));
        assert!(task(1).holds(&task(1).operator("sum")));
        assert!(!task(1).holds(&task(2)) && !task(1).holds(&task(2).operator("sum")));
        assert!(!worker.holds(&task(1)), "a worker's own metrics are not its tasks'");
    }
}
