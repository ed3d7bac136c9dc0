//! The login: who we are, our proof, the server's proof.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use md5::{Digest, Md5};

use super::{Challenge, Cipher, Opener, Qop, SaslError, Sealer, SessionKey, Side, challenge::directives};
use crate::token::Token;

/// Hadoop's digest-uri for token logins: an empty protocol and the server id `default`.
const DIGEST_URI: &str = "/default";
const NONCE_COUNT: &str = "00000001";
const MAX_BUFFER: u32 = 65536;

/// The credentials of a DIGEST-MD5 login.
#[derive(Clone)]
pub struct DigestMd5 {
    user: String,
    password: String,
    weak_ciphers: bool,
}

impl DigestMd5 {
    /// The login of a token: Base64 of its identifier as user, Base64 of its password as password.
    pub fn for_token(token: &Token) -> Self {
        Self {
            user: STANDARD.encode(token.identifier()),
            password: STANDARD.encode(token.password()),
            weak_ciphers: false,
        }
    }

    /// The same, accepting the broken ciphers `rc4`, `des`, `rc4-56` and `rc4-40` where a server has no better one.
    #[must_use]
    pub fn with_weak_ciphers(mut self, allowed: bool) -> Self {
        self.weak_ciphers = allowed;
        self
    }

    /// Answers a challenge with the strongest protection offered. `cnonce` must be fresh and random; Base64 of 30
    /// random bytes is usual.
    ///
    /// # Errors
    /// When the server offers no protection that we can give.
    pub fn respond(&self, challenge: &Challenge, cnonce: &str) -> Result<(Vec<u8>, DigestSession), SaslError> {
        let (qop, chosen) = challenge.strongest(self.weak_ciphers)?;
        let exchange = Exchange {
            nonce: &challenge.nonce,
            cnonce,
            qop,
        };
        let key = self.session_key(&challenge.realm, &challenge.nonce, cnonce);
        let cipher = match qop {
            Qop::AuthConf => format!(",cipher=\"{}\"", chosen.as_str()),
            _ => String::new(),
        };
        let response = format!(
            "charset=utf-8,username=\"{}\",realm=\"{}\",nonce=\"{}\",nc={NONCE_COUNT},cnonce=\"{cnonce}\",\
             digest-uri=\"{DIGEST_URI}\",maxbuf={MAX_BUFFER},response={},qop={qop}{cipher}",
            quote(&self.user),
            quote(&challenge.realm),
            quote(&challenge.nonce),
            exchange.proof(&key, Side::Client),
        );
        let session = DigestSession {
            server_proof: exchange.proof(&key, Side::Server),
            key,
            qop,
            cipher: chosen,
        };
        Ok((response.into_bytes(), session))
    }

    /// The session key H(A1), from which all proofs and message keys derive.
    pub fn session_key(&self, realm: &str, nonce: &str, cnonce: &str) -> SessionKey {
        let secret = Md5::digest(format!("{}:{realm}:{}", self.user, self.password));
        SessionKey::new(
            Md5::new()
                .chain_update(secret)
                .chain_update(format!(":{nonce}:{cnonce}"))
                .finalize()
                .into(),
        )
    }
}

impl fmt::Debug for DigestMd5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DigestMd5 { hidden }")
    }
}

/// What both proofs of one login are made over.
struct Exchange<'a> {
    nonce: &'a str,
    cnonce: &'a str,
    qop: Qop,
}

impl Exchange<'_> {
    fn proof(&self, key: &SessionKey, side: Side) -> String {
        let verb = if side == Side::Client { "AUTHENTICATE" } else { "" };
        let suffix = if self.qop == Qop::Auth {
            ""
        } else {
            ":00000000000000000000000000000000"
        };
        let a2 = hex::encode(Md5::digest(format!("{verb}:{DIGEST_URI}{suffix}")));
        let key = hex::encode(key.as_bytes());
        let (nonce, cnonce, qop) = (self.nonce, self.cnonce, self.qop);
        hex::encode(Md5::digest(format!("{key}:{nonce}:{NONCE_COUNT}:{cnonce}:{qop}:{a2}")))
    }
}

/// A login whose response was sent: it checks the server's proof and then yields the message protection.
#[derive(Debug)]
pub struct DigestSession {
    key: SessionKey,
    qop: Qop,
    cipher: Cipher,
    server_proof: String,
}

impl DigestSession {
    /// The protection that the response chose.
    pub fn qop(&self) -> Qop {
        self.qop
    }

    /// Checks the server's final message, `rspauth=…`. The result is the message protection, or `None` for
    /// [`Qop::Auth`], after which messages travel as they are.
    ///
    /// # Errors
    /// [`SaslError::ServerProof`] when the server does not know the token's password.
    pub fn verify(&self, final_message: &[u8]) -> Result<Option<(Sealer, Opener)>, SaslError> {
        let text = std::str::from_utf8(final_message).map_err(|_| SaslError::ServerProof)?;
        let proof = directives(text)?
            .into_iter()
            .find(|(name, _)| name == "rspauth")
            .map(|(_, value)| value);
        if proof.as_deref() != Some(self.server_proof.as_str()) {
            return Err(SaslError::ServerProof);
        }
        Ok(self.key.layer(self.qop, self.cipher, Side::Client))
    }
}

/// The server's side of a login, for simulated servers: checks a response made with `credentials` against the
/// challenge's nonce and realm, and gives the final message and the session key.
impl DigestMd5 {
    /// Verifies a client's response and returns `rspauth=…`, the protection that it chose and the session key.
    ///
    /// # Errors
    /// When a directive is missing or the proof is wrong.
    pub fn accept(&self, challenge: &Challenge, response: &[u8]) -> Result<(Vec<u8>, Qop, SessionKey), SaslError> {
        let text = std::str::from_utf8(response).map_err(|_| SaslError::Challenge("not UTF-8".to_owned()))?;
        let given = directives(text)?;
        let find = |name: &str| {
            let found = given
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.as_str());
            found.ok_or_else(|| SaslError::Challenge(format!("the response holds no {name}")))
        };
        let cnonce = find("cnonce")?;
        let qop = Qop::from_name(find("qop")?).filter(|qop| challenge.qops.contains(qop));
        let qop = qop.ok_or_else(|| SaslError::Challenge("a protection that was not offered".to_owned()))?;
        let exchange = Exchange {
            nonce: &challenge.nonce,
            cnonce,
            qop,
        };
        let key = self.session_key(&challenge.realm, &challenge.nonce, cnonce);
        let proven = find("username")? == self.user && find("digest-uri")? == DIGEST_URI;
        if !proven || find("response")? != exchange.proof(&key, Side::Client) {
            return Err(SaslError::Integrity(
                "digest response format violation: mismatched response",
            ));
        }
        Ok((
            format!("rspauth={}", exchange.proof(&key, Side::Server)).into_bytes(),
            qop,
            key,
        ))
    }
}

fn quote(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
