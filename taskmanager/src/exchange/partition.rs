//! The producing end: what leaves one task, over its output edges.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use selvedge_runtime::clock::thread_now;

use super::batch::batch_size;
use super::coalesce::Coalescer;
use super::error::ExchangeError;
use super::partitioner::Selector;
use super::sender::ChannelSender;
use super::usage::{Held, NetworkUse};
use crate::operator::{Collector, TaskContext, TaskError};

/// One output edge of a task. Collecting blocks while a consumer is behind.
pub struct ResultPartition {
    context: TaskContext,
    selector: Selector,
    channels: Vec<OutputChannel>,
    buffer_timeout: Duration,
}

struct OutputChannel {
    sender: ChannelSender,
    waiting: Coalescer,
    held: Held,
}

impl ResultPartition {
    pub(super) fn new(
        context: TaskContext,
        selector: Selector,
        senders: Vec<ChannelSender>,
        coalesce_bytes: u64,
        config: &super::ExchangeConfig,
        usage: &Arc<NetworkUse>,
    ) -> Self {
        let channel = |sender| OutputChannel {
            sender,
            waiting: Coalescer::new(coalesce_bytes, config.coalesce_rows),
            held: Held::new(usage.clone()),
        };
        Self {
            context,
            selector,
            channels: senders.into_iter().map(channel).collect(),
            buffer_timeout: config.buffer_timeout,
        }
    }

    /// Sends what has waited long enough to be joined.
    pub fn flush_due(&mut self, now: Instant) -> Result<(), TaskError> {
        for channel in &mut self.channels {
            if channel.waiting.due_in(now, self.buffer_timeout) == Some(Duration::ZERO) {
                channel.flush(&self.context)?;
            }
        }
        Ok(())
    }

    /// In how long [`Self::flush_due`] has something to do; `None` where nothing waits.
    pub fn due_in(&self, now: Instant) -> Option<Duration> {
        let due = |channel: &OutputChannel| channel.waiting.due_in(now, self.buffer_timeout);
        self.channels.iter().filter_map(due).min()
    }

    /// Sends everything and ends all channels.
    pub fn finish(&mut self) -> Result<(), TaskError> {
        for channel in &mut self.channels {
            channel.flush(&self.context)?;
        }
        for channel in &mut self.channels {
            channel.sender.end(&self.context)?;
        }
        Ok(())
    }
}

impl Collector for ResultPartition {
    fn collect(&mut self, batch: RecordBatch) -> Result<(), TaskError> {
        let now = thread_now();
        for (index, part) in self.selector.select(batch, self.channels.len())? {
            let channel = &mut self.channels[index];
            let ready = channel.waiting.push(part, now);
            channel.held.set(channel.waiting.bytes());
            if let Some(batch) = ready.map_err(|error| not_joined(&error, &channel.sender.peer))? {
                channel.sender.send(&batch, &self.context)?;
            }
        }
        self.flush_due(now)
    }
}

impl OutputChannel {
    fn flush(&mut self, context: &TaskContext) -> Result<(), TaskError> {
        let waiting = self.waiting.take();
        self.held.set(0);
        match waiting.map_err(|error| not_joined(&error, &self.sender.peer))? {
            Some(batch) => self.sender.send(&batch, context),
            None => Ok(()),
        }
    }
}

fn not_joined(error: &ArrowError, peer: &Arc<str>) -> TaskError {
    let error = ExchangeError::Codec {
        peer: peer.clone(),
        step: "joined",
        reason: error.to_string().into(),
    };
    error.into_task_error(peer)
}

impl fmt::Debug for ResultPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResultPartition with {} channels", self.channels.len())
    }
}

/// All output edges of a task: each gets every batch. A task that ends in a sink has none.
#[derive(Debug)]
pub struct Outputs {
    context: TaskContext,
    partitions: Vec<ResultPartition>,
}

impl Outputs {
    /// The outputs of a task.
    pub const fn new(context: TaskContext, partitions: Vec<ResultPartition>) -> Self {
        Self { context, partitions }
    }

    /// As for each partition.
    pub fn flush_due(&mut self, now: Instant) -> Result<(), TaskError> {
        self.partitions
            .iter_mut()
            .try_for_each(|partition| partition.flush_due(now))
    }

    /// The earliest of the partitions.
    pub fn due_in(&self, now: Instant) -> Option<Duration> {
        self.partitions
            .iter()
            .filter_map(|partition| partition.due_in(now))
            .min()
    }

    /// As for each partition.
    pub fn finish(&mut self) -> Result<(), TaskError> {
        self.partitions.iter_mut().try_for_each(ResultPartition::finish)
    }
}

impl Collector for Outputs {
    fn collect(&mut self, batch: RecordBatch) -> Result<(), TaskError> {
        if self.context.cancelled.is_cancelled() {
            return Err(TaskError::Cancelled);
        }
        let Some((last, others)) = self.partitions.split_last_mut() else {
            return Ok(());
        };
        let counters = &self.context.counters;
        counters
            .records_out
            .fetch_add(batch.num_rows() as u64, Ordering::Relaxed);
        counters.bytes_out.fetch_add(batch_size(&batch), Ordering::Relaxed);
        for partition in others {
            partition.collect(batch.clone())?;
        }
        last.collect(batch)
    }
}
