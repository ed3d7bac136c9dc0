//! GSSAPI as the clients here need it: two small traits, so that any implementation (MIT Kerberos loaded at run time, a
//! test's own) can prove a user to a Hadoop IPC server or, as SPNEGO, to a web server.
//!
//! ```text
//! client                      provider.initiate("HTTP", "rm.example.com")
//!   step(None)      ──► token ──► server
//!   step(answer)    ◄── token ◄── server          … until is_established()
//! ```

#[cfg(feature = "kerberos")]
mod kerberos;
#[cfg(feature = "kerberos")]
mod library;

use std::error::Error;
use std::fmt::Debug;

#[cfg(feature = "kerberos")]
pub use self::kerberos::Kerberos;

/// Why a security context could not be made or continued: what the library says, with the remedy where it is known
/// (no ticket: run `kinit`).
pub type GssError = Box<dyn Error + Send + Sync>;

/// Makes security contexts for one identity, such as the ticket cache of a user or a keytab.
pub trait SecurityContextProvider: Debug + Send + Sync {
    /// Begins a context with the service `service` at `host`: the principal `service/host`. Nothing is sent yet.
    ///
    /// It may block for as long as the key distribution centre takes; callers on an async runtime step it on a thread
    /// that may block.
    ///
    /// # Errors
    /// Where no credentials are there or the library cannot be loaded.
    fn initiate(&self, service: &str, host: &str) -> Result<Box<dyn SecurityContext>, GssError>;

    /// Who this is, for messages: `as alice@EXAMPLE.COM, by Kerberos`.
    fn describe(&self) -> String;
}

/// The initiator's side of one login.
pub trait SecurityContext: Send {
    /// Takes the peer's last token, `None` at the beginning, and gives the one to send, `None` where there is nothing
    /// more to say. May block.
    ///
    /// # Errors
    /// Where the peer's token is wrong, or no ticket for the service can be had.
    fn step(&mut self, token: Option<&[u8]>) -> Result<Option<Vec<u8>>, GssError>;

    /// Whether both sides have proved who they are.
    fn is_established(&self) -> bool;

    /// Protects a message for the peer: with a code that shows any change, and encrypted where `encrypt`.
    ///
    /// # Errors
    /// Where the context is not established, or only logs in.
    fn wrap(&mut self, encrypt: bool, message: &[u8]) -> Result<Vec<u8>, GssError> {
        let _ = (encrypt, message);
        Err("this security context cannot protect messages".into())
    }

    /// Checks and opens a message of the peer.
    ///
    /// # Errors
    /// Where it was altered, repeated or reordered, or the context only logs in.
    fn unwrap_message(&mut self, message: &[u8]) -> Result<Vec<u8>, GssError> {
        let _ = message;
        Err("this security context cannot open protected messages".into())
    }
}
