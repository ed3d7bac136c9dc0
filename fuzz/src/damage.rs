//! Inputs: arbitrary ones, and samples with some damage each.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Bytes that mean something in many formats: ends of ranges, marks of lengths.
const TELLING: [u8; 8] = [0x00, 0x01, 0x7f, 0x80, 0x88, 0x8f, 0xfe, 0xff];
const LONGEST: usize = 512;
const MOST_DAMAGES: usize = 6;

#[derive(Clone, Debug)]
enum Damage {
    Flip { at: Index, bit: u8 },
    Set { at: Index, byte: u8 },
    Announce { at: Index, length: u32 },
    Insert { at: Index, bytes: Vec<u8> },
    Remove { at: Index, count: Index },
    Repeat { at: Index, count: Index, times: u8 },
    Cut { at: Index },
}

pub(super) fn inputs(samples: &[Vec<u8>]) -> impl Strategy<Value = Vec<u8>> + use<> {
    let damaged = (select(samples.to_vec()), vec(damages(), 1..=MOST_DAMAGES));
    prop_oneof![
        1 => vec(any::<u8>(), 0..LONGEST),
        4 => damaged.prop_map(|(sample, damages)| damages.iter().fold(sample, |bytes, damage| damage.apply(bytes))),
    ]
}

fn damages() -> impl Strategy<Value = Damage> {
    let place = any::<Index>;
    prop_oneof![
        (place(), 0..8_u8).prop_map(|(at, bit)| Damage::Flip { at, bit }),
        (place(), prop_oneof![any::<u8>(), select(&TELLING[..])]).prop_map(|(at, byte)| Damage::Set { at, byte }),
        (place(), any::<u32>()).prop_map(|(at, length)| Damage::Announce { at, length }),
        (place(), vec(any::<u8>(), 1..16)).prop_map(|(at, bytes)| Damage::Insert { at, bytes }),
        (place(), place()).prop_map(|(at, count)| Damage::Remove { at, count }),
        (place(), place(), 1..8_u8).prop_map(|(at, count, times)| Damage::Repeat { at, count, times }),
        place().prop_map(|at| Damage::Cut { at }),
    ]
}

impl Damage {
    fn apply(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        if bytes.is_empty() {
            return bytes;
        }
        let length = bytes.len();
        match self {
            Self::Flip { at, bit } => bytes[at.index(length)] ^= 1 << bit,
            Self::Set { at, byte } => bytes[at.index(length)] = *byte,
            Self::Announce { at, length: announced } => {
                let at = at.index(length);
                let end = length.min(at + 4);
                bytes[at..end].copy_from_slice(&announced.to_be_bytes()[..end - at]);
            }
            Self::Insert { at, bytes: more } => {
                let at = at.index(length + 1);
                bytes.splice(at..at, more.iter().copied());
            }
            Self::Remove { at, count } => {
                let at = at.index(length);
                bytes.drain(at..at + count.index(length - at + 1));
            }
            Self::Repeat { at, count, times } => {
                let at = at.index(length);
                let part = bytes[at..at + count.index(length - at + 1)].repeat((*times).into());
                bytes.splice(at..at, part);
            }
            Self::Cut { at } => bytes.truncate(at.index(length)),
        }
        bytes
    }
}
