//! The host of the users: they submit, look, change bounds and cancel over REST, each job on a task of its own.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::bounds::Wishes;
use super::files::Files;
use super::history::{Happening, SharedHistory};
use super::invariants::is_terminal;
use super::network;
use super::plan::JobPlan;
use super::sizes::large_slots;
use super::yarn::SharedCluster;

/// How often a user looks at a job.
const LOOK: Duration = Duration::from_millis(500);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// The operator that ends each job.
pub(crate) const SINK: &str = "drop";
/// What Flink calls it.
const NO_ROOM: &str = "NoResourceAvailableException";
/// Records per second and subtask.
const RATE: u64 = 200;

/// What the users need.
#[derive(Clone)]
pub(crate) struct Users {
    pub(crate) cluster: SharedCluster,
    pub(crate) history: SharedHistory,
    /// Nothing is done to the cluster any more.
    pub(crate) is_calm: Arc<AtomicBool>,
    /// Where jobs are archived that no master knows any more.
    pub(crate) files: Files,
}

impl Users {
    /// Does with a job what is planned, until it has ended.
    pub(crate) async fn follow(self, job: JobPlan) {
        let start = Instant::now();
        sleep_until(start + job.at).await;
        self.submit(&job).await;
        let cancel_at = job.cancel_at.map(|at| start + at);
        let (mut status, mut wishes) = (String::new(), Wishes::of(&job));
        let (mut is_told, mut has_run) = (false, false);
        loop {
            sleep(LOOK).await;
            if job.is_too_large && !is_told && self.is_told(&job).await {
                is_told = true;
                self.note(Happening::Told {
                    job: job.id.to_string(),
                });
            }
            // A master that is gone may have forgotten the wish.
            let is_unwanted = is_told || has_run || cancel_at.is_some_and(|at| at <= Instant::now());
            if is_unwanted && !is_terminal(&status) && status != "CANCELLING" {
                self.cancel(&job).await;
            }
            if !is_terminal(&status) {
                self.change_bounds(&job, &mut wishes, start.elapsed()).await;
            }
            let tasks = 2 * wishes.parallelism();
            let Some(seen) = self.status(&job, tasks).await else {
                continue;
            };
            let runs = wishes.are_told() && seen == format!("RUNNING {tasks}/{tasks}");
            if job.is_endless && !has_run && runs && self.is_calm.load(Ordering::Relaxed) {
                has_run = true;
                self.note(Happening::Ran {
                    job: job.id.to_string(),
                });
            }
            if seen != status {
                self.note(Happening::Job {
                    job: job.id.to_string(),
                    status: seen.clone(),
                });
                status = seen;
            }
        }
    }

    async fn submit(&self, job: &JobPlan) {
        let body = json!({"jobGraph": graph(job), "jobId": job.id});
        loop {
            match self.call(Method::POST, "/jobs", &body).await {
                // Where the answer to an earlier try was lost, the job is there.
                Ok((StatusCode::ACCEPTED | StatusCode::CONFLICT, _)) => return,
                Ok((status, answer)) => self.say(&format!("submission answered with {status}: {answer}")),
                Err(error) => self.say(&format!("submission failed: {error}")),
            }
            sleep(LOOK).await;
        }
    }

    /// Whether the job's pages say that there are not enough slots.
    async fn is_told(&self, job: &JobPlan) -> bool {
        let path = format!("/jobs/{}/exceptions", job.id);
        let answer = self.call(Method::GET, &path, &json!({})).await;
        answer.is_ok_and(|(_, exceptions)| exceptions.to_string().contains(NO_ROOM))
    }

    async fn cancel(&self, job: &JobPlan) {
        let path = format!("/jobs/{}?mode=cancel", job.id);
        if let Err(error) = self.call(Method::PATCH, &path, &json!({})).await {
            self.say(&format!("cancellation failed: {error}"));
        }
    }

