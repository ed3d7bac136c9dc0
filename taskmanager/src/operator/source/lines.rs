//! The lines of a byte range of a file, whatever the range: a line belongs to the range that its first byte is in.
//!
//! Pure: says which bytes it needs next, is fed them, and gives blocks of whole lines.

use std::ops::Range;

use bytes::Bytes;
use memchr::{memchr, memrchr};

/// Bytes that are asked for at once.
const PIECE: u64 = 1 << 20;
/// Bytes that are asked for at once to find the end of the last line.
const TAIL_PIECE: u64 = 1 << 16;

/// Whole lines, one after another; only the last line of a file may lack its line end.
#[derive(Debug, Clone)]
pub(super) struct Block {
    /// Where in the file it starts.
    pub(super) offset: u64,
    /// The lines.
    pub(super) bytes: Bytes,
}

/// Reads a byte range line by line.
#[derive(Debug)]
pub(super) struct LineRange {
    end: u64,
    file_length: u64,
    /// The next byte to be asked for.
    position: u64,
    /// The start of a line whose end has not come yet; it lies before `position`.
    pending: Vec<u8>,
    /// Whether the line at the start belongs to the range before.
    skip_first: bool,
    done: bool,
}

impl LineRange {
    /// The lines that start in `range` of a file of this length.
    pub(super) fn new(range: Range<u64>, file_length: u64) -> Self {
        let end = range.end.min(file_length);
        Self {
            end,
            file_length,
            // A line starts at `start` only if the byte before ends one.
            position: range.start.saturating_sub(1),
            pending: Vec::new(),
            skip_first: range.start > 0,
            done: range.start >= end,
        }
    }

    /// The bytes to feed next, `None` where all lines have come.
    pub(super) fn wanted(&self) -> Option<Range<u64>> {
        if self.done {
            return None;
        }
        let until = if self.position < self.end {
            self.end.min(self.position + PIECE)
        } else {
            self.file_length.min(self.position + TAIL_PIECE)
        };
        Some(self.position..until)
    }

    /// Bytes of a line whose end has not come yet.
    pub(super) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Where the line starts whose end has not come yet.
    pub(super) fn pending_offset(&self) -> u64 {
        self.position - self.pending.len() as u64
    }

    /// Takes all bytes of the wanted range and gives the lines that are whole now.
    pub(super) fn feed(&mut self, piece: Bytes) -> Option<Block> {
        let mut piece = piece;
        if self.skip_first {
            piece = self.skip(piece)?;
        }
        let offset = self.pending_offset();
        let searched = self.pending.len();
        self.position += piece.len() as u64;
        let data = self.joined(piece);
        let keep = self.whole_lines(&data, offset, searched);
        self.pending.extend_from_slice(&data[keep..]);
        if self.done {
            self.pending.clear();
        }
        (keep > 0).then(|| Block {
            offset,
            bytes: data.slice(..keep),
        })
    }

    /// Drops the rest of a line that another range reads; what is left behind it, if any.
    fn skip(&mut self, mut piece: Bytes) -> Option<Bytes> {
        let Some(line_end) = memchr(b'\n', &piece) else {
            self.position += piece.len() as u64;
            self.done = self.position >= self.end;
            return None;
        };
        let rest = piece.split_off(line_end + 1);
        self.skip_first = false;
        self.position += piece.len() as u64;
        self.done = self.position >= self.end;
        (!self.done).then_some(rest)
    }

    fn joined(&mut self, piece: Bytes) -> Bytes {
        if self.pending.is_empty() {
            return piece;
        }
        let mut joined = std::mem::take(&mut self.pending);
        joined.extend_from_slice(&piece);
        Bytes::from(joined)
    }

