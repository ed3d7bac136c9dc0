//! How a client connects: who it is, how long it waits, TLS, proxies. All clients of this crate take one.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::{Certificate, Client, ClientBuilder, Identity, Proxy};
use url::Url;

use crate::auth::{Anonymous, Authenticator};
use crate::builder::{BuildError, CLIENT_CERTIFICATE, EXTRA_CA};
use crate::error::RestErrorKind;
use crate::failure;
use crate::http::Http;

/// Which proxy is used for hosts other than this machine; loopback addresses are always reached directly, as in Java.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Proxies {
    /// What `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` say, in capitals or not.
    #[default]
    Environment,
    /// None.
    None,
    /// This one, for all: `http://proxy:3128`, with user and password where it wants them.
    Server(String),
}

/// How a client connects. The default: anonymous, 5 s to connect, 30 s for a request, the system's certificates, the
/// environment's proxies.
///
/// ```
/// use std::time::Duration;
/// use yarn_rest::auth::Simple;
/// use yarn_rest::transport::{Proxies, Transport};
///
/// let transport = Transport::new()
///     .authenticator(Simple::new("alice"))
///     .request_timeout(Duration::from_secs(10))
///     .proxies(Proxies::None);
/// # let _ = transport;
/// ```
#[derive(Debug, Clone)]
pub struct Transport {
    authenticator: Arc<dyn Authenticator>,
    connect_timeout: Duration,
    request_timeout: Duration,
    proxies: Proxies,
    extra_roots: Vec<Certificate>,
    identity: Option<Identity>,
}

impl Default for Transport {
    fn default() -> Self {
        Self {
            authenticator: Arc::new(Anonymous),
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(30),
            proxies: Proxies::default(),
            extra_roots: Vec::new(),
            identity: None,
        }
    }
}

impl Transport {
    /// The default.
    pub fn new() -> Self {
        Self::default()
    }

    /// Who asks; [`Anonymous`] by default.
    #[must_use]
    pub fn authenticator(mut self, authenticator: impl Authenticator + 'static) -> Self {
        self.authenticator = Arc::new(authenticator);
        self
    }

    /// How long a connection may take.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long one request may take, its answer included. Of a stream (a file, a log): how long nothing may move.
    #[must_use]
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// Which proxy is used.
    #[must_use]
    pub fn proxies(mut self, proxies: Proxies) -> Self {
        self.proxies = proxies;
        self
    }

    /// Trusts the authorities in `pem` (one or more certificates) besides the system's.
    ///
    /// # Errors
    /// [`BuildError::BadCertificate`] where there is none in it.
    pub fn extra_ca(mut self, pem: &[u8]) -> Result<Self, BuildError> {
        let bad = |reason: String| BuildError::BadCertificate { what: EXTRA_CA, reason };
        let certificates = Certificate::from_pem_bundle(pem).map_err(|cause| bad(cause.to_string()))?;
        if certificates.is_empty() {
            return Err(bad("there is no certificate in it".to_owned()));
        }
        self.extra_roots.extend(certificates);
        Ok(self)
    }

    /// Proves itself by the certificate and private key in `pem` where the server asks for one.
    ///
    /// # Errors
    /// [`BuildError::BadCertificate`] where either is missing.
    pub fn client_certificate(mut self, pem: &[u8]) -> Result<Self, BuildError> {
        self.identity = Some(Identity::from_pem(pem).map_err(|cause| BuildError::BadCertificate {
            what: CLIENT_CERTIFICATE,
            reason: cause.to_string(),
        })?);
        Ok(self)
    }

    pub(crate) fn build(&self) -> Result<Http, BuildError> {
        for (what, timeout) in [
            ("connect time-out", self.connect_timeout),
            ("request time-out", self.request_timeout),
        ] {
            if timeout.is_zero() {
                return Err(BuildError::ZeroTimeout { what });
            }
        }
        let authenticator = &self.authenticator;
        authenticator.check().map_err(|reason| BuildError::Authenticator {
            who: authenticator.describe(),
            reason,
        })?;
        let direct = DirectClient::new(self)?;
        let proxied = match &self.proxies {
            Proxies::None => None,
            Proxies::Environment => Some(self.client(|builder| builder)?),
            Proxies::Server(url) => {
                let proxy = proxy(url)?;
                Some(self.client(|builder| builder.proxy(proxy))?)
            }
        };
        Ok(Http {
            direct,
            proxied,
            authenticator: Arc::clone(authenticator),
            timeout: self.request_timeout,
        })
    }

    fn client(&self, and: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Result<Client, BuildError> {
        and(self.builder()).build().map_err(BuildError::Client)
    }

    fn builder(&self) -> ClientBuilder {
        let mut builder = Client::builder()
            .connect_timeout(self.connect_timeout)
            // They are followed with the body and remembered, or are an answer in themselves.
            .redirect(reqwest::redirect::Policy::none());
        for root in &self.extra_roots {
            builder = builder.add_root_certificate(root.clone());
        }
        if let Some(identity) = &self.identity {
            builder = builder.identity(identity.clone());
        }
        builder
    }
}

/// Reaches servers without a proxy. The system's certificates are read at the first address that is `https`: they are
/// half a megabyte, and most clusters' addresses are `http`.
#[derive(Debug, Clone)]
pub(crate) struct DirectClient {
    transport: Transport,
    plain: Client,
    secure: Arc<OnceLock<Client>>,
}

impl DirectClient {
    fn new(transport: &Transport) -> Result<Self, BuildError> {
        let direct = Self {
            transport: transport.clone(),
            plain: transport.client(|builder| builder.no_proxy().tls_built_in_root_certs(false))?,
            secure: Arc::default(),
        };
        // What the caller gave is checked now, not at the first request.
        if transport.identity.is_some() || !transport.extra_roots.is_empty() {
            direct.secure().map_err(BuildError::Client)?;
        }
        Ok(direct)
    }

    pub(crate) fn client(&self, url: &Url) -> Result<&Client, RestErrorKind> {
        if url.scheme() == "http" {
            return Ok(&self.plain);
        }
        self.secure().map_err(|cause| RestErrorKind::Tls {
            address: failure::authority(url),
            cause: failure::root_cause(&cause),
            remedy: "install this system's certificates (ca-certificates), or give the cluster's own as an extra CA",
        })
    }

    fn secure(&self) -> Result<&Client, reqwest::Error> {
        if let Some(made) = self.secure.get() {
            return Ok(made);
        }
        let made = self.transport.builder().no_proxy().build()?;
        Ok(self.secure.get_or_init(|| made))
    }
}

fn proxy(text: &str) -> Result<Proxy, BuildError> {
    let bad = |reason: String| BuildError::BadProxy {
        url: text.rsplit('@').next().unwrap_or_default().to_owned(),
        reason,
    };
    let url = Url::parse(text).map_err(|cause| bad(cause.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(bad("its scheme is neither http nor https".to_owned()));
    }
    Proxy::all(url).map_err(|cause| bad(cause.to_string()))
}

/// Java's rule: this machine is not reached through a proxy.
pub(crate) fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
