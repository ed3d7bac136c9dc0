//! The server's challenge: a list of directives.

use super::{Cipher, Qop, SaslError};

/// A DIGEST-MD5 challenge, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The realm; Hadoop servers say `default`.
    pub realm: String,
    /// The server's nonce.
    pub nonce: String,
    /// What the server offers, in its order; `auth` alone when it says nothing.
    pub qops: Vec<Qop>,
    /// The ciphers offered for `auth-conf`, in the server's order.
    pub ciphers: Vec<String>,
}

impl Challenge {
    /// Reads a challenge such as `realm="default",nonce="…",qop="auth",charset=utf-8,algorithm=md5-sess`.
    ///
    /// # Errors
    /// When it is not text, holds no nonce, names another algorithm or offers only unknown qualities of protection.
    pub fn parse(bytes: &[u8]) -> Result<Self, SaslError> {
        let text = std::str::from_utf8(bytes).map_err(|_| SaslError::Challenge("it is not UTF-8".to_owned()))?;
        let directives = directives(text)?;
        let find = |name: &str| {
            directives
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.as_str())
        };
        match find("algorithm") {
            Some("md5-sess") => {}
            other => return Err(SaslError::Challenge(format!("algorithm {other:?} is not md5-sess"))),
        }
        let nonce = find("nonce").ok_or_else(|| SaslError::Challenge("it holds no nonce".to_owned()))?;
        let offered = find("qop").unwrap_or("auth");
        let qops: Vec<Qop> = list(offered).filter_map(Qop::from_name).collect();
        if qops.is_empty() {
            return Err(SaslError::NothingInCommon {
                what: "qualities of protection",
                offered: offered.to_owned(),
                supported: "auth, auth-int, auth-conf",
            });
        }
        Ok(Self {
            realm: find("realm").unwrap_or_default().to_owned(),
            nonce: nonce.to_owned(),
            qops,
            ciphers: list(find("cipher").unwrap_or_default()).map(str::to_owned).collect(),
        })
    }

    /// The strongest protection offered that we can give, and its cipher. `auth-conf` needs the 3DES cipher, or a weaker
    /// one where `weak_ciphers` are allowed; it is passed over where the server offers something else besides.
    ///
    /// # Errors
    /// [`SaslError::WeakCiphers`] or [`SaslError::NothingInCommon`] when the server offers `auth-conf` alone and without
    /// a cipher that may be used.
    pub fn strongest(&self, weak_ciphers: bool) -> Result<(Qop, Cipher), SaslError> {
        let mut known = Cipher::ALL.into_iter().filter(|cipher| self.offers(*cipher));
        let cipher = known
            .clone()
            .find(|cipher| weak_ciphers || *cipher == Cipher::TripleDes);
        let usable = self
            .qops
            .iter()
            .copied()
            .filter(|qop| *qop != Qop::AuthConf || cipher.is_some());
        let offered = self.ciphers.join(",");
        match usable.max() {
            Some(qop) => Ok((qop, cipher.unwrap_or_default())),
            None if known.next().is_some() => Err(SaslError::WeakCiphers { offered }),
            None => Err(SaslError::NothingInCommon {
                what: "ciphers",
                offered,
                supported: "3des",
            }),
        }
    }

    fn offers(&self, cipher: Cipher) -> bool {
        self.ciphers.iter().any(|name| name == cipher.as_str())
    }
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// Splits `name=value,name="quoted value"` with backslash escapes inside quotes.
pub(super) fn directives(text: &str) -> Result<Vec<(String, String)>, SaslError> {
    let malformed = |what: &str| SaslError::Challenge(format!("{what} in {text:?}"));
    let mut found = Vec::new();
    let mut rest = text.trim_matches(is_separator);
    while !rest.is_empty() {
        let (name, after) = rest
            .split_once('=')
            .ok_or_else(|| malformed("a directive without a value"))?;
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => unquote(quoted).ok_or_else(|| malformed("an unclosed quote"))?,
            None => {
                let end = after.find(',').unwrap_or(after.len());
                (after[..end].trim().to_owned(), &after[end..])
            }
        };
        found.push((name.trim().to_owned(), value));
        rest = after.trim_start_matches(is_separator);
    }
    Ok(found)
}

fn is_separator(character: char) -> bool {
    character == ',' || character.is_whitespace()
}

/// The text up to the closing quote, unescaped, and what follows it.
fn unquote(quoted: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}
