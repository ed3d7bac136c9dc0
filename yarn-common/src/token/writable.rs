//! Hadoop's `Writable` primitives: variable-length integers, byte strings and text.

use bytes::{Buf, BufMut, Bytes};

use super::TokenError;

/// The longest VLong.
pub(super) const MAX_VLONG: usize = 9;

/// Appends a VLong: one byte for -112..=127, else a length marker and the big-endian magnitude.
pub(super) fn put_vlong(out: &mut impl BufMut, value: i64) {
    if (-112..=127).contains(&value) {
        out.put_i8(value as i8);
        return;
    }
    let (magnitude, base) = if value < 0 { (!value, -120_i8) } else { (value, -112_i8) };
    let bytes = magnitude.to_be_bytes();
    let length = 8 - (magnitude.leading_zeros() / 8) as usize;
    out.put_i8(base - length as i8);
    out.put_slice(&bytes[8 - length..]);
}

/// Appends a length and the bytes.
pub(super) fn put_bytes(out: &mut impl BufMut, bytes: &[u8]) {
    put_vlong(out, bytes.len() as i64);
    out.put_slice(bytes);
}

/// Reads a VLong. `what` names the field in the error.
pub(super) fn get_vlong(input: &mut Bytes, what: &'static str) -> Result<i64, TokenError> {
    let first = input.try_get_i8().map_err(|_| TokenError::Truncated { what })?;
    let (length, negative) = match first {
        -112..=127 => return Ok(i64::from(first)),
        -120..=-113 => ((-112 - i16::from(first)) as usize, false),
        _ => ((-120 - i16::from(first)) as usize, true),
    };
    if input.remaining() < length {
        return Err(TokenError::Truncated { what });
    }
    let magnitude = (0..length).fold(0_i64, |value, _| (value << 8) | i64::from(input.get_u8()));
    Ok(if negative { !magnitude } else { magnitude })
}

/// Reads a VInt: a VLong of 32 bits.
pub(super) fn get_vint(input: &mut Bytes, what: &'static str) -> Result<i32, TokenError> {
    let value = get_vlong(input, what)?;
    i32::try_from(value).map_err(|_| TokenError::Length { what, value })
}

/// The most bytes that [`put_bytes`] appends.
pub(super) fn bytes_bound(bytes: &[u8]) -> usize {
    MAX_VLONG + bytes.len()
}

/// Reads a count or a length, which must be in `0..=remaining`: what is counted takes at least a byte each.
pub(super) fn get_length(input: &mut Bytes, what: &'static str) -> Result<usize, TokenError> {
    let value = get_vlong(input, what)?;
    match usize::try_from(value) {
        Err(_) => Err(TokenError::Length { what, value }),
        Ok(length) if length > input.remaining() => Err(TokenError::Truncated { what }),
        Ok(length) => Ok(length),
    }
}

/// Reads a length and that many bytes.
pub(super) fn get_bytes(input: &mut Bytes, what: &'static str) -> Result<Bytes, TokenError> {
    let length = get_length(input, what)?;
    Ok(input.split_to(length))
}

/// Reads a length and that many bytes of UTF-8.
pub(super) fn get_text(input: &mut Bytes, what: &'static str) -> Result<String, TokenError> {
    let bytes = get_bytes(input, what)?;
    String::from_utf8(bytes.to_vec()).map_err(|_| TokenError::NotText { what })
}
