//! A text whose words are distributed as in natural language: by Zipf's law.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::cli::target_directory;

pub const MEGABYTE: u64 = 1_000_000;

/// Raised when the generator changes, so that kept texts are not used any more.
const VERSION: u32 = 1;
const DISTINCT_WORDS: usize = 50_000;
const WORDS_PER_LINE: usize = 12;

/// A text of about this many bytes: the same for the same seed. Words are in mixed case, some hold digits, and between
/// them stand blanks, punctuation and other bytes that belong to no word, some of them not ASCII. Lines end with LF or
/// CR LF.
///
/// # Panics
///
/// If it cannot be written beside the build.
#[must_use]
pub fn zipf_text(bytes: u64, seed: u64) -> PathBuf {
    let path = kept(&format!("zipf-{VERSION}-{bytes}-{seed}.txt"));
    make_once(&path, |file| write_text(file, bytes, seed));
    path
}

/// A file that outlives this test run.
pub(super) fn kept(name: &str) -> PathBuf {
    target_directory().join("test-data").join(name)
}

/// Makes a file that is not there. Other processes see it as a whole, or not at all; the threads of this one make it
/// once.
pub(super) fn make_once(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) {
    static MAKING: Mutex<()> = Mutex::new(());
    // A thread that has panicked has left nothing half made.
    let _making = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    if !path.exists() {
        write_whole(path, write).unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
    }
}

fn write_whole(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> io::Result<()> {
    let folder = path.parent().expect("a kept file lies in a folder");
    fs::create_dir_all(folder)?;
    let temporary = tempfile::NamedTempFile::new_in(folder)?;
    let mut writer = BufWriter::with_capacity(1 << 20, temporary.reopen()?);
    write(&mut writer)?;
    writer.flush()?;
    temporary.persist(path)?;
    Ok(())
}

fn write_text(out: &mut impl Write, bytes: u64, seed: u64) -> io::Result<()> {
    let mut rng = StdRng::seed_from_u64(seed);
    let vocabulary: Vec<String> = (0..DISTINCT_WORDS).map(|rank| word(rank, &mut rng)).collect();
    let steps = cumulative_weights();
    let mut written = 0;
    let mut line = String::new();
    while written < bytes {
        line.clear();
        for _ in 0..WORDS_PER_LINE {
            let at: f64 = rng.random_range(0.0..1.0);
            push_word(&mut line, &vocabulary[rank_at(&steps, at)], &mut rng);
            line.push_str(separator(&mut rng));
        }
        line.push_str(if rng.random_bool(0.02) { "\r\n" } else { "\n" });
        out.write_all(line.as_bytes())?;
        written += line.len() as u64;
    }
    Ok(())
}

/// Shorter for the frequent ones, as in natural language. The rank is in it, in letters: no two are alike.
fn word(rank: usize, rng: &mut StdRng) -> String {
    let mut word = String::new();
    let mut rest = rank;
    loop {
        word.push(char::from(b'a' + u8::try_from(rest % 26).expect("less than 26")));
        rest /= 26;
        if rest == 0 {
            break;
        }
    }
    let padding = rng.random_range(0..=rank.checked_ilog10().unwrap_or_default());
    word.extend((0..padding).map(|_| char::from(rng.random_range(b'0'..=b'9'))));
    word
}

/// The weight of rank r is 1/(r + 1), summed and scaled to end at 1.
fn cumulative_weights() -> Vec<f64> {
    let mut sum = 0.0;
    let sums: Vec<f64> = (1..=DISTINCT_WORDS)
        .map(|rank| {
            sum += 1.0 / rank as f64;
            sum
        })
        .collect();
    sums.into_iter().map(|step| step / sum).collect()
}

fn rank_at(steps: &[f64], at: f64) -> usize {
    steps.partition_point(|step| *step < at).min(DISTINCT_WORDS - 1)
}

fn push_word(line: &mut String, word: &str, rng: &mut StdRng) {
    match rng.random_range(0..20) {
        0 => line.push_str(&word.to_ascii_uppercase()),
        1 | 2 => {
            line.push_str(&word[..1].to_ascii_uppercase());
            line.push_str(&word[1..]);
        }
        _ => line.push_str(word),
    }
}

fn separator(rng: &mut StdRng) -> &'static str {
    match rng.random_range(0..40) {
        0 => ", ",
        1 => ". ",
        2 => "--",
        3 => "\t",
        4 => " é ",
        5 => "_",
        6 => " – ",
        _ => " ",
    }
}
