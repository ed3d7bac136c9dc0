//! Keys that are declared by their form, since users name a part of them.

use super::Kind;

/// Settings of one form. In the form `<name>` stands for one part of a key, and `*` at its end for one or more.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    /// The form, such as `metrics.reporter.<name>.*`.
    pub form: &'static str,
    /// What kind of value its members take.
    pub kind: Kind,
    /// Whether anything goes by them yet.
    pub in_effect: bool,
    description: &'static str,
}

impl Family {
    pub(super) const fn new(form: &'static str, kind: Kind, description: &'static str) -> Self {
        Self {
            form,
            kind,
            in_effect: true,
            description,
        }
    }

    pub(super) const fn not_in_effect(mut self) -> Self {
        self.in_effect = false;
        self
    }

    /// What its members are for, in one sentence.
    pub fn description(&self) -> &'static str {
        self.description.trim()
    }

    /// Whether the key has this form.
    pub fn has(&self, key: &str) -> bool {
        let mut parts = key.split('.');
        for form in self.form.split('.') {
            let is_whole = |part: &str| !part.is_empty();
            let fits = match (form, parts.next()) {
                (_, None) => false,
                ("*", Some(part)) => return is_whole(part) && parts.all(is_whole),
                (form, Some(part)) if form.starts_with('<') => is_whole(part),
                (form, Some(part)) => form == part,
            };
            if !fits {
                return false;
            }
        }
        parts.next().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_belongs_to_a_family_by_its_form() {
        for (form, key, belongs) in [
            ("metrics.reporter.<name>.*", "metrics.reporter.prom.factory.class", true),
            ("metrics.reporter.<name>.*", "metrics.reporter.prom", false),
            ("external-resource.<name>.amount", "external-resource.gpu.amount", true),
            (
                "external-resource.<name>.amount",
                "external-resource.gpu.amounts",
                false,
            ),
            (
                "external-resource.<name>.amount",
                "external-resource.gpu.amount.more",
                false,
            ),
            ("flink.hadoop.*", "flink.hadoop.dfs.replication", true),
            ("flink.hadoop.*", "flink.hadoop.", false),
        ] {
            assert_eq!(Family::new(form, Kind::Text, "").has(key), belongs, "{form} {key}");
        }
    }
}
