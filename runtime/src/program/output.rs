//! What a program writes: its streams are shown as they come, and their last lines kept; its graph is gathered.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio_util::sync::CancellationToken;

/// How many lines are kept, and how much of each.
const LAST_LINES: usize = 20;
const LINE_BYTES: usize = 400;
/// A pipe holds no more.
const PIPE_BYTES: usize = 1 << 20;
/// How long what the program has started may hold its output open after its end.
const DRAIN: Duration = Duration::from_secs(3);
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

/// Shows what comes until the end, and keeps the last lines. Once the program has `ended`, what is still in the pipe is shown,
/// however slow whoever reads it is, but nobody else who holds the pipe open is waited for.
pub(super) async fn show(from: impl AsyncRead + Unpin, stream: Stream, tail: Tail, ended: CancellationToken) {
    match stream {
        Stream::Output => copy(from, tokio::io::stdout(), tail, ended).await,
        Stream::Error => copy(from, tokio::io::stderr(), tail, ended).await,
    }
}

async fn copy(from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, tail: Tail, ended: CancellationToken) {
    let mut lines = BufReader::new(from);
    let mut left = PIPE_BYTES;
    loop {
        let mut line = Vec::new();
        // A line without end is shown in pieces.
        let mut piece = (&mut lines).take(64 << 10);
        let read = tokio::select! {
            biased;
            read = piece.read_until(b'\n', &mut line) => read,
            () = after(&ended, DRAIN) => return,
        };
        let Ok(bytes @ 1..) = read else { return };
        if ended.is_cancelled() {
            match left.checked_sub(bytes) {
                Some(rest) => left = rest,
                // Whoever writes all this is not the program.
                None => return,
            }
        }
        tail.push(&line);
        // Nobody may be there to read it; the program goes on.
        if to.write_all(&line).await.is_ok() {
            let _ = to.flush().await;
        }
    }
}

async fn after(ended: &CancellationToken, pause: Duration) {
    ended.cancelled().await;
    tokio::time::sleep(pause).await;
}

/// What was written to the graph's descriptor.
#[derive(Debug, Clone, Default)]
pub(super) struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    pub(super) async fn fill(self, mut from: impl AsyncRead + Unpin, ended: CancellationToken) {
        let mut piece = vec![0; 64 << 10];
        loop {
            let read = tokio::select! {
                biased;
                read = from.read(&mut piece) => read,
                () = after(&ended, DRAIN) => return,
            };
            let Ok(read @ 1..) = read else { return };
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
        copy(&b"a\nb"[..], &mut shown, tail.clone(), CancellationToken::new()).await;
        assert_eq!(
            (shown.as_slice(), tail.text().as_str()),
            (&b"a\nb"[..], "its last lines:\n  a\n  b")
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_written_before_the_end_is_shown_to_a_slow_reader_and_an_open_pipe_is_left() {
        let (reader, mut writer) = tokio::io::duplex(1 << 10);
        let (shown, mut slow) = tokio::io::duplex(1);
        writer.write_all(b"first\nlast\n").await.unwrap();
        let ended = CancellationToken::new();
        ended.cancel();
        let copied = copy(reader, shown, Tail::default(), ended);
        let read = async {
            let mut all = String::new();
            for _ in 0..11 {
                tokio::time::sleep(DRAIN).await;
                all.push(char::from(slow.read_u8().await.unwrap()));
            }
            all
        };
        let ((), all) = tokio::join!(copied, read);
        assert_eq!(all, "first\nlast\n");
        drop(writer);
    }

    #[tokio::test]
    async fn a_graph_without_end_is_read_but_not_kept() {
        let buffer = Buffer::default();
        let endless = tokio::io::repeat(b' ').take(2 * MAX_GRAPH_BYTES as u64);
        buffer.clone().fill(endless, CancellationToken::new()).await;
        let kept = buffer.take().len();
        assert!(kept > MAX_GRAPH_BYTES && kept < MAX_GRAPH_BYTES + (1 << 20), "{kept}");
    }
}
