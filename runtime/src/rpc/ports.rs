//! Binding to the first free port of a value, a list or a range, as Flink's port options allow: `0`, `8081`, `50100-50200`,
//! `8081,9000-9010`.

use std::io;
use std::ops::RangeInclusive;
use std::str::FromStr;

use thiserror::Error;

use crate::machine::Listener;

/// Ports to try, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortRange(Vec<RangeInclusive<u16>>);

/// A text that is no port range, or a range without a free port.
#[derive(Debug, Error)]
pub enum PortRangeError {
    /// The text cannot be read.
    #[error("'{text}' is not a port, a list or a range of ports; write for example 0, 8081 or 50100-50200,50300")]
    Syntax {
        /// As given.
        text: String,
    },
    /// Every port is taken.
    #[error("none of the ports {ports} of {host} can be bound ({last}); widen the range")]
    Exhausted {
        /// The address to bind to.
        host: String,
        /// The ports.
        ports: PortRange,
        /// The last port's error.
        last: io::Error,
    },
}

impl PortRange {
    /// Any free port.
    pub fn any() -> Self {
        Self(vec![0..=0])
    }
}

impl FromStr for PortRange {
    type Err = PortRangeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = || PortRangeError::Syntax { text: text.to_owned() };
        let range = |part: &str| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let first: u16 = first.trim().parse().map_err(|_| fail())?;
            let last: u16 = last.trim().parse().map_err(|_| fail())?;
            if first <= last { Ok(first..=last) } else { Err(fail()) }
        };
        text.split(',').map(range).collect::<Result<_, _>>().map(Self)
    }
}

impl std::fmt::Display for PortRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, range) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            match (range.start(), range.end()) {
                (first, last) if first == last => write!(f, "{comma}{first}")?,
                (first, last) => write!(f, "{comma}{first}-{last}")?,
            }
        }
        Ok(())
    }
}

/// Listens on the first port of the range that is free.
pub async fn bind(host: &str, ports: &PortRange) -> Result<Listener, PortRangeError> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for port in ports.0.iter().cloned().flatten() {
        match Listener::bind(host, port).await {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(PortRangeError::Exhausted {
        host: host.to_owned(),
        ports: ports.clone(),
        last,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_read_back() {
        for text in ["0", "8081", "50100-50200", "8081,9000-9010"] {
            assert_eq!(text.parse::<PortRange>().unwrap().to_string(), text);
        }
        for text in ["", "x", "9-3", "70000", "1-"] {
            assert!(text.parse::<PortRange>().is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn a_taken_port_is_passed_over_and_an_exhausted_range_is_told() {
        let taken = bind("127.0.0.1", &PortRange::any()).await.unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = bind("127.0.0.1", &port.to_string().parse().unwrap()).await.unwrap_err();
        assert!(
            error
                .to_string()
                .contains(&format!("none of the ports {port} of 127.0.0.1")),
            "{error}"
        );
        let next = bind("127.0.0.1", &format!("{port},0").parse().unwrap()).await.unwrap();
        assert_ne!(next.local_addr().unwrap().port(), port);
    }
}
