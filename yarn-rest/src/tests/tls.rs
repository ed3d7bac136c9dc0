//! Handshakes with a server of our own, whose authority nobody else knows.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::error::{RestError, RestErrorKind};
use crate::model::ClusterInfo;
use crate::rm::RmClient;
use crate::transport::{Proxies, Transport};

type Authority = CertifiedIssuer<'static, KeyPair>;

const BODY: &str = r#"{"clusterInfo":{"state":"STARTED"}}"#;

fn authority(name: &str) -> Authority {
    let mut parameters = CertificateParams::new(Vec::new()).unwrap();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
    CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate for `name`, and its key.
struct Own {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Own {
    fn signed_by(authority: &Authority, name: &str) -> Self {
        Self::of(CertificateParams::new([name.to_owned()]).unwrap(), authority)
    }

    fn of(parameters: CertificateParams, authority: &Authority) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.signed_by(&key, authority).unwrap();
        Self { certificate, key }
    }

    fn pem(&self) -> Vec<u8> {
        format!("{}{}", self.certificate.pem(), self.key.serialize_pem()).into_bytes()
    }
}

fn der(authority: &Authority) -> CertificateDer<'static> {
    authority.der().clone()
}

/// Answers over TLS with its `own` certificate; where `clients` is given, only those whom it has signed for.
async fn server(own: &Own, clients: Option<&Authority>) -> String {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(der(authority)).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let key = PrivateKeyDer::try_from(own.key.serialize_der()).unwrap();
    let configuration = builder
        .with_single_cert(vec![own.certificate.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(configuration));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(acceptor.clone(), stream));
        }
    });
    format!("https://{address}")
}

async fn serve(acceptor: TlsAcceptor, stream: TcpStream) {
    match acceptor.accept(stream).into_fallible().await {
        Ok(mut stream) => {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let length = BODY.len();
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{BODY}"
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
            let _ = stream.shutdown().await;
        }
        // What it still sends is read, so that it reads why: closing at once would take the reason away from it.
        Err((_, mut stream)) => {
            let _ = stream.shutdown().await;
            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
        }
    }
}

async fn ask(url: &str, transport: Transport) -> Result<ClusterInfo, RestError> {
    let builder = RmClient::builder().resource_manager(url, None).unwrap();
    let rm = builder.transport(transport.proxies(Proxies::None)).build().unwrap();
    rm.info().await
}

fn trusting(authority: &Authority) -> Transport {
    Transport::new().extra_ca(authority.pem().as_bytes()).unwrap()
}

fn assert_tls(error: &RestError, remedy: &str) {
    assert!(matches!(error.kind(), RestErrorKind::Tls { .. }), "{error}");
    assert!(error.to_string().contains(remedy), "{error}");
    assert!(error.was_never_served() && !error.is_transient(), "{error}");
}

#[tokio::test]
async fn an_extra_authority_is_trusted_and_no_other() {
    let (ours, others) = (authority("ours"), authority("others"));
    let url = server(&Own::signed_by(&ours, "127.0.0.1"), None).await;
    let info = ask(&url, trusting(&ours)).await.unwrap();
    assert_eq!(info.state.as_deref(), Some("STARTED"));
    let both = trusting(&others).extra_ca(ours.pem().as_bytes()).unwrap();
    ask(&url, both).await.unwrap();

    for transport in [Transport::new(), trusting(&others)] {
        let error = ask(&url, transport).await.unwrap_err();
        assert_tls(&error, "give the cluster's own as an extra CA");
    }
}

#[tokio::test]
async fn a_server_with_the_certificate_of_another_or_with_an_old_one_is_refused() {
    let ours = authority("ours");
    let other = server(&Own::signed_by(&ours, "rm.example.com"), None).await;
    let error = ask(&other, trusting(&ours)).await.unwrap_err();
    assert_tls(&error, "its certificate is for another name");

    let mut old = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    old.not_before = rcgen::date_time_ymd(2001, 1, 1);
    old.not_after = rcgen::date_time_ymd(2002, 1, 1);
    let old = server(&Own::of(old, &ours), None).await;
    let error = ask(&old, trusting(&ours)).await.unwrap_err();
    assert_tls(&error, "check the clocks");
}

#[tokio::test]
async fn a_client_proves_itself_by_its_certificate() {
    let (ours, others) = (authority("ours"), authority("others"));
    let url = server(&Own::signed_by(&ours, "127.0.0.1"), Some(&ours)).await;
    let with = |own: &Own| trusting(&ours).client_certificate(&own.pem()).unwrap();
    let info = ask(&url, with(&Own::signed_by(&ours, "alice"))).await.unwrap();
    assert_eq!(info.state.as_deref(), Some("STARTED"));

    let strange = with(&Own::signed_by(&others, "alice"));
    for transport in [trusting(&ours), strange] {
        let error = ask(&url, transport).await.unwrap_err();
        assert_tls(&error, "may want a client certificate");
    }
}
