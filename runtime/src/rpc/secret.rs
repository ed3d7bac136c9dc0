//! The application's secret: 32 random bytes that the client makes and that master and workers present on every call,
//! so that nobody who merely reaches a port can deploy a task.

use std::fmt;

use rand::Rng;
use thiserror::Error;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::{Request, Status};

const HEADER: &str = "x-selvedge-secret";

/// The secret of one application. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct ApplicationSecret([u8; 32]);

/// Bytes that are no secret.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the application secret has {0} bytes, expected 32")]
pub struct SecretError(usize);

impl ApplicationSecret {
    /// The name under which the secret stands among the secrets of the containers' credentials.
    pub const CREDENTIALS_ALIAS: &'static str = "selvedge.application.secret";

    /// A new secret. The generator must be a cryptographic one.
    pub fn random(rng: &mut impl Rng) -> Self {
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// The secret of these bytes, as the credentials carry them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SecretError> {
        bytes.try_into().map(Self).map_err(|_| SecretError(bytes.len()))
    }

    /// The bytes, to be put into credentials.
    pub const fn expose_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// What adds the secret to outgoing calls and demands it of incoming ones.
    pub fn interceptor(&self) -> SecretInterceptor {
        SecretInterceptor {
            secret: self.clone(),
            side: Side::Server,
        }
    }

    pub(super) fn client_interceptor(&self) -> SecretInterceptor {
        SecretInterceptor {
            secret: self.clone(),
            side: Side::Client,
        }
    }

    fn header_value(&self) -> MetadataValue<Ascii> {
        let mut value: MetadataValue<Ascii> = hex::encode(self.0)
            .parse()
            .expect("hexadecimal digits are a valid header value");
        value.set_sensitive(true);
        value
    }

    /// Compares without telling by its time where the difference is.
    fn matches(&self, presented: &[u8]) -> bool {
        let mut bytes = [0; 32];
        let decoded = hex::decode_to_slice(presented, &mut bytes).is_ok();
        let difference = self
            .0
            .iter()
            .zip(bytes)
            .fold(0, |difference, (own, theirs)| difference | (own ^ theirs));
        decoded && difference == 0
    }
}

impl fmt::Debug for ApplicationSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApplicationSecret(******)")
    }
}

#[derive(Debug, Clone, Copy)]
enum Side {
    Client,
    Server,
}

/// Puts the secret on each call, or demands it.
#[derive(Debug, Clone)]
pub struct SecretInterceptor {
    secret: ApplicationSecret,
    side: Side,
}

impl Interceptor for SecretInterceptor {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        match self.side {
            Side::Client => {
                request.metadata_mut().insert(HEADER, self.secret.header_value());
                Ok(request)
            }
            Side::Server => match request.metadata().get(HEADER) {
                Some(presented) if self.secret.matches(presented.as_bytes()) => Ok(request),
                Some(_) => Err(Status::unauthenticated("the application secret does not match")),
                None => Err(Status::unauthenticated("the call carries no application secret")),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(byte: u8) -> ApplicationSecret {
        ApplicationSecret::from_bytes(&[byte; 32]).unwrap()
    }

    #[test]
    fn only_the_same_secret_passes() {
        let signed = secret(7).client_interceptor().call(Request::new(())).unwrap();
        assert!(secret(7).interceptor().call(signed).is_ok());
        let foreign = secret(8).client_interceptor().call(Request::new(())).unwrap();
        assert!(secret(7).interceptor().call(foreign).is_err());
        assert!(secret(7).interceptor().call(Request::new(())).is_err());
    }

    #[test]
    fn a_secret_is_never_printed() {
        assert!(!format!("{:?}", secret(7)).contains('7'));
        assert_eq!(ApplicationSecret::from_bytes(&[1, 2]), Err(SecretError(2)));
    }
}
