//! A network on which calls between master and workers arrive twice, or after later ones: each connection leads through a
//! relay that hands every call on by itself. Streams of data pass as they are.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http2::SendRequest;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::io::{DuplexStream, duplex};
use tokio::time::sleep;
use turmoil::net::TcpStream;

/// How services of ours begin whose calls are single messages.
const OURS: &str = "/selvedge.";
/// Calls that are answered with a stream.
const STREAMS: [&str; 2] = ["/ReadFile", "/GetBlob"];
/// The longest time by which a call is overtaken.
const LATEST: u64 = 300;
const WINDOW: u32 = 16 << 20;
const FRAME: u32 = 1 << 20;
/// As the real ends of a connection do it.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(20);

type Body = BoxBody<Bytes, hyper::Error>;

/// Decides which calls go wrong.
#[derive(Debug, Clone)]
pub(crate) struct Disorder(Arc<Mutex<StdRng>>);

/// What becomes of a call.
#[derive(Debug, Clone, Copy)]
struct Fate {
    /// How late it arrives.
    delay: Duration,
    /// It arrives once more, so long after.
    again: Option<Duration>,
}

impl Disorder {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    fn fate(&self) -> Fate {
        let mut rng = self.0.lock();
        let mut late = |probability| {
            let is_late = rng.random_bool(probability);
            is_late.then(|| Duration::from_millis(rng.random_range(1..LATEST)))
        };
        Fate {
            delay: late(0.2).unwrap_or_default(),
            again: late(0.1),
        }
    }

    /// The caller's end of a connection that leads to `server`.
    pub(crate) async fn relay(&self, server: TcpStream) -> std::io::Result<DuplexStream> {
        let (near, far) = duplex(WINDOW as usize);
        let mut client = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
        let client = client
            .timer(TokioTimer::new())
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_frame_size(FRAME)
            .keep_alive_interval(KEEP_ALIVE_INTERVAL)
            .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
            .keep_alive_while_idle(true);
        let (sender, connection) = client
            .handshake(TokioIo::new(server))
            .await
            .map_err(std::io::Error::other)?;
        let disorder = self.clone();
        let serve = service_fn(move |request| disorder.clone().pass(sender.clone(), request));
        let mut served = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        served
            .timer(TokioTimer::new())
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_frame_size(FRAME);
        let served = served.serve_connection(TokioIo::new(far), serve);
        tokio::spawn(async move {
            // Where one end is gone, so is the other.
            tokio::select! {
                biased;
                _ = connection => {}
                _ = served => {}
            }
        });
        Ok(near)
    }

    async fn pass(self, sender: SendRequest<Body>, request: Request<Incoming>) -> Result<Response<Body>, hyper::Error> {
        let path = request.uri().path();
        if !path.starts_with(OURS) || STREAMS.iter().any(|stream| path.ends_with(stream)) {
            return forward(sender, request.map(BodyExt::boxed)).await;
        }
        let (head, body) = request.into_parts();
        let message = body.collect().await?.to_bytes();
        let call = move || Request::from_parts(head.clone(), whole(message.clone()));
        let Fate { delay, again } = self.fate();
        if let Some(after) = again {
            let (sender, call) = (sender.clone(), call());
            tracing::info!("{} arrives twice", call.uri().path());
            tokio::spawn(async move {
                sleep(delay + after).await;
                // Nobody waits for this answer.
                if let Ok(answer) = forward(sender, call).await {
                    drop(answer.into_body().collect().await);
                }
            });
        }
        sleep(delay).await;
        forward(sender, call()).await
    }
}

async fn forward(mut sender: SendRequest<Body>, call: Request<Body>) -> Result<Response<Body>, hyper::Error> {
    sender.ready().await?;
    Ok(sender.send_request(call).await?.map(BodyExt::boxed))
}

fn whole(message: Bytes) -> Body {
    let never = |never: Infallible| match never {};
    Full::new(message).map_err(never).boxed()
}
