//! The server: a request in JSON in each connection, and its answer.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::interval;
use turmoil::net::{TcpListener, TcpStream};

use super::{Answer, PORT, Request, SharedEnsemble};

/// How often it looks for sessions that were silent for too long.
const LOOK: Duration = Duration::from_millis(100);

/// The host of the server.
pub(crate) async fn serve(ensemble: SharedEnsemble) -> turmoil::Result {
    let listener = TcpListener::bind(("0.0.0.0", PORT)).await?;
    let mut look = interval(LOOK);
    loop {
        tokio::select! {
            biased;
            accepted = listener.accept() => {
                let (stream, _) = accepted?;
                let ensemble = ensemble.clone();
                // A client that goes away has no use for an answer.
                tokio::spawn(async move { drop(answer(stream, ensemble).await) });
            }
            _ = look.tick() => ensemble.lock().expire_silent(now()),
        }
    }
}

async fn answer(mut stream: TcpStream, ensemble: SharedEnsemble) -> io::Result<()> {
    let request: Request = serde_json::from_slice(&read(&mut stream).await?)?;
    let answer = ensemble.lock().answer(request, now());
    match answer {
        Some(answer) => write(&mut stream, &serde_json::to_vec(&answer)?).await,
        None => Ok(()),
    }
}

/// Asks the server.
pub(super) async fn ask(request: &Request) -> io::Result<Answer> {
    let mut stream = TcpStream::connect((super::ZOOKEEPER, PORT)).await?;
    write(&mut stream, &serde_json::to_vec(request)?).await?;
    Ok(serde_json::from_slice(&read(&mut stream).await?)?)
}

async fn read(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut message = vec![0; stream.read_u32().await? as usize];
    stream.read_exact(&mut message).await?;
    Ok(message)
}

async fn write(stream: &mut TcpStream, message: &[u8]) -> io::Result<()> {
    let length = u32::try_from(message.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes()[..], message].concat()).await
}

fn now() -> Duration {
    turmoil::sim_elapsed().unwrap_or_default()
}
