//! An amount of a resource that can be divided: CPU cores, and external resources by name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How many decimals an amount has, as in Flink; what is beyond is cut.
const DECIMALS: usize = 8;
const ONE: u128 = 10_u128.pow(DECIMALS as u32);

/// A decimal amount of at least 0 with eight decimals: exact where a binary fraction is not, so that the slots of a worker
/// never add up to more than the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Quantity(u128);

/// A text that is no amount.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("'{0}' is not an amount; write a number of at least 0, such as 2 or 0.5")]
pub struct ParseQuantityError(String);

impl Quantity {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// A whole amount.
    pub const fn from_whole(amount: u64) -> Self {
        Self(amount as u128 * ONE)
    }

    /// The decimal number that `amount` prints as, cut to eight decimals; `None` where it is negative or not finite.
    pub fn from_f64(amount: f64) -> Option<Self> {
        amount.to_string().parse().ok()
    }

    /// The nearest binary number, for wires and users.
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / ONE as f64
    }

    /// The least whole amount that is not less.
    pub fn ceil(self) -> u64 {
        u64::try_from(self.0.div_ceil(ONE)).unwrap_or(u64::MAX)
    }

    /// The whole part.
    pub fn floor(self) -> u64 {
        u64::try_from(self.0 / ONE).unwrap_or(u64::MAX)
    }

    /// Whether it is nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum, where it fits.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, where `other` is not more.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// The product, where it fits.
    pub fn checked_mul(self, factor: u32) -> Option<Self> {
        self.0.checked_mul(u128::from(factor)).map(Self)
    }

    /// One of `parts` equal parts, cut to eight decimals; 0 parts count as one.
    #[must_use]
    pub fn divided_by(self, parts: u32) -> Self {
        Self(self.0 / u128::from(parts.max(1)))
    }
}

impl FromStr for Quantity {
    type Err = ParseQuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = || ParseQuantityError(text.to_owned());
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.len() + decimals.len() == 0 || !is_number(whole) || !is_number(decimals) {
            return Err(fail());
        }
        let kept: String = decimals.chars().chain("00000000".chars()).take(DECIMALS).collect();
        format!("{whole}{kept}").parse().map(Self).map_err(|_| fail())
    }
}

impl TryFrom<String> for Quantity {
    type Error = ParseQuantityError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Quantity> for String {
    fn from(quantity: Quantity) -> Self {
        quantity.to_string()
    }
}

/// Without exponent and without trailing zeros: `2`, `0.33333333`.
impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, decimals) = (self.0 / ONE, self.0 % ONE);
        if decimals == 0 {
            return write!(f, "{whole}");
        }
        let decimals = format!("{decimals:08}");
        write!(f, "{whole}.{}", decimals.trim_end_matches('0'))
    }
}
