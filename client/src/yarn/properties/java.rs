//! The form of Java's `Properties`, as far as it is needed to share a file with Flink: `key=value` lines, comments, lines
//! that go on, escapes.

use std::collections::BTreeMap;

/// All properties; the last of a name holds.
pub(super) fn parse(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut properties = BTreeMap::new();
    for line in logical_lines(text) {
        let (key, value) = split(&line);
        properties.insert(unescape(key)?, unescape(value)?);
    }
    Ok(properties)
}

/// Lines without blanks before them, comments and empty ones; one that ends in an unescaped backslash goes on in the next.
fn logical_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut open = String::new();
    for line in text.lines().map(|line| line.trim_start_matches([' ', '\t', '\u{c}'])) {
        if open.is_empty() && (line.is_empty() || line.starts_with(['#', '!'])) {
            continue;
        }
        let backslashes = line.len() - line.trim_end_matches('\\').len();
        if backslashes % 2 == 1 {
            open.push_str(&line[..line.len() - 1]);
        } else {
            open.push_str(line);
            lines.push(std::mem::take(&mut open));
        }
    }
    if !open.is_empty() {
        lines.push(open);
    }
    lines
}

/// The key ends at the first unescaped `=`, `:` or blank.
fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    let is_end = |(_, c): &(usize, char)| {
        let ends = !escaped && matches!(c, '=' | ':' | ' ' | '\t' | '\u{c}');
        escaped = !escaped && *c == '\\';
        ends
    };
    let Some((end, _)) = line.char_indices().find(is_end) else {
        return (line, "");
    };
    let rest = line[end..].trim_start();
    let value = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    (&line[..end], value.trim_start())
}

fn unescape(text: &str) -> Result<String, String> {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        match characters.next() {
            Some('t') => plain.push('\t'),
            Some('n') => plain.push('\n'),
            Some('r') => plain.push('\r'),
            Some('f') => plain.push('\u{c}'),
            Some('u') => {
                let digits: String = characters.by_ref().take(4).collect();
                let code = u32::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 4);
                let character = code.and_then(char::from_u32);
                plain.push(character.ok_or_else(|| format!("\\u{digits} is no character"))?);
            }
            Some(other) => plain.push(other),
            None => {}
        }
    }
    Ok(plain)
}

/// The entries below a comment, escaped.
pub(super) fn render(comment: &str, entries: &BTreeMap<&str, String>) -> String {
    let lines = entries.iter().map(|(key, value)| format!("{key}={}\n", escape(value)));
    format!("#{comment}\n{}", lines.collect::<String>())
}

fn escape(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for (position, c) in value.chars().enumerate() {
        match c {
            '\\' | '=' | ':' | '#' | '!' => escaped.extend(['\\', c]),
            ' ' if position == 0 => escaped.push_str("\\ "),
            '\t' => escaped.push_str("\\t"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            ' '..='~' => escaped.push(c),
            // As Java does: its readers take the file for Latin-1.
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    escaped.push_str(&format!("\\u{unit:04X}"));
                }
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_javas_own_documentation_are_read() {
        for text in [
            "Truth = Beauty",
            " Truth:Beauty",
            "Truth                    :Beauty",
            "Truth Beau\\\n   ty",
        ] {
            let read = parse(text).unwrap();
            assert_eq!(read["Truth"], "Beauty", "{text}");
        }
        let read = parse("# no\n! no\n\ncheeses\na\\=b=c\\\\\nlast=1\nlast=2").unwrap();
        let expected = [("a=b", "c\\"), ("cheeses", ""), ("last", "2")];
        let read: Vec<_> = read.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(read, expected);
    }

    #[test]
    fn what_is_written_is_read_again() {
        for value in ["", "a=b@@c:d", " x", "tab\tnew\nline\\", "é ü €"] {
            let text = render("c", &BTreeMap::from([("k", value.to_owned())]));
            assert_eq!(parse(&text).unwrap()["k"], value, "{text}");
        }
    }
}
