//! SASL GSSAPI (RFC 4752): a login by security contexts, and the protection that is agreed at its end.
//!
//! ```text
//! client ── token ──────────────► server      until the context is established
//!        ◄───────────── token ──
//!        ── (empty) ────────────►
//!        ◄── wrapped: layers, size
//!        ── wrapped: layer, size ►             then both protect what they send
//! ```

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::{Opener, Qop, SaslError, Sealer};
use crate::gss::{GssError, SecurityContext};

/// What we take at most in one protected message; the answer to the server's own number.
const MAX_MESSAGE: u32 = 65536;
/// More than the protection adds to a message.
const OVERHEAD: u32 = 256;

/// A GSSAPI login. Its steps may block: the ticket for the server may have to be fetched.
pub struct GssapiLogin {
    context: Box<dyn SecurityContext>,
    weakest: Qop,
    agreed: Option<(Qop, u32)>,
}

impl GssapiLogin {
    /// A login in a fresh context that accepts no weaker protection than `weakest`.
    pub fn new(context: Box<dyn SecurityContext>, weakest: Qop) -> Self {
        Self {
            context,
            weakest,
            agreed: None,
        }
    }

    /// The first message to the server.
    ///
    /// # Errors
    /// [`SaslError::Gss`], for example without a ticket.
    pub fn begin(&mut self) -> Result<Vec<u8>, SaslError> {
        Ok(self.context.step(None).map_err(failed)?.unwrap_or_default())
    }

    /// The answer to a challenge.
    ///
    /// # Errors
    /// [`SaslError::Gss`] where the server is not the one that it should be; [`SaslError::NothingInCommon`] where it
    /// offers no protection that is strong enough.
    pub fn respond(&mut self, challenge: &[u8]) -> Result<Vec<u8>, SaslError> {
        if !self.context.is_established() {
            return Ok(self.context.step(Some(challenge)).map_err(failed)?.unwrap_or_default());
        }
        let offer = self.context.unwrap_message(challenge).map_err(failed)?;
        let &[layers, high, middle, low] = offer.as_slice() else {
            return Err(SaslError::Challenge(format!(
                "the offer of protections has {} bytes instead of 4",
                offer.len()
            )));
        };
        let qop = self.strongest(layers)?;
        let limit = u32::from_be_bytes([0, high, middle, low]);
        let [_, high, middle, low] = if qop == Qop::Auth {
            [0; 4]
        } else {
            (MAX_MESSAGE - 1).to_be_bytes()
        };
        self.agreed = Some((qop, limit));
        self.context.wrap(false, &[bit(qop), high, middle, low]).map_err(failed)
    }

    fn strongest(&self, layers: u8) -> Result<Qop, SaslError> {
        let offered = [Qop::AuthConf, Qop::AuthInt, Qop::Auth];
        let usable = offered
            .into_iter()
            .find(|qop| layers & bit(*qop) != 0 && *qop >= self.weakest);
        usable.ok_or_else(|| {
            let names = offered.iter().filter(|qop| layers & bit(**qop) != 0);
            SaslError::NothingInCommon {
                what: "qualities of protection",
                offered: names.map(|qop| qop.as_str()).collect::<Vec<_>>().join(","),
                supported: self.weakest.as_str(),
            }
        })
    }

    /// The server has accepted the login: the protection of what follows, or `None` where messages travel as they are.
    ///
    /// # Errors
    /// [`SaslError::ServerProof`] when the server accepts before it has proved who it is and protections were agreed.
    pub fn finish(self) -> Result<Option<(Sealer, Opener)>, SaslError> {
        let (qop, limit) = self.agreed.ok_or(SaslError::ServerProof)?;
        let encrypt = match qop {
            Qop::Auth => return Ok(None),
            Qop::AuthInt => false,
            Qop::AuthConf => true,
        };
        let shared = SharedContext(Arc::new(Mutex::new(self.context)));
        let limit = limit.saturating_sub(OVERHEAD).max(OVERHEAD) as usize;
        Ok(Some((Sealer::gss(shared.clone(), encrypt, limit), Opener::gss(shared))))
    }
}

impl fmt::Debug for GssapiLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GssapiLogin")
            .field("agreed", &self.agreed)
            .finish_non_exhaustive()
    }
}

fn bit(qop: Qop) -> u8 {
    match qop {
        Qop::Auth => 1,
        Qop::AuthInt => 2,
        Qop::AuthConf => 4,
    }
}

#[allow(clippy::needless_pass_by_value, reason = "used as a function in map_err")]
fn failed(error: GssError) -> SaslError {
    SaslError::Gss(error.to_string())
}

/// One context for both directions.
#[derive(Clone)]
pub(super) struct SharedContext(Arc<Mutex<Box<dyn SecurityContext>>>);

impl SharedContext {
    pub(super) fn wrap(&self, encrypt: bool, message: &[u8]) -> Result<Bytes, SaslError> {
        let mut context = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        context.wrap(encrypt, message).map(Into::into).map_err(failed)
    }

    pub(super) fn open(&self, message: &[u8]) -> Result<Bytes, SaslError> {
        let mut context = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        context.unwrap_message(message).map(Into::into).map_err(failed)
    }
}
