//! The name of a host that is known by its address.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use crate::machine;

/// How long a look-up may take: one that nobody answers takes a resolver much longer.
const PATIENCE: Duration = Duration::from_secs(2);

/// The name of a host where it is given by an address that has one; otherwise what was given. The machine's own addresses stay.
pub async fn look_up(host: &str) -> String {
    // A simulated network has no names.
    if machine::replaced().is_some() {
        return host.to_owned();
    }
    name_of(host, |address| async move {
        let found = machine::run_blocking(move || dns_lookup::lookup_addr(&address)).await;
        found.map_err(io::Error::other)?
    })
    .await
}

async fn name_of<F: Future<Output = io::Result<String>>>(host: &str, ask: impl FnOnce(IpAddr) -> F) -> String {
    let address = host.parse::<IpAddr>().ok();
    let Some(address) = address.filter(|address| !address.is_loopback() && !address.is_unspecified()) else {
        return host.to_owned();
    };
    match tokio::time::timeout(PATIENCE, ask(address)).await {
        Ok(Ok(name)) if !name.is_empty() => name,
        Ok(Ok(_)) => host.to_owned(),
        Ok(Err(error)) => {
            tracing::warn!("no name is found for {host}, which stays: {error}");
            host.to_owned()
        }
        Err(_) => {
            tracing::warn!("no name is found for {host} within {PATIENCE:?}, which stays");
            host.to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_becomes_its_name_and_everything_else_stays() {
        let found = async |host: &str, name: &str| name_of(host, |_| async { Ok(name.to_owned()) }).await;
        assert_eq!(found("10.0.0.7", "node-7.example").await, "node-7.example");
        assert_eq!(found("fd00::7", "node-7.example").await, "node-7.example");
        assert_eq!(found("10.0.0.7", "").await, "10.0.0.7");
        let never = |_| async { panic!("nobody is asked") };
        for host in ["node-1", "node-1.example", "127.0.0.1", "::1", "0.0.0.0", ""] {
            assert_eq!(name_of(host, never).await, host);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_without_a_name_and_a_silent_resolver_cost_nothing_but_the_name() {
        let refused = name_of("10.0.0.8", |_| async { Err(io::ErrorKind::NotFound.into()) });
        assert_eq!(refused.await, "10.0.0.8");
        assert_eq!(name_of("10.0.0.9", |_| std::future::pending()).await, "10.0.0.9");
    }
}
