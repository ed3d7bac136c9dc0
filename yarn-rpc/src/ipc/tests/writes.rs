//! What calls cost: those that wait together leave in one write.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{allocate, client, numbered};
use crate::{
    ipc::{Connector, IpcOptions, Stream},
    proto::yarn::AllocateRequestProto,
    testing::network,
};

/// The streams of another connector, whose writes are counted.
#[derive(Debug)]
struct Counting {
    inner: Arc<dyn Connector>,
    writes: Arc<AtomicUsize>,
}

#[async_trait]
impl Connector for Counting {
    async fn connect(&self, address: &str) -> io::Result<Box<dyn Stream>> {
        Ok(Box::new(Counted {
            inner: self.inner.connect(address).await?,
            writes: self.writes.clone(),
        }))
    }
}

struct Counted {
    inner: Box<dyn Stream>,
    writes: Arc<AtomicUsize>,
}

impl AsyncRead for Counted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[tokio::test]
async fn calls_that_wait_together_leave_in_one_write() {
    let (options, mut listener) = network(&[]);
    let writes = Arc::new(AtomicUsize::new(0));
    let client = client(IpcOptions {
        connector: Arc::new(Counting {
            inner: options.connector.clone(),
            writes: writes.clone(),
        }),
        ..options
    });
    let first = allocate(&client, 1);
    let mut peer = listener.accept_token().await;
    peer.serve::<AllocateRequestProto>("allocate", &numbered(2)).await;
    first.await.unwrap().unwrap();

    let before = writes.load(Ordering::Relaxed);
    let calls: Vec<_> = (0..20).map(|number| allocate(&client, number)).collect();
    for number in 0..20 {
        peer.serve::<AllocateRequestProto>("allocate", &numbered(number)).await;
    }
    assert_eq!(writes.load(Ordering::Relaxed) - before, 1);
    for (number, call) in calls.into_iter().enumerate() {
        assert_eq!(call.await.unwrap().unwrap(), number as i32);
    }
}
