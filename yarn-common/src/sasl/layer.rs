//! Protection of messages after the login: a MAC, and encryption where it was agreed.

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};
use cbc::{Decryptor, Encryptor};
use cipher::{Block, BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, StreamCipher};
use des::{Des, TdesEde2};
use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use rc4::Rc4;

use super::{Cipher, Qop, SaslError, Side, gssapi::SharedContext};

const BLOCK: usize = 8;
const MAC: usize = 10;
/// Message type 1 and the sequence number.
const TRAILER: usize = 6;
const MESSAGE_TYPE: [u8; 2] = [0, 1];

/// The session key H(A1) of a login.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionKey([u8; 16]);

impl SessionKey {
    pub(super) fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub(super) fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Both directions of the protection at one end of the connection; `None` for [`Qop::Auth`].
    pub fn layer(&self, qop: Qop, cipher: Cipher, side: Side) -> Option<(Sealer, Opener)> {
        let confidential = match qop {
            Qop::Auth => return None,
            Qop::AuthInt => false,
            Qop::AuthConf => true,
        };
        let (send, receive) = (self.direction(side, cipher), self.direction(side.peer(), cipher));
        let sealer = DigestSealer {
            mac: send.signer,
            cipher: confidential.then(|| send.encryption(cipher)),
            sequence: 0,
        };
        let opener = DigestOpener {
            mac: receive.signer,
            cipher: confidential.then(|| receive.decryption(cipher)),
            sequence: 0,
        };
        Some((
            Sealer(Sealing::Digest(Box::new(sealer))),
            Opener(Opening::Digest(Box::new(opener))),
        ))
    }

    /// The keys for what `sender` sends.
    pub(super) fn direction(&self, sender: Side, cipher: Cipher) -> DirectionKeys {
        let way = match sender {
            Side::Client => "client-to-server",
            Side::Server => "server-to-client",
        };
        let derive = |bytes: &[u8], text: String| -> [u8; 16] {
            Md5::new().chain_update(bytes).chain_update(text).finalize().into()
        };
        DirectionKeys {
            signer: derive(
                &self.0,
                format!("Digest session key to {way} signing key magic constant"),
            ),
            sealer: derive(
                &self.0[..cipher.key_bytes()],
                format!("Digest H(A1) to {way} sealing key magic constant"),
            ),
        }
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey { hidden }")
    }
}

/// The signing and the sealing key of one direction.
pub(super) struct DirectionKeys {
    pub(super) signer: [u8; 16],
    pub(super) sealer: [u8; 16],
}

impl DirectionKeys {
    /// K1 and K2 of two-key triple DES.
    pub(super) fn triple_des_key(&self) -> [u8; 16] {
        let mut key = [0; 16];
        key[..BLOCK].copy_from_slice(&spread(&self.sealer[..7]));
        key[BLOCK..].copy_from_slice(&spread(&self.sealer[7..14]));
        key
    }

    pub(super) fn initial_vector(&self) -> [u8; BLOCK] {
        std::array::from_fn(|at| self.sealer[16 - BLOCK + at])
    }

    fn encryption(&self, cipher: Cipher) -> Encryption {
        let iv = self.initial_vector();
        match cipher {
            Cipher::TripleDes => Encryption::TripleDes(keyed(&self.triple_des_key(), &iv)),
            Cipher::Des => Encryption::Des(keyed(&self.triple_des_key()[..BLOCK], &iv)),
            Cipher::Rc4 | Cipher::Rc4With56Bits | Cipher::Rc4With40Bits => Encryption::Rc4(self.rc4()),
        }
    }

    fn decryption(&self, cipher: Cipher) -> Decryption {
        let iv = self.initial_vector();
        match cipher {
            Cipher::TripleDes => Decryption::TripleDes(keyed(&self.triple_des_key(), &iv)),
            Cipher::Des => Decryption::Des(keyed(&self.triple_des_key()[..BLOCK], &iv)),
            Cipher::Rc4 | Cipher::Rc4With56Bits | Cipher::Rc4With40Bits => Decryption::Rc4(self.rc4()),
        }
    }

