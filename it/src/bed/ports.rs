//! A block of free ports that no other bed of this machine takes.

use std::net::{Ipv4Addr, TcpListener};

use super::error::BedError;

/// Below the ephemeral range, which starts at 32768: a port in it is sometimes taken by an outgoing connection.
const FROM: u16 = 20_000;
const TO: u16 = 32_000;
const BLOCK: u16 = 60;

/// Ports to hand out, free when they were looked at. The block is this process's own until this is dropped.
#[derive(Debug)]
pub(super) struct Ports {
    next: u16,
    end: u16,
    /// Listens on the block's first port: the mark that every other bed sees, whoever runs it, and that goes with the
    /// process however it ends.
    _mark: TcpListener,
}

impl Ports {
    /// `count` consecutive ports.
    pub(super) fn reserve(count: u16) -> Result<Self, BedError> {
        let none = || BedError::NoPorts {
            from: FROM,
            to: TO,
            count,
        };
        if count >= BLOCK {
            return Err(none());
        }
        let mut blocks = (FROM..=TO - BLOCK).step_by(BLOCK.into());
        blocks.find_map(|mark| Self::take(mark, count)).ok_or_else(none)
    }

    fn take(mark: u16, count: u16) -> Option<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, mark)).ok()?;
        let first = mark + 1;
        let all_free = (first..first + count).all(is_free);
        all_free.then_some(Self {
            next: first,
            end: first + count,
            _mark: listener,
        })
    }

    pub(super) fn next(&mut self) -> u16 {
        assert!(self.next < self.end, "the block is as large as what is taken from it");
        self.next += 1;
        self.next - 1
    }
}

/// Binding the wildcard address fails if any address has a listener on that port.
fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_blocks_share_no_port() {
        let mut first = Ports::reserve(8).unwrap();
        let mut second = Ports::reserve(8).unwrap();
        let of = |ports: &mut Ports| (0..8).map(|_| ports.next()).collect::<Vec<_>>();
        let (first, second) = (of(&mut first), of(&mut second));
        assert!(first.iter().all(|port| !second.contains(port)), "{first:?} {second:?}");
        assert!(first.iter().chain(&second).all(|port| (FROM..TO).contains(port)));
    }

    #[test]
    fn a_port_that_has_a_listener_on_another_loopback_address_is_not_free() {
        let listener = TcpListener::bind("127.0.0.3:0").unwrap();
        assert!(!is_free(listener.local_addr().unwrap().port()));
    }

    #[test]
    fn more_ports_than_a_block_holds_are_refused() {
        assert!(
            Ports::reserve(BLOCK)
                .unwrap_err()
                .to_string()
                .contains("60 consecutive")
        );
    }
}
