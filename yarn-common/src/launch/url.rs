use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Where a local resource is, in the parts in which YARN carries it; the path is not percent-encoded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceUrl {
    /// `hdfs`, `file`, `s3a` …
    pub scheme: String,
    /// The part before `@`, if any.
    pub user_info: Option<String>,
    /// A host or the name of an HDFS nameservice; an IPv6 address has no brackets here.
    pub host: Option<String>,
    /// The port, if any; a nameservice has none.
    pub port: Option<u16>,
    /// The path, beginning with `/`.
    pub path: String,
}

/// A text that is not a URL with a scheme and an absolute path.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} is not the URL of a file: {reason}; expected the form hdfs://host:port/path")]
pub struct ParseUrlError {
    /// The text that was given.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl ResourceUrl {
    /// The text of a URI: what a URI may not hold is percent-encoded in the path. [`Display`](fmt::Display) does not.
    pub fn to_uri(&self) -> String {
        let mut encoded = String::with_capacity(self.path.len());
        for byte in self.path.bytes() {
            if byte.is_ascii_alphanumeric() || b"-_.~/!$&'()*+,;=:@".contains(&byte) {
                encoded.push(char::from(byte));
            } else {
                encoded.push_str(&format!("%{byte:02X}"));
            }
        }
        Self {
            path: encoded,
            ..self.clone()
        }
        .to_string()
    }
}

impl fmt::Display for ResourceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.scheme)?;
        if let Some(host) = &self.host {
            f.write_str("//")?;
            if let Some(user_info) = &self.user_info {
                write!(f, "{user_info}@")?;
            }
            if host.contains(':') {
                write!(f, "[{host}]")?;
            } else {
                f.write_str(host)?;
            }
            if let Some(port) = self.port {
                write!(f, ":{port}")?;
            }
        } else {
            f.write_str("//")?;
        }
        f.write_str(&self.path)
    }
}

impl FromStr for ResourceUrl {
    type Err = ParseUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = |reason| ParseUrlError {
            text: text.to_owned(),
            reason,
        };
        let (scheme, rest) = text.split_once(':').ok_or_else(|| error("it has no scheme"))?;
        let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
        if !is_scheme {
            return Err(error("it has no scheme"));
        }
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
            None => ("", rest),
        };
        if !path.starts_with('/') {
            return Err(error("it has no absolute path"));
        }
        let (user_info, address) = match authority.rsplit_once('@') {
            Some((user_info, address)) => (Some(user_info.to_owned()), address),
            None => (None, authority),
        };
        let (host, port) = host_and_port(address).ok_or_else(|| error("its port is not a number up to 65535"))?;
        Ok(Self {
            scheme: scheme.to_owned(),
            user_info,
            host,
            port,
            path: path.to_owned(),
        })
    }
}

fn host_and_port(address: &str) -> Option<(Option<String>, Option<u16>)> {
    let (host, port) = match address.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            (host, rest.strip_prefix(':'))
        }
        None => address
            .split_once(':')
            .map_or((address, None), |(host, port)| (host, Some(port))),
    };
    let port = match port {
        Some(port) => Some(port.parse().ok()?),
        None => None,
    };
    Some(((!host.is_empty()).then(|| host.to_owned()), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_have_parts_and_keep_their_text() {
        for (text, host, port, path) in [
            (
                "hdfs://nn:8020/user/a b/x%20y",
                Some("nn"),
                Some(8020),
                "/user/a b/x%20y",
            ),
            ("hdfs://ns1/x", Some("ns1"), None, "/x"),
            ("hdfs://[::1]:8020/x", Some("::1"), Some(8020), "/x"),
            ("file:///tmp/x", None, None, "/tmp/x"),
        ] {
            let url: ResourceUrl = text.parse().unwrap();
            assert_eq!((url.host.as_deref(), url.port, url.path.as_str()), (host, port, path));
            assert_eq!(url.to_string(), text);
        }
        assert_eq!(
            "file:/tmp/x".parse::<ResourceUrl>().unwrap().to_string(),
            "file:///tmp/x"
        );
        assert_eq!(
            "abfs://c@a.net/x".parse::<ResourceUrl>().unwrap().user_info.as_deref(),
            Some("c")
        );
    }

    #[test]
    fn a_uri_is_percent_encoded() {
        let url: ResourceUrl = "hdfs://nn:8020/a b/100%/[x]|é#?".parse().unwrap();
        assert_eq!(url.to_uri(), "hdfs://nn:8020/a%20b/100%25/%5Bx%5D%7C%C3%A9%23%3F");
    }

    #[test]
    fn a_bad_url_says_what_is_wrong() {
        for (text, reason) in [
            ("/tmp/x", "no scheme"),
            ("hdfs://nn:8020", "no absolute path"),
            ("hdfs:x", "no absolute path"),
            ("hdfs://nn:99999/x", "port"),
            (":/x", "no scheme"),
        ] {
            let message = text.parse::<ResourceUrl>().unwrap_err().to_string();
            assert!(message.contains(reason), "{text}: {message}");
        }
    }
}
