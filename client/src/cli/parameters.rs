//! A job's own parameters, as they follow the job on the command line.

use std::collections::BTreeMap;

use thiserror::Error;

/// Arguments after the job that are no parameters.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParameterSyntaxError {
    /// Not `--NAME`.
    #[error(
        "'{argument}' after the job is not --NAME VALUE or --NAME=VALUE: what follows the job are its own parameters; \
         options of selvedge stand before the job"
    )]
    NotAName {
        /// As given.
        argument: String,
    },
    /// `--NAME` at the end.
    #[error("the job parameter --{name} has no value: write --{name} VALUE")]
    NoValue {
        /// The parameter.
        name: String,
    },
    /// Twice.
    #[error("the job parameter --{name} is given twice")]
    Twice {
        /// The parameter.
        name: String,
    },
}

/// Reads `--NAME VALUE` and `--NAME=VALUE`.
pub fn parse_parameters(arguments: &[String]) -> Result<BTreeMap<String, String>, ParameterSyntaxError> {
    let mut parameters = BTreeMap::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let not_a_name = || ParameterSyntaxError::NotAName {
            argument: argument.clone(),
        };
        let text = argument.strip_prefix("--").ok_or_else(not_a_name)?;
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, rest.next().cloned()),
        };
        if name.is_empty() {
            return Err(not_a_name());
        }
        let name = name.to_owned();
        let Some(value) = value else {
            return Err(ParameterSyntaxError::NoValue { name });
        };
        if parameters.insert(name.clone(), value).is_some() {
            return Err(ParameterSyntaxError::Twice { name });
        }
    }
    Ok(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Vec<(String, String)>, String> {
        let arguments: Vec<_> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let parsed = parse_parameters(&arguments);
        parsed
            .map(|parameters| parameters.into_iter().collect())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn both_forms_are_read_and_values_may_begin_with_a_dash() {
        let expected =
            [("a", "1"), ("b", "x=y"), ("c", "--z")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(parse(&["--a", "1", "--b=x=y", "--c", "--z"]), Ok(expected.to_vec()));
    }

    #[test]
    fn each_fault_names_the_argument() {
        for (arguments, expected) in [
            (vec!["-p", "2"], "'-p' after the job"),
            (vec!["--a"], "--a has no value"),
            (vec!["--a", "1", "--a=2"], "--a is given twice"),
            (vec!["--", "x"], "'--' after the job"),
        ] {
            let message = parse(&arguments).unwrap_err();
            assert!(message.contains(expected), "{message}");
        }
    }
}
