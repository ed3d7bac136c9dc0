//! The counts of a text's words, by tools that know nothing of Selvedge.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use super::text::{kept, make_once};
use super::words::WordCounts;

/// What the README promises of the WordCount, as one would check it at a shell.
const PIPELINE: &str = "tr -cs 'A-Za-z0-9' '\\n' | tr 'A-Z' 'a-z' | sort | uniq -c";

/// How often each word stands in a text: runs of ASCII letters and digits, lower-cased.
///
/// # Panics
///
/// If the tools are not there or fail.
#[must_use]
pub fn reference_counts(text: &Path) -> WordCounts {
    let name = text.file_name().expect("a text has a name").to_string_lossy();
    let counted = kept(&format!("{name}.counts"));
    make_once(&counted, |file| {
        let output = Command::new("/bin/sh")
            .args(["-c", PIPELINE])
            .env("LC_ALL", "C")
            .stdin(fs::File::open(text)?)
            .stderr(Stdio::inherit())
            .output()?;
        assert!(output.status.success(), "{PIPELINE} ended with {}", output.status);
        file.write_all(&output.stdout)
    });
    let lines = fs::read_to_string(&counted).expect("the counts were just written");
    lines.lines().filter_map(count_of).collect()
}

/// A line of `uniq -c`. What stands before a text's first word gives an empty one, which is none.
fn count_of(line: &str) -> Option<(String, u64)> {
    let (count, word) = line.trim_start().split_once(' ')?;
    let count = count.parse().expect("uniq -c writes a number first");
    (!word.is_empty()).then(|| (word.to_owned(), count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::zipf_text;

    #[test]
    fn words_are_runs_of_letters_and_digits_lower_cased() {
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join(format!("words-{}.txt", std::process::id()));
        fs::write(&text, "-- The the\tr2d2_THE, naïve\r\n").unwrap();
        let counts = reference_counts(&text);
        fs::remove_file(kept(&format!("words-{}.txt.counts", std::process::id()))).unwrap();
        let expected = [("na", 1), ("r2d2", 1), ("the", 3), ("ve", 1)];
        assert_eq!(counts, expected.map(|(word, count)| (word.to_owned(), count)).into());
    }

    #[test]
    fn few_words_are_frequent_and_many_are_rare() {
        let counts = reference_counts(&zipf_text(200_000, 3));
        let all: u64 = counts.values().sum();
        let most = *counts.values().max().unwrap();
        assert!(most * 20 > all && most * 5 < all, "{most} of {all}");
        let once = counts.values().filter(|count| **count == 1).count();
        assert!(once * 3 > counts.len(), "{once} of {}", counts.len());
    }
}
