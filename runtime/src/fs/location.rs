//! A path with its scheme and authority: `hdfs://namenode:8020/in/a.txt`, `file:///tmp/a.txt`.

use std::fmt;

use thiserror::Error;

/// An absolute path on a named file system.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    scheme: String,
    authority: String,
    path: String,
}

/// A text that is no location.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("'{text}' is not a path: {reason}")]
pub struct ParseLocationError {
    text: String,
    reason: &'static str,
}

impl Location {
    /// The root of a file system.
    pub fn root(scheme: impl Into<String>, authority: impl Into<String>) -> Self {
        Self {
            scheme: scheme.into(),
            authority: authority.into(),
            path: "/".to_owned(),
        }
    }

    /// A location on the local disk.
    pub fn local(path: &std::path::Path) -> Self {
        Self::root("file", "").with_path(&path.to_string_lossy())
    }

    /// Reads a user's text. Without a scheme the path belongs to `default`; a relative one is refused but on the local
    /// disk, where it stands below the current directory. `.`, `..` and repeated slashes are resolved by text.
    pub fn parse(text: &str, default: &Self) -> Result<Self, ParseLocationError> {
        let fail = |reason| ParseLocationError {
            text: text.to_owned(),
            reason,
        };
        if text.is_empty() {
            return Err(fail("it is empty"));
        }
        if let Some((scheme, rest)) = split_scheme(text) {
            let (authority, path) = match rest.strip_prefix("//") {
                None => ("", rest),
                Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
            };
            let path = if path.is_empty() { "/" } else { path };
            if !path.starts_with('/') {
                return Err(fail("the path after the scheme must start with '/'"));
            }
            // `hdfs:///path` means the default NameNode, as in Hadoop.
            let authority = if authority.is_empty() && scheme == default.scheme {
                &default.authority
            } else {
                authority
            };
            return Ok(Self::root(scheme, authority).with_path(path));
        }
        if text.starts_with('/') {
            return Ok(default.with_path(text));
        }
        if default.scheme != "file" {
            return Err(fail(
                "it is relative; write an absolute path, or file:///… for the local disk",
            ));
        }
        let current = std::env::current_dir().map_err(|_| fail("it is relative and there is no current directory"))?;
        Ok(default.with_path(&current.join(text).to_string_lossy()))
    }

    /// `file`, `hdfs`, …
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// `host:port` or a name service; empty for the local disk.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The absolute path, without a slash at the end but for the root.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The last part of the path; empty for the root.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// Another absolute path on the same file system.
    pub fn with_path(&self, path: &str) -> Self {
        Self {
            scheme: self.scheme.clone(),
            authority: self.authority.clone(),
            path: normalise(path),
        }
    }

    /// A path below this one.
    pub fn join(&self, relative: &str) -> Self {
        self.with_path(&format!("{}/{relative}", self.path))
    }

    /// Whether it lies in `directory`, at any depth.
    pub fn is_below(&self, directory: &Self) -> bool {
        std::iter::successors(self.parent(), Self::parent).any(|above| &above == directory)
    }

    /// The directory above; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        let (above, name) = self.path.rsplit_once('/')?;
        (!name.is_empty()).then(|| self.with_path(above))
    }
}

fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let valid = scheme.len() > 1
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    valid.then_some((scheme, rest))
}

fn normalise(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_locations() {
        let hdfs = Location::root("hdfs", "nn:8020");
        let cases = [
            ("/a//b/../c/", "hdfs://nn:8020/a/c"),
            ("hdfs:///in", "hdfs://nn:8020/in"),
            ("hdfs://other:9000/in", "hdfs://other:9000/in"),
            ("hdfs://other:9000", "hdfs://other:9000/"),
            ("file:///tmp/x", "file:///tmp/x"),
            ("file:/tmp/x", "file:///tmp/x"),
        ];
        for (text, expected) in cases {
            assert_eq!(Location::parse(text, &hdfs).unwrap().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn a_relative_path_is_local_or_refused() {
        let local = Location::parse("x.txt", &Location::root("file", "")).unwrap();
        assert_eq!(local, Location::local(&std::env::current_dir().unwrap().join("x.txt")));
        assert!(
            Location::parse("x.txt", &Location::root("hdfs", "nn"))
                .unwrap_err()
                .to_string()
                .contains("relative")
        );
    }

    #[test]
    fn parents_end_at_the_root() {
        let location = Location::root("hdfs", "nn").join("a/b");
        assert_eq!(location.parent().unwrap().path(), "/a");
        assert_eq!(location.parent().unwrap().parent().unwrap().path(), "/");
        assert_eq!(Location::root("hdfs", "nn").parent(), None);
        assert_eq!(location.name(), "b");
    }
}
