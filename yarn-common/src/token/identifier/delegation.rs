//! A user's right to speak to a daemon, passed on to others.

use bytes::{Buf, BufMut, Bytes};
use prost::Message;

use super::decoded;
use super::message::DelegationMessage;
use crate::token::{TokenError, writable};

const RM_KIND: &str = "ResourceManager delegation token";
/// The only version of the `Writable` form.
const VERSION: u8 = 0;

/// Whose right a delegation token passes on, to whom and for how long; the same for the ResourceManager and for HDFS,
/// in two encodings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DelegationTokenIdentifier {
    /// The user whose right it is.
    pub owner: String,
    /// Who may renew it; empty for nobody.
    pub renewer: String,
    /// The user who obtained it for the owner; empty where the owner did.
    pub real_user: String,
    /// When it was issued, in milliseconds since 1970.
    pub issue_date: i64,
    /// When it ends even if it is renewed, in milliseconds since 1970.
    pub max_date: i64,
    /// Its number at the issuer.
    pub sequence_number: i32,
    /// The issuer's key that signed it.
    pub master_key_id: i32,
}

impl DelegationTokenIdentifier {
    /// Reads the ResourceManager's form: protobuf, or the `Writable` of old releases.
    ///
    /// # Errors
    /// [`TokenError::Identifier`], [`TokenError::Truncated`], [`TokenError::NotText`].
    pub fn decode_yarn(bytes: &[u8]) -> Result<Self, TokenError> {
        // No protobuf message begins with a zero.
        if bytes.first() == Some(&VERSION) {
            return Self::decode_hdfs(bytes);
        }
        let message: DelegationMessage = decoded(RM_KIND, bytes)?;
        Ok(Self {
            owner: message.owner.unwrap_or_default(),
            renewer: message.renewer.unwrap_or_default(),
            real_user: message.real_user.unwrap_or_default(),
            issue_date: message.issue_date.unwrap_or_default(),
            max_date: message.max_date.unwrap_or_default(),
            sequence_number: message.sequence_number.unwrap_or_default(),
            master_key_id: message.master_key_id.unwrap_or_default(),
        })
    }

    /// The bytes that a ResourceManager writes.
    pub fn encode_yarn(&self) -> Bytes {
        let message = DelegationMessage {
            owner: Some(self.owner.clone()),
            renewer: Some(self.renewer.clone()),
            real_user: Some(self.real_user.clone()),
            issue_date: Some(self.issue_date),
            max_date: Some(self.max_date),
            sequence_number: Some(self.sequence_number),
            master_key_id: Some(self.master_key_id),
        };
        message.encode_to_vec().into()
    }

    /// Reads the form of HDFS, WebHDFS's tokens included.
    ///
    /// # Errors
    /// [`TokenError::IdentifierVersion`], [`TokenError::Truncated`], [`TokenError::NotText`],
    /// [`TokenError::Length`].
    pub fn decode_hdfs(bytes: &[u8]) -> Result<Self, TokenError> {
        let mut input = Bytes::copy_from_slice(bytes);
        let what = "delegation token identifier";
        match input.try_get_u8() {
            Err(_) => return Err(TokenError::Truncated { what }),
            Ok(VERSION) => {}
            Ok(other) => return Err(TokenError::IdentifierVersion(other)),
        }
        Ok(Self {
            owner: writable::get_text(&mut input, "owner of a delegation token")?,
            renewer: writable::get_text(&mut input, "renewer of a delegation token")?,
            real_user: writable::get_text(&mut input, "real user of a delegation token")?,
            issue_date: writable::get_vlong(&mut input, "issue date of a delegation token")?,
            max_date: writable::get_vlong(&mut input, "end of a delegation token")?,
            sequence_number: writable::get_vint(&mut input, "number of a delegation token")?,
            master_key_id: writable::get_vint(&mut input, "key of a delegation token")?,
        })
    }

    /// The bytes that a NameNode writes.
    pub fn encode_hdfs(&self) -> Bytes {
        let mut out = Vec::new();
        out.put_u8(VERSION);
        for text in [&self.owner, &self.renewer, &self.real_user] {
            writable::put_bytes(&mut out, text.as_bytes());
        }
        writable::put_vlong(&mut out, self.issue_date);
        writable::put_vlong(&mut out, self.max_date);
        writable::put_vlong(&mut out, self.sequence_number.into());
        writable::put_vlong(&mut out, self.master_key_id.into());
        out.into()
    }
}
