//! Job parameters: `"${input}"` in a graph's file, `--input PATH` on the command line.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use thiserror::Error;

use crate::nearest::nearest;

/// A parameter that is missing, unknown or misspelt.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParameterError {
    /// The file uses a parameter that was not given.
    #[error("the job needs the parameter '{name}', which was not given: add --{name} VALUE")]
    Missing {
        /// The parameter.
        name: String,
    },
    /// A parameter was given that the file does not use.
    #[error("the job has no parameter '{name}'{hint}; it takes {known}")]
    Unknown {
        /// The parameter as given.
        name: String,
        /// ` (did you mean '…'?)` or nothing.
        hint: String,
        /// The parameters of the job, or `none`.
        known: String,
    },
    /// A `${` without a name and `}`.
    #[error("'{text}': '${{' is not followed by a parameter's name and '}}'; write $${{ for a literal '${{'")]
    Malformed {
        /// The text in which it stands.
        text: String,
    },
}

/// Replaces `${name}` in every string of a JSON document; `$${` stands for a literal `${`.
/// Every parameter that the document uses must be given, and every given one used.
pub fn substitute(document: &mut Value, given: &BTreeMap<String, String>) -> Result<(), ParameterError> {
    let used = used_parameters(document)?;
    // Unknown ones first: a misspelt parameter is also a missing one, and its name says more.
    if let Some(name) = given.keys().find(|name| !used.contains(*name)) {
        return Err(unknown_parameter(name, &used));
    }
    visit_strings(document, &mut |text| replace_in(text, given))
}

fn unknown_parameter(name: &str, used: &BTreeSet<String>) -> ParameterError {
    let flags: Vec<_> = used.iter().map(|name| format!("--{name}")).collect();
    ParameterError::Unknown {
        name: name.to_owned(),
        hint: nearest(name, used.iter().map(String::as_str))
            .map_or_else(String::new, |near| format!(" (did you mean '--{near}'?)")),
        known: if flags.is_empty() {
            "none".to_owned()
        } else {
            flags.join(", ")
        },
    }
}

/// The parameters that a document uses.
pub fn used_parameters(document: &Value) -> Result<BTreeSet<String>, ParameterError> {
    let mut names = BTreeSet::new();
    visit_strings(&mut document.clone(), &mut |text| {
        for piece in pieces(text)? {
            if let Piece::Parameter(name) = piece {
                names.insert(name.to_owned());
            }
        }
        Ok(())
    })?;
    Ok(names)
}

fn replace_in(text: &mut String, given: &BTreeMap<String, String>) -> Result<(), ParameterError> {
    let mut replaced = String::with_capacity(text.len());
    for piece in pieces(text)? {
        match piece {
            Piece::Literal(literal) => replaced.push_str(literal),
            Piece::Parameter(name) => {
                let value = given
                    .get(name)
                    .ok_or_else(|| ParameterError::Missing { name: name.to_owned() })?;
                replaced.push_str(value);
            }
        }
    }
    *text = replaced;
    Ok(())
}

fn visit_strings(
    value: &mut Value,
    visit: &mut impl FnMut(&mut String) -> Result<(), ParameterError>,
) -> Result<(), ParameterError> {
    match value {
        Value::String(text) => visit(text),
        Value::Array(items) => items.iter_mut().try_for_each(|item| visit_strings(item, visit)),
        Value::Object(fields) => fields.values_mut().try_for_each(|field| visit_strings(field, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

enum Piece<'a> {
    Literal(&'a str),
    Parameter(&'a str),
}

fn pieces(text: &str) -> Result<Vec<Piece<'_>>, ParameterError> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        if rest[..start].ends_with('$') {
            pieces.push(Piece::Literal(&rest[..start - 1]));
            pieces.push(Piece::Literal("${"));
            rest = &rest[start + 2..];
            continue;
        }
        let malformed = || ParameterError::Malformed { text: text.to_owned() };
        let end = start + rest[start..].find('}').ok_or_else(malformed)?;
        let name = &rest[start + 2..end];
        if name.is_empty()
            || !name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        {
            return Err(malformed());
        }
        pieces.push(Piece::Literal(&rest[..start]));
        pieces.push(Piece::Parameter(name));
        rest = &rest[end + 1..];
    }
    pieces.push(Piece::Literal(rest));
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn given(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn parameters_are_replaced_wherever_they_stand() {
        let mut document = json!({"a": ["${input}/x", 3], "b": {"c": "$${kept} ${output}"}});
        substitute(&mut document, &given(&[("input", "/in"), ("output", "/out")])).unwrap();
        assert_eq!(document, json!({"a": ["/in/x", 3], "b": {"c": "${kept} /out"}}));
    }

    #[test]
    fn a_missing_parameter_is_named() {
        let error = substitute(&mut json!("${input}"), &given(&[])).unwrap_err();
        assert_eq!(error, ParameterError::Missing { name: "input".into() });
    }

    #[test]
    fn an_unknown_parameter_is_told_with_the_nearest() {
        let error = substitute(&mut json!("${input}"), &given(&[("inptu", "b")])).unwrap_err();
        let message = error.to_string();
        assert!(
            message.contains("no parameter 'inptu' (did you mean '--input'?)"),
            "{message}"
        );
    }

    #[test]
    fn an_unclosed_parameter_is_refused() {
        assert!(matches!(
            substitute(&mut json!("${in"), &given(&[])),
            Err(ParameterError::Malformed { .. })
        ));
    }
}
