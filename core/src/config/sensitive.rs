//! Which values nobody may see: they are masked in logs, over REST and on the terminal.

use super::catalogue::{self, Known};

/// Parts of keys whose values are secrets: Flink's list.
const SENSITIVE: &[&str] = &[
    "password",
    "secret",
    "fs.azure.account.key",
    "apikey",
    "api-key",
    "auth-params",
    "service-key",
    "token",
    "basic-auth",
    "jaas.config",
    "http-headers",
];

/// What stands for a secret.
pub const MASK: &str = "******";

/// Whether the values of this key must not be shown.
pub fn is_sensitive(key: &str) -> bool {
    let lower = key.to_lowercase();
    SENSITIVE.iter().any(|part| lower.contains(part)) && may_be_secret(key)
}

/// Whether this value must not be shown: it also must not stand on a command line, which everybody on a machine can read.
pub fn is_secret(key: &str, value: &str) -> bool {
    is_sensitive(key) || is_keytab(key, value)
}

/// The value as it may be shown.
pub fn shown<'a>(key: &str, value: &'a str) -> &'a str {
    if is_secret(key, value) { MASK } else { value }
}

/// A switch or a time span that has to do with tokens is no secret.
fn may_be_secret(key: &str) -> bool {
    match catalogue::look_up(key) {
        Some(Known::Option(option) | Known::Former { option, .. }) => option.kind.may_be_secret(),
        _ => true,
    }
}

/// A keytab's path may be seen, its content in base64 may not: it begins with the bytes 5 and 2.
fn is_keytab(key: &str, value: &str) -> bool {
    key.to_lowercase().contains("keytab") && value.trim_start().starts_with("BQI")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_and_what_only_sounds_like_one_is_not() {
        for (key, value, expected) in [
            ("s3.secret-key", "hunter2", MASK),
            ("Security.SSL.keystore-Password", "hunter2", MASK),
            ("containerized.master.env.API_TOKEN", "hunter2", MASK),
            ("security.kerberos.login.keytab", "BQIAAABFAAIADEVYQU1QTEUuQ09N", MASK),
            (
                "security.kerberos.login.keytab",
                "/home/alice/alice.keytab",
                "/home/alice/alice.keytab",
            ),
            ("security.delegation.tokens.enabled", "true", "true"),
            ("parallelism.default", "2", "2"),
        ] {
            assert_eq!(shown(key, value), expected, "{key}");
        }
    }
}
