//! Between the messages on the wire and the types that callers use.

mod ids;
mod launch;
mod resources;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, convert::Infallible, num::TryFromIntError};

use yarn_common::token::Token;

use crate::proto::{common::TokenProto, yarn::StringStringMapProto};

/// An answer lacks something that every ResourceManager and NodeManager sends, or holds an impossible value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer holds no usable {0}")]
pub struct ConversionError(pub(crate) &'static str);

/// A number out of range; the field that holds it has the better name.
const NUMBER: &str = "number";

impl From<TryFromIntError> for ConversionError {
    fn from(_: TryFromIntError) -> Self {
        Self(NUMBER)
    }
}

impl From<Infallible> for ConversionError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// Converts a field that must be there. The error names the innermost field that is wrong.
pub(crate) fn required<P, T>(field: Option<P>, name: &'static str) -> Result<T, ConversionError>
where
    T: TryFrom<P, Error: Into<ConversionError>>,
{
    let field = field.ok_or(ConversionError(name))?;
    T::try_from(field).map_err(|error| match error.into() {
        ConversionError(NUMBER) => ConversionError(name),
        inner => inner,
    })
}

/// Hadoop's way of writing a map: pairs, of which the last of a name counts.
pub(crate) fn text_map(pairs: Vec<StringStringMapProto>) -> BTreeMap<String, String> {
    let pair = |pair: StringStringMapProto| (pair.key.unwrap_or_default(), pair.value.unwrap_or_default());
    pairs.into_iter().map(pair).collect()
}

/// Converts every element.
pub(crate) fn all<P, T: TryFrom<P, Error = ConversionError>>(fields: Vec<P>) -> Result<Vec<T>, ConversionError> {
    fields.into_iter().map(T::try_from).collect()
}

impl From<&Token> for TokenProto {
    fn from(token: &Token) -> Self {
        Self {
            identifier: token.identifier().clone(),
            password: token.password().clone(),
            kind: token.kind().as_str().to_owned(),
            service: token.service().to_owned(),
        }
    }
}

impl From<TokenProto> for Token {
    fn from(token: TokenProto) -> Self {
        Self::new(token.identifier, token.password, token.kind.as_str(), token.service)
    }
}
