//! The line-based form of a configuration that Flink had before 1.19, in `flink-conf.yaml`.

use std::collections::BTreeMap;

use super::Configuration;
use super::yaml::{Lines, YamlError};

/// Reads `key: value` lines. `#` begins a comment wherever it stands, and there is no nesting and no quoting.
pub(super) fn read(text: &str) -> Result<Lines, YamlError> {
    let mut lines = BTreeMap::new();
    let mut configuration = Configuration::new();
    for (number, line) in (1..).zip(text.lines()) {
        let setting = line.split('#').next().unwrap_or_default().trim();
        if setting.is_empty() {
            continue;
        }
        let (key, value) = setting.split_once(": ").unwrap_or((setting.trim_end_matches(':'), ""));
        let (key, value) = (key.trim(), value.trim());
        if key.is_empty() || (value.is_empty() && !setting.ends_with(':')) {
            return Err(YamlError::NotASetting { line: number });
        }
        if value.is_empty() {
            // As in YAML, a key without a value is not set.
            continue;
        }
        if let Some(first) = lines.insert(key.to_owned(), number) {
            let key = key.to_owned();
            return Err(YamlError::Duplicate {
                key,
                first,
                second: number,
            });
        }
        configuration.set_text(key, value);
    }
    Ok(Lines { configuration, lines })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_line_is_a_setting_and_dots_and_colons_stay_in_values() {
        let text = "# comment\njobmanager.rpc.address: h:1 # why\n\n  s3.endpoint: http://h:9000\nempty:\nx: a: b\n";
        let read = read(text).unwrap();
        let pairs: Vec<_> = read.configuration.iter().collect();
        let expected = [
            ("jobmanager.rpc.address", "h:1"),
            ("s3.endpoint", "http://h:9000"),
            ("x", "a: b"),
        ];
        assert_eq!(pairs, expected);
        assert_eq!(read.lines["s3.endpoint"], 4);
    }

    #[test]
    fn a_line_without_a_value_and_a_key_that_stands_twice_are_refused_with_their_lines() {
        for (text, expected) in [
            ("a: 1\nnonsense\n", "line 2"),
            ("a:1\n", "line 1"),
            ("a: 1\nb: 2\na: 3\n", "line 1 and again in line 3"),
        ] {
            let message = read(text).unwrap_err().to_string();
            assert!(message.contains(expected), "{text:?}: {message}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in any::<String>()) {
            if let Err(error) = read(&text) {
                prop_assert!(error.to_string().contains("line"), "{}", error);
            }
        }
    }
}