    fn rc4(&self) -> Box<Rc4> {
        Box::new(Rc4::new_from_slice(&self.sealer).expect("RC4 takes keys of 1 to 256 bytes"))
    }
}

/// A cipher under a key and an initial vector of the lengths that DES and triple DES have.
fn keyed<C: KeyIvInit>(key: &[u8], iv: &[u8; BLOCK]) -> C {
    C::new_from_slices(key, iv).expect("lengths of a key and a block of DES or triple DES")
}

/// How messages are encrypted. Chains and streams run across messages.
enum Encryption {
    TripleDes(Encryptor<TdesEde2>),
    Des(Encryptor<Des>),
    Rc4(Box<Rc4>),
}

impl Encryption {
    /// The length that messages are padded to.
    fn block(&self) -> Option<usize> {
        (!matches!(self, Self::Rc4(_))).then_some(BLOCK)
    }

    fn encrypt(&mut self, bytes: &mut [u8]) {
        match self {
            Self::TripleDes(cipher) => cipher.encrypt_blocks(blocks(bytes)),
            Self::Des(cipher) => cipher.encrypt_blocks(blocks(bytes)),
            Self::Rc4(cipher) => cipher.apply_keystream(bytes),
        }
    }
}

/// The other end of it.
enum Decryption {
    TripleDes(Decryptor<TdesEde2>),
    Des(Decryptor<Des>),
    Rc4(Box<Rc4>),
}

impl Decryption {
    fn block(&self) -> Option<usize> {
        (!matches!(self, Self::Rc4(_))).then_some(BLOCK)
    }

    fn decrypt(&mut self, bytes: &mut [u8]) {
        match self {
            Self::TripleDes(cipher) => cipher.decrypt_blocks(blocks(bytes)),
            Self::Des(cipher) => cipher.decrypt_blocks(blocks(bytes)),
            Self::Rc4(cipher) => cipher.apply_keystream(bytes),
        }
    }
}

/// Spreads 56 bits over eight bytes of seven, with the low bit making each byte's parity odd.
fn spread(key: &[u8]) -> [u8; BLOCK] {
    let bits = key.iter().fold(0_u64, |bits, byte| (bits << 8) | u64::from(*byte));
    std::array::from_fn(|at| {
        let seven = ((bits >> (49 - 7 * at)) as u8 & 0x7f) << 1;
        seven | u8::from(seven.count_ones().is_multiple_of(2))
    })
}

fn message_mac(key: &[u8; 16], sequence: u32, message: &[u8]) -> [u8; MAC] {
    let mut mac = Hmac::<Md5>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(&sequence.to_be_bytes());
    mac.update(message);
    let whole = mac.finalize().into_bytes();
    std::array::from_fn(|at| whole[at])
}

fn blocks(bytes: &mut [u8]) -> &mut [Block<Encryptor<TdesEde2>>] {
    // DES has blocks of the same length.
    Block::<Encryptor<TdesEde2>>::slice_as_chunks_mut(bytes).0
}

/// Wraps what we send. The cipher's chain and the sequence number run across messages: wrap in sending order.
pub struct Sealer(Sealing);

enum Sealing {
    Digest(Box<DigestSealer>),
    Gss {
        context: SharedContext,
        encrypt: bool,
        limit: usize,
    },
}

impl Sealer {
    pub(super) fn gss(context: SharedContext, encrypt: bool, limit: usize) -> Self {
        Self(Sealing::Gss {
            context,
            encrypt,
            limit,
        })
    }

    /// Wraps one message.
    ///
    /// # Errors
    /// [`SaslError::Gss`] where a security context cannot go on. DIGEST-MD5 always can.
    pub fn seal(&mut self, message: &[u8]) -> Result<Bytes, SaslError> {
        match &mut self.0 {
            Sealing::Digest(sealer) => Ok(sealer.seal(message)),
            Sealing::Gss { context, encrypt, .. } => context.wrap(*encrypt, message),
        }
    }

