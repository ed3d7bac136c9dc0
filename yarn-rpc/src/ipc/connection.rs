//! One logged-in connection: sends calls, matches answers by call id, keeps deadlines.

use std::{collections::BTreeMap, io, time::Duration};

use bytes::{Buf, Bytes};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until},
};

use super::{
    IpcError, IpcOptions, Protocol, Stream,
    buffers::{Inbound, Outbound},
    frame::{self, CallFrame, Response},
    handshake::Established,
};
use crate::proto::common::rpc_response_header_proto::RpcStatusProto;

/// While more than this waits to be written, no further call is taken.
const HIGH_WATER: usize = 1024 * 1024;
/// Without a deadline or a ping in sight the loop looks again after this.
const NOTHING_DUE: Duration = Duration::from_secs(3600);

/// One call on its way to the connection.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) method: &'static str,
    pub(super) request: Bytes,
    pub(super) retry: u32,
    pub(super) deadline: Instant,
    pub(super) timeout: Duration,
    pub(super) reply: oneshot::Sender<Result<Bytes, IpcError>>,
}

/// Why a connection ended.
#[derive(Debug)]
pub(super) enum End {
    /// Every handle is gone.
    Released,
    /// Nothing was called for the idle time.
    Idle,
    /// The transport or the server failed; every waiting call has got this error.
    Failed,
}

/// What stays the same over all connections of one client.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) address: String,
    pub(super) protocol: Protocol,
    pub(super) client_id: Bytes,
    pub(super) options: IpcOptions,
}

impl Route {
    fn lost(&self, reason: impl ToString) -> IpcError {
        IpcError::ConnectionLost {
            address: self.address.clone(),
            reason: reason.to_string(),
        }
    }
}

struct Pending {
    method: &'static str,
    timeout: Duration,
    deadline: Instant,
    sent: Instant,
    reply: oneshot::Sender<Result<Bytes, IpcError>>,
}

pub(super) struct Connection<'a> {
    route: &'a Route,
    stream: Box<dyn Stream>,
    inbound: Inbound,
    outbound: Outbound,
    next_id: &'a mut u32,
    pending: BTreeMap<i32, Pending>,
    /// No pending call's deadline is earlier.
    earliest: Option<Instant>,
    heard: Instant,
    active: Instant,
}

impl<'a> Connection<'a> {
    pub(super) fn new(route: &'a Route, established: Established, next_id: &'a mut u32) -> Self {
        let Established {
            stream,
            inbound,
            outbound,
        } = established;
        let now = Instant::now();
        Self {
            route,
            stream,
            inbound,
            outbound,
            next_id,
            pending: BTreeMap::new(),
            earliest: None,
            heard: now,
            active: now,
        }
    }

    /// Carries calls until the connection ends.
    pub(super) async fn serve(mut self, waiting: Vec<Call>, inbox: &mut mpsc::Receiver<Call>) -> End {
        for call in waiting {
            if let Err(Stop::Failed(error)) = self.send(call) {
                self.fail_all(&error);
                return End::Failed;
            }
        }
        let (mut reader, mut writer) =
            tokio::io::split(std::mem::replace(&mut self.stream, Box::new(tokio::io::empty())));
        // It may go off too early, never too late: setting it anew for each call would cost more than that.
        let mut alarm = std::pin::pin!(sleep_until(Instant::now()));
        loop {
            if let Some(wake) = self.next_wake().filter(|wake| *wake < alarm.deadline()) {
                alarm.as_mut().reset(wake);
            }
            let result = tokio::select! {
                biased;
                read = reader.read_buf(self.inbound.buffer()) => self.received(read),
                written = writer.write_buf(self.outbound.bytes()), if self.outbound.len() > 0 => self.written(written),
                call = inbox.recv(), if self.outbound.len() < HIGH_WATER => match call {
                    Some(call) => self.send_with_all_that_wait(call, inbox),
                    None => return End::Released,
                },
                () = alarm.as_mut() => {
                    let now = Instant::now();
                    let result = self.on_time(now);
                    alarm.as_mut().reset(self.next_wake().unwrap_or(now + NOTHING_DUE));
                    result
                }
            };
            match result {
                Ok(()) => {}
                Err(Stop::Idle) => return End::Idle,
                Err(Stop::Failed(error)) => {
                    self.fail_all(&error);
                    return End::Failed;
                }
            }
        }
    }

    /// Calls that wait already leave together, so that they cost one write.
    fn send_with_all_that_wait(&mut self, call: Call, inbox: &mut mpsc::Receiver<Call>) -> Result<(), Stop> {
        self.send(call)?;
        while self.outbound.len() < HIGH_WATER
            && let Ok(call) = inbox.try_recv()
        {
            self.send(call)?;
        }
        Ok(())
    }

