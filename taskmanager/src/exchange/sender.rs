//! The producing end of one channel.

use std::sync::{Arc, OnceLock};

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use selvedge_runtime::rpc::MAX_MESSAGE_BYTES;

use super::batch::{self, BatchEncoder};
use super::client::Outgoing;
use super::credit::CreditGate;
use super::error::ExchangeError;
use super::gate::GateInput;
use super::send_pool::SendPool;
use super::wire;
use crate::operator::{TaskContext, TaskError};

/// What a message holds besides the batch.
const MESSAGE_OVERHEAD: usize = 1 << 10;

/// Sends to one consumer within its credit.
pub(super) struct ChannelSender {
    /// The other end, for messages.
    pub(super) peer: Arc<str>,
    pub(super) credit: Arc<CreditGate>,
    pub(super) route: Route,
}

pub(super) enum Route {
    /// To a task of this worker: set when its gate is open, and so before the first credit.
    Local(Arc<OnceLock<GateInput>>),
    /// Over the stream to another worker.
    Remote {
        number: u32,
        outgoing: Arc<Outgoing>,
        pool: Arc<SendPool>,
        encoder: Box<BatchEncoder>,
    },
}

impl ChannelSender {
    /// Sends a batch; waits while the consumer is behind. One larger than half the window is cut by rows, so that the
    /// consumer works on one piece while the next is on its way.
    pub(super) fn send(&mut self, batch: &RecordBatch, context: &TaskContext) -> Result<(), TaskError> {
        let window = self.credit.window(context, &self.peer)?;
        for piece in batch::pieces(batch, window / 2) {
            self.send_piece(piece, window, context)?;
        }
        Ok(())
    }

    fn send_piece(&mut self, piece: RecordBatch, window: u64, context: &TaskContext) -> Result<(), TaskError> {
        match &mut self.route {
            Route::Local(input) => {
                let bytes = batch::batch_size(&piece);
                self.credit.take(bytes, context, &self.peer)?;
                let input = input.get().expect("credit comes from an open gate");
                input
                    .push_batch(piece, bytes)
                    .expect("what was taken of the credit is within it");
                Ok(())
            }
            Route::Remote {
                number,
                outgoing,
                pool,
                encoder,
            } => {
                let message = encoder
                    .encode(&piece)
                    .map_err(|error| not_encoded(&error, &self.peer))?;
                let bytes = batch::message_size(&message);
                if bytes > window && piece.num_rows() > 1 {
                    let [first, second] = batch::halves(&piece);
                    self.send_piece(first, window, context)?;
                    return self.send_piece(second, window, context);
                }
                check_size(bytes, &self.peer)?;
                self.credit.take(bytes, context, &self.peer)?;
                let permit = pool.take(bytes, context)?;
                outgoing.send_batch(wire::address(message, *number), permit);
                Ok(())
            }
        }
    }

    /// Tells the consumer that everything has been sent; waits until it is there to be told.
    pub(super) fn end(&mut self, context: &TaskContext) -> Result<(), TaskError> {
        self.credit.window(context, &self.peer)?;
        match &self.route {
            Route::Local(input) => input.get().expect("credit comes from an open gate").end(),
            Route::Remote { number, outgoing, .. } => outgoing.send(wire::end(*number)),
        }
        Ok(())
    }
}

fn not_encoded(error: &ArrowError, peer: &Arc<str>) -> TaskError {
    let error = ExchangeError::Codec {
        peer: peer.clone(),
        step: "encoded",
        reason: error.to_string().into(),
    };
    error.into_task_error(peer)
}

fn check_size(bytes: u64, peer: &Arc<str>) -> Result<(), TaskError> {
    let limit = (MAX_MESSAGE_BYTES - MESSAGE_OVERHEAD) as u64;
    if bytes <= limit {
        return Ok(());
    }
    let error = ExchangeError::RecordTooLarge {
        peer: peer.clone(),
        bytes,
        limit,
    };
    Err(error.into_task_error(peer))
}
