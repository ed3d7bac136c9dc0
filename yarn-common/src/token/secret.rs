//! Memory that holds secrets.

use bytes::Bytes;
use zeroize::{Zeroize, Zeroizing};

/// These bytes, overwritten with zeros when the last reference to them or to a part of them is dropped.
pub(super) fn zeroized(bytes: Vec<u8>) -> Bytes {
    Bytes::from_owner(Zeroizing::new(bytes))
}

/// A copy that is [`zeroized`]; `source` is overwritten too, unless others still refer to it.
pub(super) fn taken_over(source: Bytes) -> Bytes {
    let copy = zeroized(source.to_vec());
    if let Ok(mut unique) = source.try_into_mut() {
        unique.as_mut().zeroize();
    }
    copy
}
