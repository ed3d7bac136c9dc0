//! `words(text)`: the runs of ASCII letters and digits in a text, as they are written.

use arrow::array::{Array, ListArray, StringArray};
use arrow::error::ArrowError;
use datafusion_common::DataFusionError;
use datafusion_expr::ColumnarValue;

use super::text_function::TextFunction;
use super::text_lists::{list_array, offset};

#[derive(Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Words;

impl TextFunction for Words {
    const NAME: &'static str = "words";
    const ARGUMENTS: usize = 1;

    fn lists(texts: &StringArray, _others: &[ColumnarValue]) -> Result<ListArray, DataFusionError> {
        Ok(words(texts)?)
    }
}

/// 1 for the bytes of words, 0 for those between them.
const IN_WORD: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        if (byte as u8).is_ascii_alphanumeric() {
            table[byte] = 1;
        }
        byte += 1;
    }
    table
};

fn words(texts: &StringArray) -> Result<ListArray, ArrowError> {
    let ends = texts.value_offsets();
    let total = ends[ends.len() - 1] - ends[0];
    let mut scan = Scan::new(usize::try_from(total).unwrap_or_default());
    let mut list_ends = Vec::with_capacity(texts.len() + 1);
    list_ends.push(0);
    for row in 0..texts.len() {
        if texts.is_valid(row) {
            scan.add(texts.value(row).as_bytes())?;
        }
        list_ends.push(offset(scan.words)?);
    }
    let (bytes, word_ends) = scan.finish();
    list_array(bytes, word_ends, list_ends, texts.nulls().cloned())
}

/// Packs words without a branch for each byte: every byte is written where the next byte of a word belongs and the place
/// moves on only behind a byte of a word; the end of a word is noted likewise.
struct Scan {
    packed: Vec<u8>,
    length: usize,
    word_ends: Vec<i32>,
    words: usize,
}

impl Scan {
    /// For this many bytes of text.
    fn new(bytes: usize) -> Self {
        Self {
            // One more, for the byte behind the last word, which is written and not kept.
            packed: vec![0; bytes + 1],
            length: 0,
            word_ends: vec![0],
            words: 0,
        }
    }

    fn add(&mut self, text: &[u8]) -> Result<(), ArrowError> {
        // Checked once for the text, so that the loop's conversions to i32 cannot overflow.
        offset(self.length + text.len())?;
        let most_words = text.len() / 2 + 2;
        if self.word_ends.len() < self.words + most_words + 1 {
            self.word_ends.resize(self.words + most_words + 1, 0);
        }
        let packed = &mut self.packed[self.length..=self.length + text.len()];
        let ends = &mut self.word_ends[self.words + 1..];
        let (mut length, mut words, mut before) = (0, 0, 0);
        for &byte in text {
            let inside = IN_WORD[usize::from(byte)];
            packed[length] = byte;
            ends[words] = (self.length + length) as i32;
            words += usize::from(before & !inside);
            length += usize::from(inside);
            before = inside;
        }
        ends[words] = (self.length + length) as i32;
        words += usize::from(before);
        self.length += length;
        self.words += words;
        Ok(())
    }

    fn finish(mut self) -> (Vec<u8>, Vec<i32>) {
        self.packed.truncate(self.length);
        self.word_ends.truncate(self.words + 1);
        (self.packed, self.word_ends)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::lists;
    use super::*;

    #[test]
    fn words_are_runs_of_letters_and_digits() {
        let texts = StringArray::from(vec![Some("Don't, 3rd café!"), None, Some(""), Some(" -- "), Some("a")]);
        let expected = [
            Some(vec!["Don", "t", "3rd", "caf"]),
            None,
            Some(vec![]),
            Some(vec![]),
            Some(vec!["a"]),
        ];
        let expected: Vec<_> = expected
            .into_iter()
            .map(|list| list.map(|words| words.into_iter().map(str::to_owned).collect::<Vec<_>>()))
            .collect();
        assert_eq!(lists(&words(&texts).unwrap()), expected);
        assert_eq!(lists(&words(&texts.slice(2, 3)).unwrap()), expected[2..]);
    }

    proptest! {
        #[test]
        fn words_are_what_a_split_finds(texts in prop::collection::vec("[ a-cZ0é,]{0,12}", 0..20)) {
            let split = |text: &String| -> Vec<String> {
                text.split(|c: char| !c.is_ascii_alphanumeric())
                    .filter(|word| !word.is_empty())
                    .map(str::to_owned)
                    .collect()
            };
            let expected: Vec<_> = texts.iter().map(|text| Some(split(text))).collect();
            prop_assert_eq!(lists(&words(&StringArray::from(texts)).unwrap()), expected);
        }
    }
}
