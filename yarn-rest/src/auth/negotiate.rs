//! SPNEGO (RFC 4559): the negotiation over HTTP; the tokens come from a [`SecurityContextProvider`].
//!
//! ```text
//! request ──► 401 WWW-Authenticate: Negotiate
//!         ──► Authorization: Negotiate TOKEN ──► 200 WWW-Authenticate: Negotiate TOKEN, Set-Cookie: hadoop.auth=…
//! next    ──► Cookie: hadoop.auth=… ──► 200                            (until the cookie ends: 401, and anew)
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::future::BoxFuture;
use http::header::{AUTHORIZATION, COOKIE, SET_COOKIE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use yarn_common::gss::{SecurityContext, SecurityContextProvider};

use super::{AnswerParts, AuthError, Authenticator, RequestParts};

const SCHEME: &str = "Negotiate";
const AUTH_COOKIE: &str = "hadoop.auth=";

/// Kerberos over HTTP. The server's cookie is kept for each server, so that a ticket is shown once in ten hours and not
/// with each request. The server must prove who it is, too, as soon as it says anything in its last answer.
#[derive(Clone)]
pub struct Negotiate {
    provider: Arc<dyn SecurityContextProvider>,
    /// By origin: `https://rm.example.com:8090`.
    cookies: Arc<Mutex<BTreeMap<String, HeaderValue>>>,
}

/// The context of one request, between its rounds.
#[derive(Clone)]
struct Login(Arc<Mutex<Box<dyn SecurityContext>>>);

impl Negotiate {
    /// Asks as whom `provider` has a ticket for.
    pub fn new(provider: impl SecurityContextProvider + 'static) -> Self {
        Self {
            provider: Arc::new(provider),
            cookies: Arc::default(),
        }
    }

    /// One step of the context of this request, on a thread that may block: it may ask the key distribution centre.
    async fn step(&self, request: &mut RequestParts, token: Option<Vec<u8>>) -> Result<Option<Vec<u8>>, AuthError> {
        let host = request.url.host_str().unwrap_or_default().to_ascii_lowercase();
        let (login, provider) = (request.state.get::<Login>().cloned(), Arc::clone(&self.provider));
        let step = move || -> Result<(Login, Option<Vec<u8>>), AuthError> {
            let login = match login {
                Some(login) => login,
                None => Login(Arc::new(Mutex::new(provider.initiate("HTTP", &host)?))),
            };
            let answer = login
                .0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .step(token.as_deref())?;
            Ok((login, answer))
        };
        let (login, answer) = tokio::task::spawn_blocking(step).await??;
        request.state.insert(login);
        Ok(answer)
    }

    async fn answer(&self, request: &mut RequestParts, answer: &AnswerParts) -> Result<bool, AuthError> {
        let Some(token) = token_of(&answer.headers)? else {
            return Ok(false);
        };
        let begun = request.state.get::<Login>().is_some();
        if begun && token.is_none() {
            // The server begins again: it has refused what was said.
            return Ok(false);
        }
        self.forget(request);
        let Some(token) = self.step(request, token).await? else {
            return Ok(false);
        };
        let mut value = HeaderValue::try_from(format!("{SCHEME} {}", STANDARD.encode(token)))?;
        value.set_sensitive(true);
        request.headers.insert(AUTHORIZATION, value);
        Ok(true)
    }

    async fn conclude(&self, request: &mut RequestParts, answer: &AnswerParts) -> Result<(), AuthError> {
        if let (Some(Some(token)), true) = (token_of(&answer.headers)?, request.state.get::<Login>().is_some()) {
            self.step(request, Some(token)).await.map_err(|cause| {
                AuthError::from(format!(
                    "{} has not proved who it is: {cause}",
                    request.url.origin().ascii_serialization()
                ))
            })?;
        }
        self.remember(request, &answer.headers);
        Ok(())
    }

    fn remember(&self, request: &RequestParts, headers: &HeaderMap) {
        let cookies = headers
            .get_all(SET_COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok());
        let found = cookies
            .filter_map(|cookie| cookie.split(';').next())
            .find(|cookie| cookie.starts_with(AUTH_COOKIE) && !matches!(&cookie[AUTH_COOKIE.len()..], "" | "\"\""));
        if let Some(mut cookie) = found.and_then(|cookie| HeaderValue::from_str(cookie).ok()) {
            cookie.set_sensitive(true);
            let mut cookies = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
            cookies.insert(origin(request), cookie);
        }
    }

    fn forget(&self, request: &mut RequestParts) {
        request.headers.remove(COOKIE);
        let mut cookies = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
        cookies.remove(&origin(request));
    }
}

impl Authenticator for Negotiate {
    fn authenticate<'a>(&'a self, request: &'a mut RequestParts) -> BoxFuture<'a, Result<(), AuthError>> {
        let cookies = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cookie) = cookies.get(&origin(request)) {
            request.headers.insert(COOKIE, cookie.clone());
        }
        Box::pin(async { Ok(()) })
    }

    fn challenged<'a>(
        &'a self,
        request: &'a mut RequestParts,
        answer: &'a AnswerParts,
    ) -> BoxFuture<'a, Result<bool, AuthError>> {
        Box::pin(self.answer(request, answer))
    }

    fn accepted<'a>(
        &'a self,
        request: &'a mut RequestParts,
        answer: &'a AnswerParts,
    ) -> BoxFuture<'a, Result<(), AuthError>> {
        Box::pin(async move {
            if answer.status == StatusCode::UNAUTHORIZED {
                return Ok(());
            }
            self.conclude(request, answer).await
        })
    }

    fn describe(&self) -> String {
        self.provider.describe()
    }
}

impl fmt::Debug for Negotiate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Negotiate")
            .field("provider", &self.provider)
            .finish_non_exhaustive()
    }
}

fn origin(request: &RequestParts) -> String {
    request.url.origin().ascii_serialization()
}

/// `None` where the server does not speak of it; `Some(None)` where it has nothing to say but its name.
fn token_of(headers: &HeaderMap) -> Result<Option<Option<Vec<u8>>>, AuthError> {
    let values = headers
        .get_all(WWW_AUTHENTICATE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    for value in values {
        let (scheme, rest) = value.trim().split_once(' ').unwrap_or((value.trim(), ""));
        if scheme.eq_ignore_ascii_case(SCHEME) {
            let rest = rest.trim();
            if rest.is_empty() {
                return Ok(Some(None));
            }
            let token = STANDARD
                .decode(rest)
                .map_err(|_| format!("the server's {SCHEME} token {rest:?} is not Base64"))?;
            return Ok(Some(Some(token)));
        }
    }
    Ok(None)
}