    /// How many bytes of the data are whole lines of this range. `searched` bytes at the start hold no line end.
    fn whole_lines(&mut self, data: &[u8], offset: u64, searched: usize) -> usize {
        if self.position >= self.end {
            // The last line holds the byte at `end - 1`.
            let last = usize::try_from((self.end - 1).saturating_sub(offset)).unwrap_or(usize::MAX);
            let from = last.max(searched).min(data.len());
            if let Some(line_end) = memchr(b'\n', &data[from..]) {
                self.done = true;
                return from + line_end + 1;
            }
            if self.position >= self.file_length {
                self.done = true;
                return data.len();
            }
        }
        memrchr(b'\n', &data[searched..]).map_or(0, |line_end| searched + line_end + 1)
    }
}

/// A line without its LF or CR LF, and whether it had one.
pub(super) fn without_line_end(line: &[u8]) -> &[u8] {
    match line {
        [text @ .., b'\r', b'\n'] | [text @ .., b'\n'] => text,
        text => text,
    }
}

/// The lines of whole lines, with their line ends.
pub(super) fn lines_of(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let length = memchr(b'\n', rest).map_or(rest.len(), |line_end| line_end + 1);
        let (line, behind) = rest.split_at(length);
        rest = behind;
        Some(line)
    })
}

/// How many bytes the first lines take.
pub(super) fn length_of_lines(bytes: &[u8], lines: usize) -> usize {
    let nth = memchr::memchr_iter(b'\n', bytes).nth(lines.saturating_sub(1));
    nth.map_or(bytes.len(), |line_end| line_end + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The lines of a range, read in pieces of at most `piece` bytes.
    fn read(file: &[u8], range: Range<u64>, piece: usize) -> Vec<(u64, Vec<u8>)> {
        let mut reader = LineRange::new(range, file.len() as u64);
        let mut found = Vec::new();
        while let Some(wanted) = reader.wanted() {
            let start = usize::try_from(wanted.start).unwrap();
            let end = usize::try_from(wanted.end).unwrap().min(start + piece);
            let Some(block) = reader.feed(Bytes::copy_from_slice(&file[start..end])) else {
                continue;
            };
            let mut offset = block.offset;
            for line in lines_of(&block.bytes) {
                found.push((offset, line.to_vec()));
                offset += line.len() as u64;
            }
        }
        found
    }

    fn expected(file: &[u8]) -> Vec<(u64, Vec<u8>)> {
        let mut offset = 0;
        let lines = file.split_inclusive(|byte| *byte == b'\n');
        let lines = lines.map(|line| {
            offset += line.len() as u64;
            (offset - line.len() as u64, line.to_vec())
        });
        lines.collect()
    }

    proptest! {
        #[test]
        fn splits_of_any_size_yield_each_line_once(
            file in prop::collection::vec(prop::sample::select(b"ab\r\n\xff".to_vec()), 0..60),
            split in 1_u64..70,
            piece in 1_usize..70,
        ) {
            let length = file.len() as u64;
            let mut found = Vec::new();
            let mut start = 0;
            while start < length {
                found.extend(read(&file, start..(start + split).min(length), piece));
                start += split;
            }
            prop_assert_eq!(found, expected(&file));
        }
    }

    #[test]
    fn a_boundary_between_cr_and_lf_splits_no_line() {
        let file = b"ab\r\ncd\r\n";
        assert_eq!(read(file, 0..3, 99), [(0, b"ab\r\n".to_vec())]);
        assert_eq!(read(file, 3..8, 99), [(4, b"cd\r\n".to_vec())]);
        assert_eq!(without_line_end(b"ab\r\n"), b"ab");
        assert_eq!(without_line_end(b"ab\r"), b"ab\r", "a CR alone is part of its line");
    }

    #[test]
    fn a_line_over_several_splits_belongs_to_the_first() {
        let file = b"x\nabcdefghij";
        assert_eq!(read(file, 0..4, 2), expected(file));
        assert_eq!(read(file, 4..8, 2), []);
        assert_eq!(read(file, 8..12, 2), []);
    }
}
