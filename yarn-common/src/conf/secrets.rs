//! Which properties must not leave the machine that they were written for.

use super::HadoopConfiguration;

const SECRET_LAST_WORDS: [&str; 8] = [
    "password",
    "passwd",
    "passphrase",
    "pass",
    "secret",
    "token",
    "credential",
    "credentials",
];
const SECRET_PARTS: [&str; 7] = [
    "password",
    "passwd",
    "secret.key",
    "secretkey",
    "account.key",
    "encryption.key",
    ".sas.",
];
/// ZooKeeper's credentials: `digest:user:password`.
const SECRET_ENDINGS: [&str; 3] = ["zk.auth", "zk-auth", "zookeeper.auth"];

/// Whether the value of the property `key` is probably a secret, judged by the name: passwords, secrets, tokens, keys of
/// object stores, ZooKeeper credentials. Switches such as `dfs.block.access.token.enable` are not.
pub fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let last_word = key.rsplit(['.', '-', '_']).next().unwrap_or_default();
    SECRET_LAST_WORDS.contains(&last_word)
        || SECRET_PARTS.iter().any(|part| key.contains(part))
        || SECRET_ENDINGS.iter().any(|ending| key.ends_with(ending))
}

impl HadoopConfiguration {
    /// The same configuration without passwords, secrets and tokens ([`is_secret`]).
    #[must_use]
    pub fn without_secrets(&self) -> Self {
        let mut copy = self.clone();
        copy.properties.retain(|key, _| !is_secret(key));
        copy
    }
}
