//! The YAML form of a configuration: nested or flat keys, lists joined by semicolons.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;
use serde_saphyr::options::DuplicateKeyPolicy;
use thiserror::Error;

use super::Configuration;

/// A text that is no configuration.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum YamlError {
    /// It is not YAML, or has a key twice in one place; the text tells line and column.
    #[error("{0}")]
    Syntax(String),
    /// The document is a list or a single value.
    #[error("it must hold keys and values, such as 'parallelism.default: 1'")]
    NotAMapping,
    /// The same key twice, nested or flat.
    #[error("the key '{key}' stands in line {first} and again in line {second}; take one of them away")]
    Duplicate {
        /// The flat key.
        key: String,
        /// Where it stands first.
        first: u64,
        /// Where it stands again.
        second: u64,
    },
    /// Bytes that are no UTF-8.
    #[error("line {line} is not text in UTF-8")]
    NotUtf8 {
        /// Where.
        line: u64,
    },
    /// A line of the old form that has no value.
    #[error("line {line} is not of the form 'key: value'")]
    NotASetting {
        /// Where.
        line: u64,
    },
    /// A list within a list, or a mapping within one.
    #[error("line {line}: the list of '{key}' may hold plain values only")]
    NestedList {
        /// The flat key of the list.
        key: String,
        /// Where.
        line: u64,
    },
}

/// Settings and where they stand.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Lines {
    pub(super) configuration: Configuration,
    /// The line of each key.
    pub(super) lines: BTreeMap<String, u64>,
}

/// Reads YAML. Values keep the text that the user wrote (`1.20` stays `1.20`); a key without a value is not set.
pub(super) fn read(text: &str) -> Result<Lines, YamlError> {
    let syntax = |error: serde_saphyr::Error| YamlError::Syntax(message_of(&error));
    // Keys that stand twice are found here, where both lines are known.
    let options = serde_saphyr::options! { duplicate_keys: DuplicateKeyPolicy::LastWins };
    // Comments and nothing else are no settings.
    let document: Option<Node> = serde_saphyr::from_str_with_options(text, options).map_err(syntax)?;
    let mut flat = Flat {
        text,
        read: Lines::default(),
    };
    match document.unwrap_or(Node::Null) {
        Node::Null => {}
        Node::Mapping(entries) => flat.add_all("", entries)?,
        Node::List(_) | Node::Scalar(_) | Node::Typed(_) => return Err(YamlError::NotAMapping),
    }
    Ok(flat.read)
}

impl Configuration {
    /// Reads YAML. Values keep the text that the user wrote (`1.20` stays `1.20`); a key without a value is not set.
    pub fn from_yaml(text: &str) -> Result<Self, YamlError> {
        read(text).map(|read| read.configuration)
    }

    /// All settings as YAML with flat keys, in their order; [`Self::from_yaml`] reads it back.
    pub fn to_yaml(&self) -> String {
        let settings: BTreeMap<_, _> = self.iter().collect();
        serde_saphyr::to_string(&settings).expect("texts by texts are always YAML")
    }
}

/// Without the excerpt of the file: it could show a password.
fn message_of(error: &serde_saphyr::Error) -> String {
    let text = error.without_snippet().to_string();
    match error.location() {
        Some(location) if !text.contains("line") => format!("line {}: {text}", location.line()),
        _ => text,
    }
}

enum Node {
    Null,
    Scalar(String),
    /// What YAML takes for a number or a boolean, as it would be printed.
    Typed(String),
    List(Vec<Spanned<Node>>),
    Mapping(Vec<(String, Spanned<Node>)>),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

macro_rules! typed {
    ($($visit:ident: $type:ty),+) => {
        $(fn $visit<E>(self, value: $type) -> Result<Node, E> {
            Ok(Node::Typed(value.to_string()))
        })+
    };
}

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value, a list or keys and values")
    }

    typed! { visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_i128: i128, visit_u128: u128, visit_f64: f64 }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Scalar(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Node::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut mapping = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            mapping.push(entry);
        }
        Ok(Node::Mapping(mapping))
    }
}

struct Flat<'a> {
    text: &'a str,
    read: Lines,
}

