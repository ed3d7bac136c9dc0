//! Which consumer gets which records.

use arrow::array::RecordBatch;

use crate::operator::TaskError;

/// Splits batches by their content.
pub trait BatchPartitioner: Send {
    /// The parts with the channels that they go to; channels without rows are left out.
    fn partition(&mut self, batch: &RecordBatch) -> Result<Vec<(usize, RecordBatch)>, TaskError>;
}

/// How an edge ships its records.
pub enum Shipping {
    /// To the only channel.
    Forward,
    /// To one channel after the other, batch by batch.
    Rebalance,
    /// To every channel.
    Broadcast,
    /// By content: an edge partitioned by hash.
    Content(Box<dyn BatchPartitioner>),
}

/// A [`Shipping`] at work.
pub(super) struct Selector {
    shipping: Shipping,
    next: usize,
}

impl Selector {
    /// Each subtask starts its round with another channel.
    pub(super) const fn new(shipping: Shipping, subtask: u32) -> Self {
        Self {
            shipping,
            next: subtask as usize,
        }
    }

    /// The parts of a batch with the channels that they go to.
    pub(super) fn select(
        &mut self,
        batch: RecordBatch,
        channels: usize,
    ) -> Result<Vec<(usize, RecordBatch)>, TaskError> {
        Ok(match &mut self.shipping {
            Shipping::Forward => vec![(0, batch)],
            Shipping::Rebalance => {
                let channel = self.next % channels;
                self.next = (channel + 1) % channels;
                vec![(channel, batch)]
            }
            Shipping::Broadcast => (0..channels).map(|channel| (channel, batch.clone())).collect(),
            Shipping::Content(partitioner) => partitioner.partition(&batch)?,
        })
    }
}
