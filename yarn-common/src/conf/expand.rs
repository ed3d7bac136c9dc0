//! Substitution of `${variable}` in values.

use std::collections::BTreeSet;

use super::HadoopConfiguration;
use super::error::ConfError;
use super::{deprecated, keys};

/// As many as Hadoop makes.
const MAX_SUBSTITUTIONS: usize = 20;

impl HadoopConfiguration {
    /// Replaces `${…}` in `value`: `${env.NAME}`, `${env.NAME:-default}`, `${user.name}` and other properties.
    ///
    /// What nothing is known about stays as it is, and so does a variable that refers to itself.
    pub(super) fn expand(&self, key: &str, value: &str) -> Result<String, ConfError> {
        let mut text = value.to_owned();
        let mut seen = BTreeSet::new();
        for _ in 0..MAX_SUBSTITUTIONS {
            let Some((start, end)) = innermost(&text) else {
                return Ok(text);
            };
            let variable = &text[start + 2..end - 1];
            let Some(replacement) = self.variable(variable) else {
                return Ok(text);
            };
            if !seen.insert(text.clone()) {
                return Ok(value.to_owned());
            }
            text = format!("{}{replacement}{}", &text[..start], &text[end..]);
        }
        if innermost(&text).is_none() {
            return Ok(text);
        }
        Err(ConfError::SubstitutionTooDeep {
            key: key.to_owned(),
            source_file: self.source_or_files(key),
            value: value.to_owned(),
            limit: MAX_SUBSTITUTIONS,
        })
    }

    fn variable(&self, variable: &str) -> Option<String> {
        if let Some(name) = variable.strip_prefix("env.") {
            return self.environment_variable(name);
        }
        let environment = |name| self.environment.get(name).map(str::to_owned);
        match variable {
            "user.name" => environment("USER").or_else(|| environment("LOGNAME")),
            "user.home" => environment("HOME"),
            "java.io.tmpdir" => Some("/tmp".to_owned()),
            key => self
                .property(key)
                .map(|property| property.value.clone())
                .or_else(|| keys::default_value(deprecated::current(key)).map(str::to_owned)),
        }
    }

    /// `NAME`, `NAME-default` where it is unset, `NAME:-default` where it is unset or empty.
    fn environment_variable(&self, expression: &str) -> Option<String> {
        if let Some((name, default)) = expression.split_once(":-") {
            return Some(self.environment.get(name).unwrap_or(default).to_owned());
        }
        if let Some((name, default)) = expression.split_once('-') {
            return Some(self.environment.get_even_empty(name).unwrap_or(default).to_owned());
        }
        self.environment.get_even_empty(expression).map(str::to_owned)
    }
}

/// The first `${name}` whose name holds no other variable and no space, as the range of the whole.
fn innermost(text: &str) -> Option<(usize, usize)> {
    let mut from = 0;
    while let Some(found) = text[from..].find("${") {
        let start = from + found;
        let name = &text[start + 2..];
        match name.find(['}', '$', ' ']) {
            Some(length) if length > 0 && name.as_bytes()[length] == b'}' => return Some((start, start + length + 3)),
            _ => from = start + 2,
        }
    }
    None
}