impl Flat<'_> {
    fn add_all(&mut self, prefix: &str, entries: Vec<(String, Spanned<Node>)>) -> Result<(), YamlError> {
        entries.into_iter().try_for_each(|(key, node)| {
            let key = match prefix {
                "" => key,
                prefix => format!("{prefix}.{key}"),
            };
            self.add(key, node)
        })
    }

    fn add(&mut self, key: String, node: Spanned<Node>) -> Result<(), YamlError> {
        let line = node.referenced.line();
        let value = match node.value {
            Node::Null => return Ok(()),
            Node::Mapping(entries) => return self.add_all(&key, entries),
            Node::List(items) => self.join(&key, items)?,
            Node::Scalar(text) => text,
            Node::Typed(printed) => self.as_written(&node.defined).unwrap_or(printed),
        };
        if let Some(first) = self.read.lines.insert(key.clone(), line) {
            return Err(YamlError::Duplicate {
                key,
                first,
                second: line,
            });
        }
        self.read.configuration.set_text(key, value);
        Ok(())
    }

    fn join(&self, key: &str, items: Vec<Spanned<Node>>) -> Result<String, YamlError> {
        let texts = items.into_iter().filter_map(|item| match item.value {
            Node::Null => None,
            Node::Scalar(text) => Some(Ok(text)),
            Node::Typed(printed) => Some(Ok(self.as_written(&item.defined).unwrap_or(printed))),
            Node::List(_) | Node::Mapping(_) => Some(Err(YamlError::NestedList {
                key: key.to_owned(),
                line: item.referenced.line(),
            })),
        });
        Ok(texts.collect::<Result<Vec<_>, _>>()?.join(";"))
    }

    fn as_written(&self, location: &serde_saphyr::Location) -> Option<String> {
        let span = location.span();
        let start = usize::try_from(span.byte_offset()?).ok()?;
        let end = start.checked_add(usize::try_from(span.byte_len()?).ok()?)?;
        let text = self.text.get(start..end)?.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs(configuration: &Configuration) -> Vec<String> {
        configuration
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect()
    }

    #[test]
    fn nested_and_flat_keys_are_the_same_and_values_stay_as_written() {
        let text = "\
# a comment
taskmanager:
  numberOfTaskSlots: 2
  memory.process:
    size: 1728m
yarn.ship-files: [a.txt, 'b;c', 3]
yarn.provided.lib.dirs:
  - hdfs:///a
  - hdfs:///b
version: 1.20
mode: 0644
flag: true
empty:
text: \"quoted # text\"
";
        let expected = [
            "flag=true",
            "mode=0644",
            "taskmanager.memory.process.size=1728m",
            "taskmanager.numberOfTaskSlots=2",
            "text=quoted # text",
            "version=1.20",
            "yarn.provided.lib.dirs=hdfs:///a;hdfs:///b",
            "yarn.ship-files=a.txt;b;c;3",
        ];
        assert_eq!(pairs(&Configuration::from_yaml(text).unwrap()), expected);
    }

    #[test]
    fn nothing_is_no_settings() {
        for text in ["", "# only a comment\n", "---\n", "~"] {
            assert_eq!(Configuration::from_yaml(text), Ok(Configuration::new()), "{text:?}");
        }
    }

    #[test]
    fn a_key_that_stands_twice_is_refused_with_its_lines() {
        let error = Configuration::from_yaml("a.b: 1\nc: 2\na:\n  b: 3\n").unwrap_err();
        let expected = YamlError::Duplicate {
            key: "a.b".to_owned(),
            first: 1,
            second: 4,
        };
        assert_eq!(error, expected);
        let text = Configuration::from_yaml("a: 1\nb: 2\na: 3\n").unwrap_err().to_string();
        assert!(text.contains("'a' stands in line 1 and again in line 3"), "{text}");
    }

    #[test]
    fn what_is_no_configuration_is_refused_without_showing_values() {
        for (text, expected) in [
            ("- a\n- b\n", "keys and values"),
            ("word", "keys and values"),
            ("a: [[1]]", "line 1: the list of 'a'"),
            ("x.password: 'hunter2\nb: 1\n", "line"),
        ] {
            let message = Configuration::from_yaml(text).unwrap_err().to_string();
            assert!(message.contains(expected), "{text:?}: {message}");
            assert!(!message.contains("hunter2"), "{message}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in any::<String>()) {
            if let Err(error) = read(&text) {
                let message = error.to_string();
                let has_place = matches!(error, YamlError::NotAMapping) || message.contains("line");
                prop_assert!(has_place, "{}", message);
            }
        }

        #[test]
        fn no_arrangement_of_yamls_own_signs_is_too_odd(text in "[a-c:{}\\[\\]\\-#&*!|>'\" \n,?%@`\t]{0,60}") {
            if let Err(error) = read(&text) {
                let message = error.to_string();
                let has_place = matches!(error, YamlError::NotAMapping) || message.contains("line");
                prop_assert!(has_place, "{}", message);
            }
        }

        #[test]
        fn settings_read_back(settings in prop::collection::btree_map("[a-z]{1,4}(\\.[a-z]{1,4}){0,3}", "[ -~äß\n]{0,12}", 0..6)) {
            let configuration: Configuration = settings.into_iter().collect();
            prop_assert_eq!(Configuration::from_yaml(&configuration.to_yaml()), Ok(configuration));
        }
    }
}
