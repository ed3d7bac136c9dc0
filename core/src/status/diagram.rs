//! The diagrams of the states, `docs/states.md`, made of their table.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::{
    AdaptiveState, ClusterPhase, DispatcherJob, ExecutionState, HeldSlotState, JobContact, JobLeader, JobStatus,
    MasterStanding, RootCauseState, SlotPhase, TaskPhase, TrackedWorker, WorkerRegistration,
};

/// A table of states and of what may follow each.
pub trait StateMachine: Copy + Ord + 'static {
    /// Its name, as Flink has it.
    const NAME: &'static str;
    /// All states, in Flink's order.
    const STATES: &'static [Self];

    /// The state's name.
    fn text(self) -> &'static str;

    /// What may follow it.
    fn next(self) -> &'static [Self];
}

/// The page with a Mermaid diagram of each machine: `cargo run --example states > docs/states.md`.
pub fn states_page() -> String {
    let mut page = String::from(
        "# States\n\nMade of the tables in `core/src/status` by `cargo run --example states > docs/states.md`. What a table does not \
         allow is refused, with both states in the log.\n",
    );
    draw(
        &mut page,
        JobStatus::Initializing,
        "FAILED, CANCELED and FINISHED end a job on every master; SUSPENDED ends it on this one. Only under the adaptive scheduler \
         does a job become CREATED again: it waits for slots before each start.",
    );
    draw(
        &mut page,
        ExecutionState::Created,
        "One attempt of a subtask. A restart makes a new attempt, which begins at CREATED.",
    );
    page.push_str(
        "\n# In the rooms\n\nWhat the rooms of master and worker hold. The test beside each takes it through every state with \
         every event. A fault may end the process, and all of it, in any state.\n",
    );
    draw_rooms(&mut page);
    page
}

fn draw_rooms(page: &mut String) {
    draw(page, MasterStanding::NeverLed, "A master's process in the election.");
    draw(page, ClusterPhase::Serving, "How far the end of a cluster is.");
    draw(
        page,
        DispatcherJob::Unknown,
        "A job as the Dispatcher holds it. A new master finds those of an earlier one RUNNING, STORED or ENDED.",
    );
    draw(
        page,
        AdaptiveState::Created,
        "A streaming job under the adaptive scheduler. WAITING_FOR_RESOURCES and CREATING_EXECUTION_GRAPH are CREATED to the \
         outside, EXECUTING is RUNNING.",
    );
    draw(
        page,
        JobLeader::Unknown,
        "The JobMaster of a job, as the ResourceManager knows it.",
    );
    draw(
        page,
        TrackedWorker::Unknown,
        "A worker in the ResourceManager's books. Only where nobody starts workers does one come back that was gone.",
    );
    draw(
        page,
        HeldSlotState::Absent,
        "A slot in the ResourceManager's books. One that only its worker knows is TAKEN at once.",
    );
    draw(
        page,
        RootCauseState::Open,
        "Why a job fails; OPEN again with each restart.",
    );
    draw(
        page,
        WorkerRegistration::Registering,
        "A worker's way to its ResourceManager.",
    );
    draw(page, JobContact::Connecting, "A worker's way to a JobMaster.");
    draw(page, SlotPhase::Free, "A slot in the worker's table.");
    draw(page, TaskPhase::Running, "A task in the worker's table.");
}

fn draw<S: StateMachine>(page: &mut String, initial: S, says: &str) {
    let reached = reached_from(initial);
    let mut line = |text: &str| {
        page.push_str(text);
        page.push('\n');
    };
    line(&format!("\n## {}\n\n{says}\n\n```mermaid\nstateDiagram-v2", S::NAME));
    line(&format!("    [*] --> {}", initial.text()));
    for state in S::STATES.iter().filter(|state| reached.contains(state)) {
        for next in state.next() {
            line(&format!("    {} --> {}", state.text(), next.text()));
        }
        if state.next().is_empty() {
            line(&format!("    {} --> [*]", state.text()));
        }
    }
    line("```");
    let unreached = S::STATES.iter().filter(|state| !reached.contains(state));
    for state in unreached {
        let _ = writeln!(page, "\n{} is never entered: Flink's clients know it.", state.text());
    }
}

fn reached_from<S: StateMachine>(initial: S) -> BTreeSet<S> {
    let mut reached = BTreeSet::from([initial]);
    let mut open = vec![initial];
    while let Some(state) = open.pop() {
        open.extend(state.next().iter().filter(|next| reached.insert(**next)));
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_in_docs_is_that_of_the_tables() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/states.md");
        assert!(
            std::fs::read_to_string(path).unwrap_or_default() == states_page(),
            "docs/states.md is stale: cargo run --example states > docs/states.md"
        );
    }
}
