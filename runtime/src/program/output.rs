//! What a program writes: its streams are shown as they come, and their last lines kept; its graph is gathered.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};

/// How many lines are kept, and how much of each.
const LAST_LINES: usize = 20;
const LINE_BYTES: usize = 400;
/// A graph that is larger is none.
pub(super) const MAX_GRAPH_BYTES: usize = 64 << 20;

/// The last lines of both streams, in the order in which they came.
#[derive(Debug, Clone, Default)]
pub(super) struct Tail(Arc<Mutex<VecDeque<String>>>);

impl Tail {
    pub(super) fn push(&self, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        let text = text.trim_end();
        if text.is_empty() {
            return;
        }
        let mut lines = self.0.lock();
        if lines.len() == LAST_LINES {
            lines.pop_front();
        }
        lines.push_back(text[..text.floor_char_boundary(LINE_BYTES)].to_owned());
    }

    /// What follows an error's sentence.
    pub(super) fn text(&self) -> String {
        let lines = self.0.lock();
        if lines.is_empty() {
            return "it has written nothing".to_owned();
        }
        let indented: Vec<_> = lines.iter().map(|line| format!("\n  {line}")).collect();
        format!("its last lines:{}", indented.concat())
    }
}

/// Where a stream of the program is shown.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stream {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

/// Shows what comes until the end, and keeps the last lines.
pub(super) async fn show(from: impl AsyncRead + Unpin, stream: Stream, tail: Tail) {
    match stream {
        Stream::Output => copy(from, tokio::io::stdout(), tail).await,
        Stream::Error => copy(from, tokio::io::stderr(), tail).await,
    }
}

async fn copy(from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, tail: Tail) {
    let mut lines = BufReader::new(from);
    loop {
        let mut line = Vec::new();
        // A line without end is shown in pieces.
        let read = (&mut lines).take(64 << 10).read_until(b'\n', &mut line).await;
        if !matches!(read, Ok(bytes) if bytes > 0) {
            return;
        }
        tail.push(&line);
        // Nobody may be there to read it; the program goes on.
        if to.write_all(&line).await.is_ok() {
            let _ = to.flush().await;
        }
    }
}

/// What was written to the graph's descriptor.
#[derive(Debug, Clone, Default)]
pub(super) struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    pub(super) async fn fill(self, mut from: impl AsyncRead + Unpin) {
        let mut piece = vec![0; 64 << 10];
        while let Ok(read @ 1..) = from.read(&mut piece).await {
            let mut all = self.0.lock();
            // What is beyond is read, so that the program does not hang, and makes it too large.
            if all.len() <= MAX_GRAPH_BYTES {
                all.extend_from_slice(&piece[..read]);
            }
        }
    }

    pub(super) fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_lines_are_kept_and_long_ones_cut() {
        let tail = Tail::default();
        assert_eq!(tail.text(), "it has written nothing");
        for number in 0..30 {
            tail.push(format!("line {number}\n").as_bytes());
            tail.push(b" \n");
        }
        tail.push("é".repeat(LINE_BYTES).as_bytes());
        let text = tail.text();
        assert_eq!(text.lines().count(), 1 + LAST_LINES);
        assert!(text.starts_with("its last lines:\n  line 11\n"), "{text}");
        assert!(text.ends_with('é') && text.len() < 1000, "{text}");
    }

    #[tokio::test]
    async fn what_has_no_line_end_is_shown_too() {
        let tail = Tail::default();
        let mut shown = Vec::new();
        copy(&b"a\nb"[..], &mut shown, tail.clone()).await;
        assert_eq!(
            (shown.as_slice(), tail.text().as_str()),
            (&b"a\nb"[..], "its last lines:\n  a\n  b")
        );
    }

    #[tokio::test]
    async fn a_graph_without_end_is_read_but_not_kept() {
        let buffer = Buffer::default();
        let endless = tokio::io::repeat(b' ').take(2 * MAX_GRAPH_BYTES as u64);
        buffer.clone().fill(endless).await;
        let kept = buffer.take().len();
        assert!(kept > MAX_GRAPH_BYTES && kept < MAX_GRAPH_BYTES + (1 << 20), "{kept}");
    }
}