    /// Tells the master of new bounds where it is time, until it has answered that it goes by them.
    async fn change_bounds(&self, job: &JobPlan, wishes: &mut Wishes, now: Duration) {
        let Some(bounds) = wishes.due(now) else { return };
        let path = format!("/jobs/{}/resource-requirements", job.id);
        match self.call(Method::PUT, &path, &bounds.body()).await {
            Ok((StatusCode::OK, _)) => {
                self.say(&format!("job {} has other bounds: {bounds:?}", job.id));
                wishes.granted();
            }
            Ok((status, answer)) => self.say(&format!("new bounds answered with {status}: {answer}")),
            Err(error) => self.say(&format!("new bounds failed: {error}")),
        }
    }

    /// The job's state, with how many of its tasks run where it is RUNNING, and of how many.
    async fn status(&self, job: &JobPlan, tasks: u32) -> Option<String> {
        let path = format!("/jobs/{}", job.id);
        let (status, details) = self.call(Method::GET, &path, &json!({})).await.ok()?;
        if status == StatusCode::NOT_FOUND {
            return self.files.archived(&job.id);
        }
        if status != StatusCode::OK {
            return None;
        }
        let state = details["state"].as_str()?;
        if state != "RUNNING" {
            return Some(state.to_owned());
        }
        let vertices = details["vertices"].as_array()?.iter();
        let running: u64 = vertices
            .map(|vertex| vertex["tasks"]["running"].as_u64().unwrap_or(0))
            .sum();
        Some(format!("RUNNING {running}/{tasks}"))
    }

    /// Ends the cluster. Whether it was heard.
    pub(crate) async fn shut_down(&self) -> bool {
        let answer = self.call(Method::DELETE, "/cluster", &json!({})).await;
        answer.is_ok_and(|(status, _)| status == StatusCode::OK)
    }

    async fn call(&self, method: Method, path: &str, body: &Value) -> io::Result<(StatusCode, Value)> {
        let address = self.cluster.lock().tracking_address().map(str::to_owned);
        let address = address.ok_or_else(|| io::Error::other("the application has not registered yet"))?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", &address)
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body.to_string())))
            .map_err(io::Error::other)?;
        let answer = timeout(PATIENCE, exchange(&address, request)).await;
        answer.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    fn note(&self, happening: Happening) {
        self.history.lock().note(happening);
    }

    fn say(&self, line: &str) {
        self.history.lock().say(line);
    }
}

async fn exchange(address: &str, request: Request<Full<Bytes>>) -> io::Result<(StatusCode, Value)> {
    let stream = TokioIo::new(network::connect(address).await?);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream)
        .await
        .map_err(io::Error::other)?;
    // Ends with the answer.
    let connection = tokio::spawn(connection);
    let answer = sender.send_request(request).await.map_err(io::Error::other)?;
    let status = answer.status();
    let body = answer.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
    connection.abort();
    Ok((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
}

/// Numbers, by hash to where they are dropped.
fn graph(job: &JobPlan) -> Value {
    let mut source = json!({"id": "make", "operator": "generator-source", "rows_per_second": RATE * u64::from(job.parallelism),
        "fields": [{"name": "n", "generator": {"type": "sequence"}}]});
    if let Some(seconds) = job.seconds {
        source["rows"] = json!(seconds * RATE * u64::from(job.parallelism));
    }
    let mode = if job.is_streaming { "STREAMING" } else { "AUTOMATIC" };
    let mut graph = json!({
        "name": format!("job of {:?}", job.at),
        "configuration": {"execution.runtime-mode": mode},
        "vertices": [
            {"id": "source", "parallelism": job.parallelism, "chain": [source]},
            {"id": "sink", "parallelism": job.parallelism, "chain": [{"id": SINK, "operator": "blackhole-sink"}]},
        ],
        "edges": [{"source": "source", "target": "sink", "partitioner": {"type": "hash", "keys": ["n"]}}],
    });
    if job.is_large {
        graph["slot_sharing_groups"] = large_slots();
    }
    graph
}
