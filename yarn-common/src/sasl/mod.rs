//! SASL DIGEST-MD5 (RFC 2831) as Hadoop uses it: the login with a token, and the protection of what follows.
//!
//! A server that accepts tokens sends a [`Challenge`]; [`DigestMd5::respond`] answers it with the token's identifier
//! as user name and its password, and gives a [`DigestSession`] that checks the server's own proof. With a quality of
//! protection above [`Qop::Auth`] the session ends in a [`Sealer`] and an [`Opener`], one for each direction, which
//! wrap and unwrap everything that is sent from then on.
//!
//! MD5 and 3DES are what the protocol demands; nothing here is a choice of strength. Its weaker ciphers are refused
//! unless they are allowed by name.
//!
//! [`GssapiLogin`] is the login with a Kerberos ticket, over any [`SecurityContext`](crate::gss::SecurityContext).
//!
//! ```
//! use yarn_common::{sasl::{Challenge, DigestMd5}, token::{Token, TokenKind}};
//!
//! let token = Token::new(&b"id"[..], &b"password"[..], TokenKind::AmRm, "");
//! let challenge = Challenge::parse(br#"realm="default",nonce="bm9uY2U=",qop="auth",algorithm=md5-sess"#)?;
//! let (response, session) = DigestMd5::for_token(&token).respond(&challenge, "Y25vbmNl")?;
//! assert!(response.starts_with(b"charset=utf-8,username=\"aWQ=\""));
//! assert!(session.verify(b"rspauth=00000000000000000000000000000000").is_err());
//! # Ok::<(), yarn_common::sasl::SaslError>(())
//! ```

mod challenge;
mod digest;
mod gssapi;
mod layer;

#[cfg(test)]
mod tests;

use std::fmt;

pub use self::challenge::Challenge;
pub use self::digest::{DigestMd5, DigestSession};
pub use self::gssapi::GssapiLogin;
pub use self::layer::{Opener, Sealer, SessionKey};

/// What protects the messages after the login: Hadoop's `hadoop.rpc.protection`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Qop {
    /// `auth` (Hadoop: `authentication`): the login alone.
    Auth,
    /// `auth-int` (Hadoop: `integrity`): every message carries a MAC.
    AuthInt,
    /// `auth-conf` (Hadoop: `privacy`): every message is encrypted and carries a MAC.
    AuthConf,
}

impl Qop {
    /// The name in SASL messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::AuthInt => "auth-int",
            Self::AuthConf => "auth-conf",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Auth, Self::AuthInt, Self::AuthConf]
            .into_iter()
            .find(|qop| qop.as_str() == name)
    }
}

impl fmt::Display for Qop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What encrypts messages under [`Qop::AuthConf`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Cipher {
    /// `3des`: two-key triple DES.
    #[default]
    TripleDes,
    /// `des`: broken.
    Des,
    /// `rc4` with 128 bits: broken.
    Rc4,
    /// `rc4-56`: broken.
    Rc4With56Bits,
    /// `rc4-40`: broken.
    Rc4With40Bits,
}

impl Cipher {
    /// Best first, as Java prefers them.
    const ALL: [Self; 5] = [
        Self::TripleDes,
        Self::Rc4,
        Self::Des,
        Self::Rc4With56Bits,
        Self::Rc4With40Bits,
    ];

    /// The name in SASL messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TripleDes => "3des",
            Self::Des => "des",
            Self::Rc4 => "rc4",
            Self::Rc4With56Bits => "rc4-56",
            Self::Rc4With40Bits => "rc4-40",
        }
    }

    /// How much of the session key goes into the cipher's own.
    fn key_bytes(self) -> usize {
        match self {
            Self::Rc4With40Bits => 5,
            Self::Rc4With56Bits => 7,
            _ => 16,
        }
    }
}

/// Which end of the connection we are. Simulated servers in tests are the reason that this is public.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The end that opened the connection.
    Client,
    /// The end that accepted it.
    Server,
}

impl Side {
    /// The other end.
    pub fn peer(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// Why a login or a protected message failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SaslError {
    /// The challenge cannot be read.
    #[error("the server's DIGEST-MD5 challenge cannot be used: {0}")]
    Challenge(String),
    /// The server offers nothing that we speak.
    #[error("the server offers {what} {offered:?}, of which none is supported; supported: {supported}")]
    NothingInCommon {
        /// Quality of protection or cipher.
        what: &'static str,
        /// The server's list.
        offered: String,
        /// Ours.
        supported: &'static str,
    },
    /// The server encrypts with broken ciphers only.
    #[error(
        "the server encrypts (auth-conf) only with {offered}, which are broken; let it offer 3des, set \
         hadoop.rpc.protection to integrity, or allow weak ciphers"
    )]
    WeakCiphers {
        /// The server's list.
        offered: String,
    },
    /// The Kerberos login or its protection failed.
    #[error("the Kerberos login failed: {0}")]
    Gss(String),
    /// The server could not prove that it knows the token's password.
    #[error("the server did not prove that it knows the token's password; it may be an impostor")]
    ServerProof,
    /// A protected message is too short to hold what the protection adds.
    #[error("a protected message of {0} bytes is too short")]
    TooShort(usize),
    /// A protected message was altered, lost, repeated or reordered.
    #[error("a protected message failed its check: {0}")]
    Integrity(&'static str),
}
