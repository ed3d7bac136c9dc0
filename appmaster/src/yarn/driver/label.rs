//! Which label the nodes of workers have, pure.

/// Where workers may be, by the labels that an administrator gives to nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::yarn) enum WorkerLabel {
    /// On nodes without a label.
    None,
    /// Where the application is: YARN gives its label to whatever asks for no other.
    OfApplication,
    /// On nodes of this one.
    Own(String),
}

impl WorkerLabel {
    /// As the settings have it: the workers' own stands over the application's, also where it is empty, which YARN takes as
    /// none.
    pub(in crate::yarn) fn new(of_workers: Option<String>, of_application: Option<String>) -> Self {
        match (of_workers, of_application) {
            (Some(label), _) => Self::Own(label),
            (None, Some(label)) if !label.is_empty() => Self::OfApplication,
            (None, _) => Self::None,
        }
    }

    /// What is said with each ask.
    pub(super) fn of_asks(&self) -> Option<String> {
        match self {
            Self::Own(label) => Some(label.clone()),
            Self::None | Self::OfApplication => None,
        }
    }

    /// Whether asks may name nodes: which of them have a label is not known here, and with a label of their own YARN takes no
    /// asks that name nodes.
    pub(super) const fn names_nodes(&self) -> bool {
        matches!(self, Self::None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_where_neither_workers_nor_the_application_have_a_label_nodes_are_named() {
        for (of_workers, of_application, asked, names_nodes) in [
            (None, None, None, true),
            (None, Some(""), None, true),
            (None, Some("gold"), None, false),
            (Some("gpu"), None, Some("gpu"), false),
            (Some("gpu"), Some("gold"), Some("gpu"), false),
            (Some(""), Some("gold"), Some(""), false),
        ] {
            let label = WorkerLabel::new(of_workers.map(str::to_owned), of_application.map(str::to_owned));
            assert_eq!(
                (label.of_asks().as_deref(), label.names_nodes()),
                (asked, names_nodes),
                "{of_workers:?} {of_application:?}"
            );
        }
    }
}