    fn send(&mut self, call: Call) -> Result<(), Stop> {
        let now = Instant::now();
        if call.reply.is_closed() || call.deadline <= now {
            // Nobody waits any more.
            return Ok(());
        }
        let call_id = (*self.next_id & 0x7fff_ffff) as i32;
        *self.next_id = self.next_id.wrapping_add(1);
        let frame = CallFrame {
            client_id: &self.route.client_id,
            call_id,
            retry: call.retry,
            protocol: self.route.protocol,
            method: call.method,
            request: &call.request,
        };
        let frame = frame.encode();
        self.active = now;
        let Call {
            method,
            timeout,
            deadline,
            reply,
            ..
        } = call;
        self.earliest = Some(self.earliest.map_or(deadline, |earliest| earliest.min(deadline)));
        self.pending.insert(
            call_id,
            Pending {
                method,
                timeout,
                deadline,
                sent: now,
                reply,
            },
        );
        // After the call is entered, so that it learns of a failure too.
        self.push(&frame)
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        let pushed = self.outbound.push(bytes);
        pushed.map_err(|source| {
            Stop::Failed(IpcError::Wire {
                address: self.route.address.clone(),
                source,
            })
        })
    }

    fn received(&mut self, read: io::Result<usize>) -> Result<(), Stop> {
        if read.map_err(|error| self.route.lost(error))? == 0 {
            return Err(self.route.lost("the server closed it").into());
        }
        self.heard = Instant::now();
        self.active = self.heard;
        loop {
            match self.inbound.next() {
                Ok(None) => return Ok(()),
                Ok(Some(response)) => self.answer(response)?,
                Err(source) => {
                    return Err(IpcError::Wire {
                        address: self.route.address.clone(),
                        source,
                    }
                    .into());
                }
            }
        }
    }

    fn written(&mut self, written: io::Result<usize>) -> Result<(), Stop> {
        match written {
            Ok(0) => Err(self.route.lost("nothing more can be written").into()),
            Ok(_) => Ok(()),
            Err(error) => Err(self.route.lost(error).into()),
        }
    }

    /// Hands an answer to its call. An answer to no call that waits came too late and is dropped, unless it is the
    /// server's reason for giving up.
    fn answer(&mut self, response: Response) -> Result<(), Stop> {
        let status = response.header.status();
        let call_id = response.call_id();
        if status != RpcStatusProto::Success && (status == RpcStatusProto::Fatal || call_id < 0) {
            let exception = response.exception();
            return Err(IpcError::Remote {
                address: self.route.address.clone(),
                exception,
            }
            .into());
        }
        let Some(pending) = self.pending.remove(&call_id) else {
            tracing::debug!(address = %self.route.address, call_id, "dropped an answer that nobody waits for");
            return Ok(());
        };
        let address = || self.route.address.clone();
        let result = match status {
            RpcStatusProto::Success => response.message().map_err(|source| IpcError::Wire {
                address: address(),
                source,
            }),
            _ => Err(IpcError::Remote {
                address: address(),
                exception: response.exception(),
            }),
        };
        // The caller may have given up meanwhile.
        let _ = pending.reply.send(result);
        Ok(())
    }

    /// Deadlines, pings and idleness.
    fn on_time(&mut self, now: Instant) -> Result<(), Stop> {
        let overdue: Vec<i32> = self
            .pending
            .iter()
            .filter(|(_, pending)| pending.deadline <= now)
            .map(|(id, _)| *id)
            .collect();
        let mut silent = false;
        for call_id in overdue {
            if let Some(pending) = self.pending.remove(&call_id) {
                silent |= pending.sent >= self.heard;
                let error = self.timed_out(pending.method, pending.timeout);
                let _ = pending.reply.send(Err(error));
            }
        }
        self.earliest = self.pending.values().map(|pending| pending.deadline).min();
        if silent {
            // Not a byte since the call was sent: the connection is dead, and the next call needs a new one.
            return Err(self.route.lost("the server fell silent").into());
        }
        if self.pending.is_empty() {
            let idle = self
                .route
                .options
                .idle_timeout
                .is_some_and(|limit| now >= self.active + limit);
            return if idle { Err(Stop::Idle) } else { Ok(()) };
        }
        if now >= self.active + self.route.options.ping_interval {
            self.push(&frame::ping_frame(&self.route.client_id))?;
            self.active = now;
        }
        Ok(())
    }

    /// When there may be something to do; `None` where only a call or the server can bring that.
    fn next_wake(&self) -> Option<Instant> {
        if self.pending.is_empty() {
            return self.route.options.idle_timeout.map(|limit| self.active + limit);
        }
        let ping = self.active + self.route.options.ping_interval;
        Some(self.earliest.map_or(ping, |earliest| earliest.min(ping)))
    }

    fn timed_out(&self, method: &'static str, after: Duration) -> IpcError {
        IpcError::Timeout {
            address: self.route.address.clone(),
            method,
            after,
        }
    }

    fn fail_all(&mut self, error: &IpcError) {
        tracing::debug!(address = %self.route.address, %error, unsent = self.outbound.bytes().remaining(), "connection ended");
        for (_, pending) in std::mem::take(&mut self.pending) {
            let _ = pending.reply.send(Err(error.clone()));
        }
    }
}

/// Why the loop stops.
enum Stop {
    Idle,
    Failed(IpcError),
}

impl From<IpcError> for Stop {
    fn from(error: IpcError) -> Self {
        Self::Failed(error)
    }
}
