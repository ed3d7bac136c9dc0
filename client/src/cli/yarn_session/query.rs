//! What a YARN cluster has to offer.

use comfy_table::{Table, presets};
use selvedge_core::Configuration;
use serde_json::{Value, json};
use yarn_rest::model::{Node, Queue};

use crate::cli::config::{OutputArgs, print_json};
use crate::cli::error::{CommandError, Ended};
use crate::cli::{target, terminal};

pub(super) async fn query(configuration: &Configuration, output: OutputArgs) -> Result<Ended, CommandError> {
    let access = target::yarn_access(configuration)?;
    let rm = access.resource_manager();
    let (nodes, scheduler) = tokio::try_join!(rm.nodes(&["RUNNING"]), rm.scheduler())?;
    let queues = scheduler.leaves();
    if output.is_json() {
        print_json(&json!({
            "nodes": nodes.iter().map(node_json).collect::<Vec<_>>(),
            "queues": queues.iter().map(|queue| queue_json(queue)).collect::<Vec<_>>(),
        }))?;
    } else {
        terminal::print(&shown(&nodes, &queues))?;
    }
    Ok(Ended::Done)
}

fn shown(nodes: &[Node], queues: &[&Queue]) -> String {
    let mut of_nodes = table(["node", "MiB", "free", "vcores", "free", "containers"]);
    for node in nodes {
        of_nodes.add_row([
            node.id.to_string(),
            node.total_memory_mb().to_string(),
            node.available_memory_mb.unwrap_or(0).to_string(),
            node.total_virtual_cores().to_string(),
            node.available_virtual_cores.unwrap_or(0).to_string(),
            node.num_containers.unwrap_or(0).to_string(),
        ]);
    }
    let sum = |of: fn(&Node) -> u64| nodes.iter().map(of).sum::<u64>();
    let mut of_queues = table(["queue", "state", "used %", "capacity %", "maximum %", "applications"]);
    for queue in queues {
        let figure = |key: &str| queue.extra.get(key).map_or_else(|| "–".to_owned(), Value::to_string);
        of_queues.add_row([
            queue.path.clone(),
            queue.state.clone().unwrap_or_else(|| "–".to_owned()),
            figure("usedCapacity"),
            figure("capacity"),
            figure("maxCapacity"),
            figure("numApplications"),
        ]);
    }
    format!(
        "{} NodeManagers run, with {} MiB ({} free) and {} vcores ({} free)\n\n{of_nodes}\n\n{of_queues}\n",
        nodes.len(),
        sum(Node::total_memory_mb),
        sum(|node| node.available_memory_mb.unwrap_or(0)),
        sum(Node::total_virtual_cores),
        sum(|node| node.available_virtual_cores.unwrap_or(0)),
    )
}

fn table<const COLUMNS: usize>(header: [&str; COLUMNS]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(header);
    table
}

fn node_json(node: &Node) -> Value {
    json!({
        "id": node.id.to_string(),
        "memory-mb": node.total_memory_mb(),
        "free-memory-mb": node.available_memory_mb,
        "vcores": node.total_virtual_cores(),
        "free-vcores": node.available_virtual_cores,
        "containers": node.num_containers,
    })
}

fn queue_json(queue: &Queue) -> Value {
    json!({
        "path": queue.path,
        "state": queue.state,
        "used-capacity": queue.extra.get("usedCapacity"),
        "capacity": queue.extra.get("capacity"),
        "max-capacity": queue.extra.get("maxCapacity"),
        "applications": queue.extra.get("numApplications"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_summed_and_queues_named_by_their_paths() {
        let node = |name: &str, used: u64| {
            let node = json!({"id": format!("{name}:45454"), "state": "RUNNING", "numContainers": 1, "usedMemoryMB": used,
                "availMemoryMB": 4096 - used, "usedVirtualCores": 1, "availableVirtualCores": 7});
            serde_json::from_value::<Node>(node).unwrap()
        };
        let text = shown(&[node("a", 1024), node("b", 0)], &[]);
        for part in [
            "2 NodeManagers",
            "8192 MiB (7168 free)",
            "16 vcores (14 free)",
            "a:45454",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }
}
