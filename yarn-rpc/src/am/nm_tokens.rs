//! The tokens for NodeManagers.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use yarn_common::{id::NodeId, token::Token};

/// The tokens with which an ApplicationMaster logs in to NodeManagers, by node.
///
/// The ResourceManager sends each token once, so the cache lives as long as the attempt. Clones share their content:
/// [`AmClient`](crate::am::AmClient) fills it, [`NmClient`](crate::nm::NmClient) reads it.
#[derive(Clone, Debug, Default)]
pub struct NmTokenCache {
    tokens: Arc<Mutex<BTreeMap<NodeId, Token>>>,
}

impl NmTokenCache {
    /// An empty cache.
    pub fn new() -> Self {
        Self::default()
    }

    /// The latest token for a node.
    pub fn get(&self, node: &NodeId) -> Option<Token> {
        self.lock().get(node).cloned()
    }

    /// Stores a token; it replaces an older one.
    pub fn put(&self, node: NodeId, token: Token) {
        self.lock().insert(node, token);
    }

    /// How many nodes have a token.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// True when no node has a token.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<NodeId, Token>> {
        // Every change is one insertion, so the map is whole even after a panic elsewhere.
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
