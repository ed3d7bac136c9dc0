//! Tickets of MIT Kerberos: the default credentials of this process.

use super::library::{Context, Mechanism};
use super::{GssError, SecurityContext, SecurityContextProvider};

/// Proves this process by its Kerberos ticket: the cache that `KRB5CCNAME` names or the user's default one, else a
/// keytab that `KRB5_CLIENT_KTNAME` names. The library, `libgssapi_krb5`, is opened with the first login.
///
/// Towards web servers (service `HTTP`) it speaks SPNEGO, else Kerberos itself. Tickets are never delegated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kerberos;

impl SecurityContextProvider for Kerberos {
    fn initiate(&self, service: &str, host: &str) -> Result<Box<dyn SecurityContext>, GssError> {
        if service.is_empty() || host.is_empty() {
            return Err(format!("the server named no principal (service {service:?}, host {host:?})").into());
        }
        let mechanism = match service {
            "HTTP" => Mechanism::Spnego,
            _ => Mechanism::Krb5,
        };
        Ok(Box::new(Context::new(service, host, mechanism)?))
    }

    fn describe(&self) -> String {
        "with the Kerberos ticket of this process".to_owned()
    }
}

impl SecurityContext for Context {
    fn step(&mut self, token: Option<&[u8]>) -> Result<Option<Vec<u8>>, GssError> {
        Self::step(self, token)
    }

    fn is_established(&self) -> bool {
        self.established
    }

    fn wrap(&mut self, encrypt: bool, message: &[u8]) -> Result<Vec<u8>, GssError> {
        Self::wrap(self, encrypt, message)
    }

    fn unwrap_message(&mut self, message: &[u8]) -> Result<Vec<u8>, GssError> {
        self.unwrap(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With or without the library, with or without a ticket: a login with a host that has no principal ends in an
    /// error that says what to do.
    #[test]
    fn a_login_without_a_ticket_says_what_to_do() {
        for service in ["rm", "HTTP"] {
            let failed = Kerberos
                .initiate(service, "no-such-host.invalid")
                .and_then(|mut context| {
                    assert!(!context.is_established());
                    assert!(context.wrap(true, b"early").is_err());
                    context.step(None)
                });
            let error = failed.unwrap_err().to_string();
            assert!(
                error.contains("kinit") || error.contains("install") || error.contains("klist"),
                "{error}"
            );
        }
        let error = Kerberos.initiate("", "host").err().unwrap().to_string();
        assert!(error.contains("no principal"), "{error}");
    }
}