    /// The longest message that the peer takes, where it said so.
    pub fn max_message(&self) -> Option<usize> {
        match &self.0 {
            Sealing::Digest(_) => None,
            Sealing::Gss { limit, .. } => Some(*limit),
        }
    }
}

struct DigestSealer {
    mac: [u8; 16],
    cipher: Option<Encryption>,
    sequence: u32,
}

impl DigestSealer {
    fn seal(&mut self, message: &[u8]) -> Bytes {
        let mac = message_mac(&self.mac, self.sequence, message);
        let mut out = BytesMut::with_capacity(message.len() + MAC + BLOCK + TRAILER);
        out.put_slice(message);
        if let Some(cipher) = &mut self.cipher {
            if let Some(block) = cipher.block() {
                let padding = block - (message.len() + MAC) % block;
                out.put_bytes(padding as u8, padding);
            }
            out.put_slice(&mac);
            cipher.encrypt(&mut out);
        } else {
            out.put_slice(&mac);
        }
        out.put_slice(&MESSAGE_TYPE);
        out.put_u32(self.sequence);
        self.sequence = self.sequence.wrapping_add(1);
        out.freeze()
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer { keys hidden }")
    }
}

/// Unwraps what we receive, in the order of arrival.
pub struct Opener(Opening);

enum Opening {
    Digest(Box<DigestOpener>),
    Gss(SharedContext),
}

impl Opener {
    pub(super) fn gss(context: SharedContext) -> Self {
        Self(Opening::Gss(context))
    }

    /// Checks one wrapped message and gives its content.
    ///
    /// # Errors
    /// When the message is too short, out of sequence or altered. The connection cannot be used after that.
    pub fn open(&mut self, wrapped: &[u8]) -> Result<Bytes, SaslError> {
        match &mut self.0 {
            Opening::Digest(opener) => opener.open(wrapped),
            Opening::Gss(context) => context.open(wrapped),
        }
    }
}

struct DigestOpener {
    mac: [u8; 16],
    cipher: Option<Decryption>,
    sequence: u32,
}

impl DigestOpener {
    fn open(&mut self, wrapped: &[u8]) -> Result<Bytes, SaslError> {
        let body = wrapped
            .len()
            .checked_sub(TRAILER)
            .ok_or(SaslError::TooShort(wrapped.len()))?;
        let (body, trailer) = wrapped.split_at(body);
        if trailer[..2] != MESSAGE_TYPE {
            return Err(SaslError::Integrity("unknown message type"));
        }
        if trailer[2..] != self.sequence.to_be_bytes() {
            return Err(SaslError::Integrity("it is out of sequence"));
        }
        let mut plain = BytesMut::from(body);
        let padding = self.decrypt(&mut plain)?;
        let end = plain
            .len()
            .checked_sub(MAC + padding)
            .ok_or(SaslError::TooShort(wrapped.len()))?;
        let expected = message_mac(&self.mac, self.sequence, &plain[..end]);
        let given = &plain[plain.len() - MAC..];
        // Without an early exit, so that timing tells nothing about the place of a difference.
        if expected
            .iter()
            .zip(given)
            .fold(0, |difference, (a, b)| difference | (a ^ b))
            != 0
        {
            return Err(SaslError::Integrity("its authentication code is wrong"));
        }
        self.sequence = self.sequence.wrapping_add(1);
        plain.truncate(end);
        Ok(plain.freeze())
    }

    /// Decrypts in place where encryption was agreed; returns the length of the padding before the MAC.
    fn decrypt(&mut self, body: &mut BytesMut) -> Result<usize, SaslError> {
        let Some(cipher) = &mut self.cipher else { return Ok(0) };
        let Some(block) = cipher.block() else {
            cipher.decrypt(body);
            return Ok(0);
        };
        if body.len() < 2 * block || !body.len().is_multiple_of(block) {
            return Err(SaslError::TooShort(body.len()));
        }
        cipher.decrypt(body);
        match usize::from(body[body.len() - MAC - 1]) {
            padding @ 1..=BLOCK => Ok(padding),
            _ => Err(SaslError::Integrity("its padding is wrong")),
        }
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opener { keys hidden }")
    }
}
