//! Quoting for the shell script that a NodeManager writes.
//!
//! The script holds each variable as `export NAME="value"` and the command as `exec /bin/bash -c "command"`, both without
//! any escaping, after it has replaced markers in them: `{{NAME}}`, `<LOG_DIR>`, `<CPS>` and a few more. A command is thus
//! expanded twice, once inside double quotes and once by the inner shell.

use thiserror::Error;

/// Stands for the container's log directory, in commands and in values of the environment.
pub const LOG_DIR: &str = "<LOG_DIR>";

/// A text that no shell script can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum QuoteError {
    /// It holds a NUL character.
    #[error("the text holds a NUL character at byte {0}, which neither a command nor a variable can hold")]
    Nul(usize),
}

/// A reference to the variable `name` of the container's environment, for commands and values of the environment.
pub fn variable(name: &str) -> String {
    format!("{{{{{name}}}}}")
}

/// `command` with its output and errors going to files of these names in the container's log directory.
pub fn redirect_to_log_dir(command: &str, stdout: &str, stderr: &str) -> String {
    format!("{command} 1>{LOG_DIR}/{stdout} 2>{LOG_DIR}/{stderr}")
}

/// `text` as one argument of a command of a [`ContainerLaunchContext`](super::ContainerLaunchContext), such that the
/// process gets exactly `text`.
///
/// # Errors
/// [`QuoteError::Nul`].
pub fn quote_argument(text: &str) -> Result<String, QuoteError> {
    check(text)?;
    let inner = break_markers(&text.replace('\'', r"'\''"), "''");
    Ok(escape_in_double_quotes(&format!("'{inner}'")))
}

/// `text` as a value of the environment of a [`ContainerLaunchContext`](super::ContainerLaunchContext), such that the
/// process sees exactly `text`.
///
/// # Errors
/// [`QuoteError::Nul`].
pub fn quote_environment_value(text: &str) -> Result<String, QuoteError> {
    check(text)?;
    // The quotes that end and reopen the value must not be escaped themselves, so they come last.
    Ok(break_markers(&escape_in_double_quotes(text), "\"\""))
}

fn check(text: &str) -> Result<(), QuoteError> {
    text.find('\0')
        .map_or(Ok(()), |position| Err(QuoteError::Nul(position)))
}

fn escape_in_double_quotes(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if matches!(character, '\\' | '"' | '$' | '`') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// Puts `nothing`, which the shell reads as nothing, inside what the NodeManager would take for a marker.
fn break_markers(text: &str, nothing: &str) -> String {
    let mut broken = String::with_capacity(text.len() + 8);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        broken.push(character);
        let opens_marker = match character {
            '{' | '}' => characters.peek() == Some(&character),
            '<' => characters.peek().is_some_and(char::is_ascii_uppercase),
            _ => false,
        };
        if opens_marker {
            broken.push_str(nothing);
        }
    }
    broken
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    /// What a NodeManager does with markers.
    fn replace_markers(text: &str) -> String {
        text.replace("<LOG_DIR>", "/logs")
            .replace("<CPS>", ":")
            .replace("{{", "$")
            .replace("}}", "")
    }

    /// Runs the script that a NodeManager would write for these, and returns what the process got.
    fn launch(value: &str, argument: &str) -> (String, String) {
        let script = format!(
            "set -o pipefail -e\nexport VALUE=\"{}\"\nexec /bin/bash -c \"{}\"\n",
            replace_markers(value),
            replace_markers(&format!(
                "printf '%s\\0' {{{{VALUE_IS_UNSET}}}} {argument}; printenv -0 VALUE"
            )),
        );
        let output = Command::new("/bin/bash").arg("-c").arg(&script).output().unwrap();
        assert!(
            output.status.success(),
            "{script}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let text = String::from_utf8(output.stdout).unwrap();
        let mut parts = text.split('\0');
        let argument = parts.next().unwrap().to_owned();
        (parts.next().unwrap().to_owned(), argument)
    }

    #[test]
    fn hard_texts_arrive_as_they_are() {
        for text in [
            "",
            "plain",
            "two words",
            "it's",
            "a \"quoted\" $HOME `id` \\ back\\\\slash \\$x",
            "{\"a\":{\"b\":{}}}",
            "{{HOME}} <LOG_DIR> <CPS> }}}} {{{",
            "line\nbreak\ttab\\\n",
            "!history #comment *glob ~ ;|&<>()",
            "größe 値",
            "''\"\"",
            "\\'\"$",
        ] {
            let got = launch(&quote_environment_value(text).unwrap(), &quote_argument(text).unwrap());
            assert_eq!(got, (text.to_owned(), text.to_owned()));
        }
    }

    #[test]
    fn markers_that_are_meant_are_kept() {
        assert_eq!(variable("HADOOP_CONF_DIR"), "{{HADOOP_CONF_DIR}}");
        assert_eq!(
            redirect_to_log_dir("run", "a.out", "a.err"),
            "run 1><LOG_DIR>/a.out 2><LOG_DIR>/a.err"
        );
    }

    #[test]
    fn a_nul_is_refused() {
        assert_eq!(quote_argument("a\0"), Err(QuoteError::Nul(1)));
        assert_eq!(quote_environment_value("\0"), Err(QuoteError::Nul(0)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn every_text_arrives_as_it_is(text in "[ -~\\n\\t]{0,24}|[{}<>LOG_DIRCPS$`'\"\\\\]{0,24}") {
            let got = launch(&quote_environment_value(&text).unwrap(), &quote_argument(&text).unwrap());
            prop_assert_eq!(got, (text.clone(), text));
        }
    }
}
