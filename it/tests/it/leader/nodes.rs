//! What is in ZooKeeper, seen from outside.

use selvedge_runtime::ha::LeaderInformation;
use zookeeper_client::{Client, Error, Stat};

/// A client of its own.
pub(crate) async fn connect(quorum: &str) -> Client {
    Client::connect(quorum).await.unwrap()
}

/// All nodes below a path, sorted, with it; none where it is not there.
pub(crate) async fn below(client: &Client, root: &str) -> Vec<String> {
    let (mut found, mut at) = (vec![root.to_owned()], 0);
    while at < found.len() {
        match client.list_children(&found[at]).await {
            Ok(children) => {
                let path = found[at].clone();
                found.extend(children.into_iter().map(|child| format!("{path}/{child}")));
                at += 1;
            }
            Err(Error::NoNode) => {
                found.remove(at);
            }
            Err(error) => panic!("{root}: {error}"),
        }
    }
    found.sort();
    found
}

/// Where a component's leader is said to be.
pub(crate) async fn leader(client: &Client, cluster: &str, component: &str) -> Option<(LeaderInformation, Stat)> {
    let path = format!("{cluster}/leader/{component}/connection_info");
    match client.get_data(&path).await {
        Ok((data, stat)) => Some((serde_json::from_slice(&data).unwrap(), stat)),
        Err(Error::NoNode) => None,
        Err(error) => panic!("{path}: {error}"),
    }
}
