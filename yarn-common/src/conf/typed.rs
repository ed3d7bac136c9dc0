//! Values as numbers, switches, durations and lists.

use std::str::FromStr;
use std::time::Duration;

use super::HadoopConfiguration;
use super::error::ConfError;

impl HadoopConfiguration {
    /// A number.
    ///
    /// # Errors
    /// [`ConfError::BadValue`] where the value is not one.
    pub fn get_u64(&self, key: &str) -> Result<Option<u64>, ConfError> {
        self.parsed(key, "a whole number of at least 0")
    }

    /// A number that may be negative.
    ///
    /// # Errors
    /// [`ConfError::BadValue`] where the value is not one.
    pub fn get_i64(&self, key: &str) -> Result<Option<i64>, ConfError> {
        self.parsed(key, "a whole number")
    }

    /// `true` or `false`, in any case.
    ///
    /// # Errors
    /// [`ConfError::BadValue`] for anything else.
    pub fn get_bool(&self, key: &str) -> Result<Option<bool>, ConfError> {
        self.get(key)?
            .map(|value| match value.to_ascii_lowercase().as_str() {
                "true" => Ok(true),
                "false" => Ok(false),
                _ => Err(self.bad_value(key, &value, "true or false")),
            })
            .transpose()
    }

    /// A time in Hadoop's form: a number and `ns`, `us`, `ms`, `s`, `m`, `h` or `d`; milliseconds without a unit.
    ///
    /// # Errors
    /// [`ConfError::BadValue`] for anything else, a negative number included.
    pub fn get_duration(&self, key: &str) -> Result<Option<Duration>, ConfError> {
        self.get(key)?
            .map(|value| {
                duration(&value).ok_or_else(|| self.bad_value(key, &value, "a duration, such as 500ms or 30s"))
            })
            .transpose()
    }

    /// The items between commas, trimmed, without empty ones; an empty list where the property is not set.
    ///
    /// # Errors
    /// [`ConfError::SubstitutionTooDeep`].
    pub fn get_list(&self, key: &str) -> Result<Vec<String>, ConfError> {
        let value = self.get(key)?.unwrap_or_default();
        Ok(value
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(str::to_owned)
            .collect())
    }

    fn parsed<T: FromStr>(&self, key: &str, expected: &str) -> Result<Option<T>, ConfError> {
        self.get(key)?
            .map(|value| value.parse().map_err(|_| self.bad_value(key, &value, expected)))
            .transpose()
    }

    pub(super) fn bad_value(&self, key: &str, value: &str, expected: &str) -> ConfError {
        ConfError::BadValue {
            key: key.to_owned(),
            value: value.to_owned(),
            source_file: self.source_or_files(key),
            expected: expected.to_owned(),
        }
    }
}

fn duration(text: &str) -> Option<Duration> {
    let text = text.to_ascii_lowercase();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let seconds = |factor: u64| number.checked_mul(factor).map(Duration::from_secs);
    match unit.trim() {
        "" | "ms" => Some(Duration::from_millis(number)),
        "ns" => Some(Duration::from_nanos(number)),
        "us" => Some(Duration::from_micros(number)),
        "s" => seconds(1),
        "m" => seconds(60),
        "h" => seconds(3600),
        "d" => seconds(86_400),
        _ => None,
    }
}
