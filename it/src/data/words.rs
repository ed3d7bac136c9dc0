//! Words and how often they were seen.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Sorted by word, each once.
pub type WordCounts = BTreeMap<String, u64>;

/// Reads the WordCount's output, `word,count` a line, from the contents of all its part files.
///
/// # Panics
///
/// If a line is something else, or a word is there twice: it was counted in two places.
#[must_use]
pub fn counts_in_csv<'a>(parts: impl IntoIterator<Item = &'a str>) -> WordCounts {
    let mut counts = WordCounts::new();
    for line in parts.into_iter().flat_map(str::lines) {
        let (word, count) = line
            .split_once(',')
            .unwrap_or_else(|| panic!("'{line}' is no word and count"));
        let count = count.parse().unwrap_or_else(|_| panic!("'{line}' ends with no count"));
        match counts.entry(word.to_owned()) {
            Entry::Vacant(entry) => entry.insert(count),
            Entry::Occupied(entry) => panic!("'{word}' was counted twice: {} and {count}", entry.get()),
        };
    }
    counts
}

/// The counts of two texts together.
#[must_use]
pub fn merge(mut one: WordCounts, other: WordCounts) -> WordCounts {
    for (word, count) in other {
        *one.entry(word).or_default() += count;
    }
    one
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_together() {
        let counts = counts_in_csv(["a,1\nb,2\n", "", "c,3\n"]);
        assert_eq!(counts.values().sum::<u64>(), 6);
        assert_eq!(merge(counts.clone(), counts).get("c"), Some(&6));
    }

    #[test]
    #[should_panic(expected = "'a' was counted twice")]
    fn a_word_in_two_parts_is_a_fault() {
        let _ = counts_in_csv(["a,1\n", "a,2\n"]);
    }
}
