//! Fractions of sizes as Flink computes them, to the byte.

use super::error::{MemoryProblem, human};
use crate::config::{ConfigError, ConfigOption};
use crate::{Configuration, MemorySize};

/// A part of a size: a fraction of it, but no less than a minimum and no more than a maximum.
#[derive(Debug, Clone, Copy)]
pub(super) struct RangeFraction {
    pub(super) min: MemorySize,
    pub(super) max: MemorySize,
    fraction: f64,
}

/// The options that make a [`RangeFraction`].
pub(super) struct RangeFractionOptions {
    pub(super) min: ConfigOption<MemorySize>,
    pub(super) max: ConfigOption<MemorySize>,
    pub(super) fraction: ConfigOption<f32>,
}

impl RangeFraction {
    pub(super) fn read(configuration: &Configuration, options: &RangeFractionOptions) -> Result<Self, MemoryProblem> {
        let (min, max) = (configuration.get(&options.min)?, configuration.get(&options.max)?);
        let fraction = read_fraction(configuration, &options.fraction)?;
        if min > max {
            return Err(MemoryProblem::Fraction(format!(
                "{} is {} and {} is {}; the minimum must not exceed the maximum",
                options.min.key(),
                human(min),
                options.max.key(),
                human(max)
            )));
        }
        Ok(Self { min, max, fraction })
    }

    /// The part of a whole that contains it.
    pub(super) fn of(self, whole: MemorySize) -> Result<MemorySize, MemoryProblem> {
        Ok(multiply(whole, self.fraction)?.clamp(self.min, self.max))
    }

    /// The part that stands beside `rest`, so that it is the fraction of both together.
    pub(super) fn beside(self, rest: MemorySize) -> Result<MemorySize, MemoryProblem> {
        let factor = self.fraction / (1.0 - self.fraction);
        Ok(multiply(rest, factor)?.clamp(self.min, self.max))
    }

    pub(super) fn contains(self, size: MemorySize) -> bool {
        (self.min..=self.max).contains(&size)
    }
}

/// Flink's fractions are 32-bit floats that are widened: 0.1 becomes 0.10000000149011612.
pub(super) fn read_fraction(configuration: &Configuration, option: &ConfigOption<f32>) -> Result<f64, MemoryProblem> {
    let fraction = configuration.get(option)?;
    if !(0.0..1.0).contains(&fraction) {
        return Err(MemoryProblem::Fraction(format!(
            "{} is {fraction}; it must be at least 0 and less than 1",
            option.key()
        )));
    }
    Ok(f64::from(fraction))
}

/// Multiplies in decimal, with the shortest decimal text that stands for the factor, and cuts to whole bytes.
pub(super) fn multiply(size: MemorySize, factor: f64) -> Result<MemorySize, MemoryProblem> {
    debug_assert!(factor.is_finite() && factor >= 0.0);
    let text = factor.to_string();
    let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
    // At most 17 significant digits, so that the product with 64 bits stays within 128.
    let digits: u128 = format!("{whole}{decimals}").parse().unwrap_or(0);
    let scale = u32::try_from(decimals.len())
        .ok()
        .and_then(|exponent| 10_u128.checked_pow(exponent));
    let product = digits.saturating_mul(u128::from(size.bytes()));
    // A scale beyond 128 bits makes less than one byte of any size.
    let bytes = scale.map_or(0, |scale| product / scale);
    within_range(u64::try_from(bytes).unwrap_or(u64::MAX))
}

fn within_range(bytes: u64) -> Result<MemorySize, MemoryProblem> {
    let size = MemorySize::from_bytes(bytes);
    match size <= MemorySize::MAX {
        true => Ok(size),
        false => Err(MemoryProblem::Overflow),
    }
}

/// The sum, or a refusal where it is more than a size can be.
pub(super) fn sum(sizes: impl IntoIterator<Item = MemorySize>) -> Result<MemorySize, MemoryProblem> {
    within_range(saturating_sum(sizes).bytes())
}

/// The sum of sizes that are known to fit.
pub(super) fn saturating_sum(sizes: impl IntoIterator<Item = MemorySize>) -> MemorySize {
    let bytes = sizes
        .into_iter()
        .fold(0_u64, |sum, size| sum.saturating_add(size.bytes()));
    MemorySize::from_bytes(bytes)
}

/// What is left of `whole`, or `None` where `part` is more.
pub(super) fn rest(whole: MemorySize, part: MemorySize) -> Option<MemorySize> {
    whole.bytes().checked_sub(part.bytes()).map(MemorySize::from_bytes)
}

impl From<ConfigError> for MemoryProblem {
    fn from(error: ConfigError) -> Self {
        Self::Option(error)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_fraction_is_a_widened_float_and_the_product_is_cut() {
        let tenth = f64::from(0.1_f32);
        assert_eq!(tenth.to_string(), "0.10000000149011612");
        for (bytes, factor, expected) in [
            (1_342_177_280, tenth, Ok(134_217_730)),
            (9, 1e-30, Ok(0)),
            (7, 1e-60, Ok(0)),
            (i64::MAX as u64, 1.0, Ok(i64::MAX as u64)),
            (i64::MAX as u64, 99.0, Err(MemoryProblem::Overflow)),
        ] {
            let product = multiply(MemorySize::from_bytes(bytes), factor);
            assert_eq!(product.map(MemorySize::bytes), expected, "{bytes} * {factor}");
        }
    }

    proptest! {
        #[test]
        fn a_part_is_never_more_than_its_whole(bytes in 0..u64::MAX / 2, fraction in 0.0_f32..1.0) {
            let whole = MemorySize::from_bytes(bytes);
            prop_assert!(multiply(whole, f64::from(fraction)).unwrap() <= whole);
        }
    }
}
