//! What stands in the `app_metadata` of a Flight message. Towards the consumer an [`Element`], back to the producer
//! [`Credits`]; the batch itself is Arrow IPC in the message's header and body, without a schema: both ends know it from
//! the deployment.

use arrow_flight::FlightData;
use prost::Message;
use selvedge_core::{ExecutionAttemptId, VertexId};
use tonic::metadata::MetadataMap;
use tonic::{Request, Status};

use super::channel::{ChannelId, JobKey};

const JOB_HEADER: &str = "x-selvedge-job";
const JOB_MASTER_HEADER: &str = "x-selvedge-job-master";
const WORKER_HEADER: &str = "x-selvedge-worker";

/// What a message towards the consumer is. Watermarks and barriers will be kinds of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub(super) enum ElementKind {
    Unknown = 0,
    /// Names the channel that the number stands for from now on.
    Open = 1,
    /// Record batch in header and body.
    Batch = 2,
    /// The producer has sent everything.
    End = 3,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Element {
    /// The channel, numbered by the producer's worker within the stream.
    #[prost(uint32, tag = "1")]
    pub(super) channel: u32,
    #[prost(enumeration = "ElementKind", tag = "2")]
    pub(super) kind: i32,
    /// Only where the kind is `Open`.
    #[prost(message, optional, tag = "3")]
    pub(super) name: Option<ChannelName>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ChannelName {
    #[prost(uint32, tag = "1")]
    edge: u32,
    #[prost(message, optional, tag = "2")]
    producer: Option<Attempt>,
    #[prost(message, optional, tag = "3")]
    consumer: Option<Attempt>,
}

#[derive(Clone, PartialEq, Message)]
struct Attempt {
    #[prost(string, tag = "1")]
    vertex: String,
    #[prost(uint32, tag = "2")]
    subtask: u32,
    #[prost(uint32, tag = "3")]
    attempt: u32,
}

/// Credit for channels of the stream, in bytes.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Credits {
    #[prost(btree_map = "uint32, uint64", tag = "1")]
    pub(super) by_channel: std::collections::BTreeMap<u32, u64>,
}

impl From<&ExecutionAttemptId> for Attempt {
    fn from(id: &ExecutionAttemptId) -> Self {
        Self {
            vertex: id.vertex.0.clone(),
            subtask: id.subtask,
            attempt: id.attempt,
        }
    }
}

impl From<Attempt> for ExecutionAttemptId {
    fn from(attempt: Attempt) -> Self {
        Self {
            vertex: VertexId(attempt.vertex),
            subtask: attempt.subtask,
            attempt: attempt.attempt,
        }
    }
}

impl From<&ChannelId> for ChannelName {
    fn from(id: &ChannelId) -> Self {
        Self {
            edge: id.edge,
            producer: Some((&id.producer).into()),
            consumer: Some((&id.consumer).into()),
        }
    }
}

impl ChannelName {
    pub(super) fn into_id(self) -> Option<ChannelId> {
        Some(ChannelId {
            edge: self.edge,
            producer: self.producer?.into(),
            consumer: self.consumer?.into(),
        })
    }
}

/// A message that opens a channel.
pub(super) fn open(channel: u32, id: &ChannelId) -> FlightData {
    control(channel, ElementKind::Open, Some(id.into()))
}

/// A message that ends a channel.
pub(super) fn end(channel: u32) -> FlightData {
    control(channel, ElementKind::End, None)
}

/// Puts an encoded batch on a channel.
pub(super) fn address(mut batch: FlightData, channel: u32) -> FlightData {
    batch.app_metadata = metadata(channel, ElementKind::Batch, None);
    batch
}

fn control(channel: u32, kind: ElementKind, name: Option<ChannelName>) -> FlightData {
    FlightData {
        app_metadata: metadata(channel, kind, name),
        ..FlightData::default()
    }
}

fn metadata(channel: u32, kind: ElementKind, name: Option<ChannelName>) -> bytes::Bytes {
    let kind = kind.into();
    Element { channel, kind, name }.encode_to_vec().into()
}

/// A message of credits.
pub(super) fn credits(credits: &Credits) -> FlightData {
    FlightData {
        app_metadata: credits.encode_to_vec().into(),
        ..FlightData::default()
    }
}

/// Names job and worker on a stream that is about to be opened.
pub(super) fn sign<T>(request: &mut Request<T>, job: &JobKey, worker: &str) {
    let metadata = request.metadata_mut();
    let hex = |text: String| text.parse().expect("hexadecimal digits are a valid header value");
    metadata.insert(JOB_HEADER, hex(job.job_id.to_string()));
    metadata.insert(JOB_MASTER_HEADER, hex(job.job_master_id.to_string()));
    // A ResourceID is not bound to ASCII, so it travels in hexadecimal too.
    metadata.insert(WORKER_HEADER, hex(hex::encode(worker)));
}

/// Reads what [`sign`] wrote.
pub(super) fn signature(metadata: &MetadataMap) -> Result<(JobKey, String), Status> {
    let text = |header: &'static str| {
        metadata
            .get(header)
            .and_then(|value| value.to_str().ok())
            .ok_or_else(|| Status::invalid_argument(format!("the stream has no header {header}")))
    };
    let refuse = |error: selvedge_core::id::ParseIdError| Status::invalid_argument(error.to_string());
    let job = JobKey {
        job_id: text(JOB_HEADER)?.parse().map_err(refuse)?,
        job_master_id: text(JOB_MASTER_HEADER)?.parse().map_err(refuse)?,
    };
    let worker = hex::decode(text(WORKER_HEADER)?)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| Status::invalid_argument(format!("the header {WORKER_HEADER} is not readable")))?;
    Ok((job, worker))
}

#[cfg(test)]
mod tests {
    use selvedge_core::{JobId, LeaderSessionId};

    use super::*;

    fn attempt(vertex: &str) -> ExecutionAttemptId {
        ExecutionAttemptId {
            vertex: vertex.into(),
            subtask: 3,
            attempt: 1,
        }
    }

    #[test]
    fn a_channel_survives_its_wire_form() {
        let id = ChannelId {
            edge: 2,
            producer: attempt("source"),
            consumer: attempt("sink"),
        };
        let element = Element::decode(open(9, &id).app_metadata).unwrap();
        assert_eq!((element.channel, element.kind()), (9, ElementKind::Open));
        assert_eq!(element.name.unwrap().into_id(), Some(id));
    }

    #[test]
    fn a_stream_says_who_opens_it_for_which_job() {
        let job = JobKey {
            job_id: JobId::from_bytes([1; 16]),
            job_master_id: LeaderSessionId::from_bytes([2; 16]),
        };
        let mut request = Request::new(());
        sign(&mut request, &job, "worker-ä");
        assert_eq!(signature(request.metadata()).unwrap(), (job, "worker-ä".to_owned()));
        assert!(signature(&MetadataMap::new()).is_err());
    }
}
