//! What waits in a gate, per channel, and what its producers may still send: pure.

use std::collections::VecDeque;

use super::credit::signed;

/// What a task takes out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Popped<T> {
    /// An element and the credit that goes back to the producer now.
    Element {
        channel: usize,
        element: T,
        bytes: u64,
        credit: u64,
    },
    /// A channel has ended.
    End { channel: usize },
    /// All channels have ended.
    Finished,
}

/// The queues of a gate's channels. Channels with elements take turns.
#[derive(Debug)]
pub(super) struct GateQueue<T> {
    channels: Vec<Channel<T>>,
    ready: VecDeque<usize>,
    open: usize,
}

#[derive(Debug)]
struct Channel<T> {
    elements: VecDeque<(T, u64)>,
    /// What the producer may have on its way at any time.
    window: u64,
    /// What the producer may still send.
    outstanding: i64,
    /// Taken by the task, not yet granted again.
    consumed: u64,
    ended: bool,
    /// Whether it stands in `ready`.
    is_ready: bool,
}

impl<T> GateQueue<T> {
    /// Queues for channels with these windows.
    pub(super) fn new(windows: impl IntoIterator<Item = u64>) -> Self {
        let channel = |window| Channel {
            elements: VecDeque::new(),
            window,
            outstanding: 0,
            consumed: 0,
            ended: false,
            is_ready: false,
        };
        let channels: Vec<_> = windows.into_iter().map(channel).collect();
        Self {
            open: channels.len(),
            channels,
            ready: VecDeque::new(),
        }
    }

    /// The producer is there: what is granted to it first.
    pub(super) fn attach(&mut self, channel: usize) -> u64 {
        let channel = &mut self.channels[channel];
        channel.outstanding = signed(channel.window);
        channel.window
    }

    /// An element comes; refused where it goes beyond the credit, with what the credit was.
    pub(super) fn push(&mut self, index: usize, element: T, bytes: u64) -> Result<(), i64> {
        let channel = &mut self.channels[index];
        let is_empty = channel.outstanding == signed(channel.window);
        if channel.ended || (signed(bytes) > channel.outstanding && !is_empty) {
            return Err(channel.outstanding);
        }
        channel.outstanding -= signed(bytes);
        channel.elements.push_back((element, bytes));
        self.make_ready(index);
        Ok(())
    }

    /// The producer has sent everything.
    pub(super) fn end(&mut self, index: usize) {
        if !self.channels[index].ended {
            self.channels[index].ended = true;
            self.make_ready(index);
        }
    }

    fn make_ready(&mut self, index: usize) {
        let channel = &mut self.channels[index];
        if !channel.is_ready {
            channel.is_ready = true;
            self.ready.push_back(index);
        }
    }

    /// The next element of whichever channel has one.
    pub(super) fn pop(&mut self) -> Option<Popped<T>> {
        let Some(index) = self.ready.pop_front() else {
            return (self.open == 0).then_some(Popped::Finished);
        };
        let channel = &mut self.channels[index];
        channel.is_ready = false;
        let Some((element, bytes)) = channel.elements.pop_front() else {
            self.open -= 1;
            return Some(Popped::End { channel: index });
        };
        channel.consumed += bytes;
        let credit = channel.credit_to_return();
        if !channel.elements.is_empty() || channel.ended {
            self.make_ready(index);
        }
        Some(Popped::Element {
            channel: index,
            element,
            bytes,
            credit,
        })
    }

    /// Bytes that wait.
    pub(super) fn queued_bytes(&self) -> u64 {
        let elements = self.channels.iter().flat_map(|channel| &channel.elements);
        elements.map(|(_, bytes)| bytes).sum()
    }

    pub(super) fn clear(&mut self) {
        self.ready.clear();
        for channel in &mut self.channels {
            channel.elements.clear();
        }
    }
}

impl<T> Channel<T> {
    /// Credit goes back in pieces of half a window, and all of it when the queue is empty: else a producer with a batch
    /// larger than the rest would wait for ever.
    fn credit_to_return(&mut self) -> u64 {
        if self.ended || (self.consumed < self.window / 2 && !self.elements.is_empty()) {
            return 0;
        }
        self.outstanding += signed(self.consumed);
        std::mem::take(&mut self.consumed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(popped: Option<Popped<&str>>) -> (usize, &str, u64) {
        match popped {
            Some(Popped::Element {
                channel,
                element,
                credit,
                ..
            }) => (channel, element, credit),
            other => panic!("no element but {other:?}"),
        }
    }

    #[test]
    fn channels_take_turns_and_end_each_for_itself() {
        let mut queue = GateQueue::new([100, 100]);
        assert_eq!((queue.attach(0), queue.attach(1)), (100, 100));
        for name in ["a", "b", "c"] {
            queue.push(0, name, 10).unwrap();
        }
        queue.push(1, "x", 10).unwrap();
        queue.end(1);
        assert_eq!(element(queue.pop()).1, "a");
        assert_eq!(element(queue.pop()).1, "x");
        assert_eq!(element(queue.pop()).1, "b");
        assert_eq!(queue.pop(), Some(Popped::End { channel: 1 }));
        assert_eq!(element(queue.pop()).1, "c");
        assert_eq!(queue.pop(), None);
        queue.end(0);
        assert_eq!(queue.pop(), Some(Popped::End { channel: 0 }));
        assert_eq!(queue.pop(), Some(Popped::Finished));
    }

    #[test]
    fn credit_comes_back_by_halves_and_whole_when_the_queue_is_empty() {
        let mut queue = GateQueue::new([100]);
        queue.attach(0);
        for name in ["a", "b", "c", "d"] {
            queue.push(0, name, 20).unwrap();
        }
        let credits: Vec<u64> = (0..4).map(|_| element(queue.pop()).2).collect();
        assert_eq!(credits, [0, 0, 60, 20]);
    }

    #[test]
    fn more_than_the_credit_is_refused_except_alone_on_an_empty_channel() {
        let mut queue = GateQueue::new([100]);
        assert_eq!(queue.push(0, "before the grant", 1), Err(0));
        queue.attach(0);
        queue.push(0, "oversized", 500).unwrap();
        assert_eq!(queue.push(0, "next", 1), Err(-400));
        assert_eq!(element(queue.pop()), (0, "oversized", 500));
        queue.push(0, "next", 90).unwrap();
        assert_eq!(queue.push(0, "too much", 11), Err(10));
        assert_eq!(queue.queued_bytes(), 90);
        queue.end(0);
        assert!(queue.push(0, "after the end", 1).is_err());
    }
}
