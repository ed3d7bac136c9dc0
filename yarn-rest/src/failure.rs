//! What a request that got no answer means.

use std::error::Error;
use std::time::Duration;

use url::Url;

use crate::error::RestErrorKind;

/// Why `error` happened at `base`.
pub(crate) fn kind(error: &reqwest::Error, base: &Url, origin: Option<&str>, after: Duration) -> RestErrorKind {
    if let Some(tls) = find::<rustls::Error>(error) {
        return RestErrorKind::Tls {
            address: authority(base),
            cause: tls.to_string(),
            remedy: tls_remedy(tls),
        };
    }
    if find::<hyper::Error>(error).is_some_and(hyper::Error::is_parse) {
        return RestErrorKind::NotHttp {
            address: authority(base),
            cause: root_cause(error),
        };
    }
    let chain = causes(error).map(ToString::to_string);
    if let Some(tunnel) = chain.into_iter().find(|text| text.contains("tunnel error")) {
        return RestErrorKind::Proxy {
            address: authority(base),
            cause: tunnel,
        };
    }
    if error.is_connect() {
        return RestErrorKind::Connect {
            address: authority(base),
            origin: origin.map(str::to_owned),
            cause: root_cause(error),
        };
    }
    if error.is_timeout() {
        return RestErrorKind::Timeout { after };
    }
    RestErrorKind::Interrupted {
        cause: root_cause(error),
    }
}

fn tls_remedy(error: &rustls::Error) -> &'static str {
    use rustls::CertificateError::{
        Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet, NotValidYetContext,
        UnknownIssuer,
    };
    use rustls::{AlertDescription, Error as Tls};
    match error {
        Tls::InvalidCertificate(UnknownIssuer) => {
            "no authority that is trusted here has signed its certificate; give the cluster's own as an extra CA"
        }
        Tls::InvalidCertificate(Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. }) => {
            "check the clocks of this machine and of the server, then the certificate"
        }
        Tls::InvalidCertificate(NotValidForName | NotValidForNameContext { .. }) => {
            "its certificate is for another name; use that name, or the server's certificate must be renewed"
        }
        Tls::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::HandshakeFailure,
        ) => "the server may want a client certificate of an authority that it trusts",
        Tls::InvalidMessage(_) => {
            "does the port speak plain HTTP? then the address begins with http:// (yarn.http.policy)"
        }
        _ => "check the certificates of both sides",
    }
}

/// Host and port, the port of the scheme included.
pub(crate) fn authority(url: &Url) -> String {
    let port = url
        .port_or_known_default()
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    format!("{}{port}", url.host_str().unwrap_or_default())
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    let first: &(dyn Error + 'static) = error;
    std::iter::successors(Some(first), |&cause| cause.source())
}

/// The first cause of this type. An I/O error holds another error that is not its source, and may hold an I/O error.
fn find<E: Error + 'static>(error: &reqwest::Error) -> Option<&E> {
    causes(error).find_map(|cause| {
        let mut held = cause;
        while held.downcast_ref::<E>().is_none() {
            held = held.downcast_ref::<std::io::Error>()?.get_ref()?;
        }
        held.downcast_ref()
    })
}

pub(crate) fn root_cause(error: &reqwest::Error) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}
