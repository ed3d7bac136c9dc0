//! The keys of groups as bytes, one after another.

use std::ops::Range;

use arrow::error::ArrowError;

use super::groups::vector_growth;

pub(super) struct Keys {
    bytes: Vec<u8>,
    /// Where each key starts, and where the last ends.
    starts: Vec<usize>,
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            bytes: Vec::new(),
            starts: vec![0],
        }
    }
}

impl Keys {
    /// The number of the group that gets this key.
    pub(super) fn push(&mut self, key: &[u8]) -> Result<u32, ArrowError> {
        let group = u32::try_from(self.len()).map_err(|_| ArrowError::OffsetOverflowError(self.len()))?;
        self.bytes.extend_from_slice(key);
        self.starts.push(self.bytes.len());
        Ok(group)
    }

    pub(super) fn get(&self, group: usize) -> &[u8] {
        &self.bytes[self.starts[group]..self.starts[group + 1]]
    }

    pub(super) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// How long these keys are together.
    pub(super) fn bytes_of(&self, groups: &Range<usize>) -> usize {
        self.starts[groups.end] - self.starts[groups.start]
    }

    pub(super) fn size(&self) -> usize {
        self.bytes.capacity() + self.starts.capacity() * size_of::<usize>()
    }

    /// What it may take besides for so many more keys of so many bytes together.
    pub(super) fn growth(&self, keys: usize, bytes: usize) -> usize {
        vector_growth::<u8>(self.bytes.len(), self.bytes.capacity(), bytes)
            + vector_growth::<usize>(self.starts.len(), self.starts.capacity(), keys)
    }
}
