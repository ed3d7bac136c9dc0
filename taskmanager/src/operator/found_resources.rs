//! What a worker has of external resources.

use std::collections::BTreeMap;
use std::sync::Arc;

/// The indices that the worker's discovery scripts found, by the resource's name. Cheap to clone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct FoundResources(Arc<BTreeMap<String, Vec<String>>>);

impl FoundResources {
    /// The indices of a resource; `None` where no script looked for it.
    pub fn indices(&self, resource: &str) -> Option<&[String]> {
        self.0.get(resource).map(Vec::as_slice)
    }
}

impl FromIterator<(String, Vec<String>)> for FoundResources {
    fn from_iter<I: IntoIterator<Item = (String, Vec<String>)>>(found: I) -> Self {
        Self(Arc::new(found.into_iter().collect()))
    }
}
