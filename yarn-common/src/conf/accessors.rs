//! Single properties with Hadoop's defaults.

use std::time::Duration;

use super::error::ConfError;
use super::{HadoopConfiguration, keys};
use crate::resource::Resource;

/// How a cluster authenticates its users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Authentication {
    /// It believes the name that the client gives.
    Simple,
    /// Kerberos and delegation tokens.
    Kerberos,
}

impl HadoopConfiguration {
    /// The default file system as written, for example `hdfs://nn:8020`; `file:///` where none is set.
    ///
    /// # Errors
    /// [`ConfError::SubstitutionTooDeep`].
    pub fn default_fs(&self) -> Result<String, ConfError> {
        let set = self.get(keys::DEFAULT_FS)?.filter(|value| !value.is_empty());
        Ok(set.unwrap_or_else(|| "file:///".to_owned()))
    }

    /// `hadoop.security.authentication`; `Simple` by default.
    ///
    /// # Errors
    /// [`ConfError::BadValue`].
    pub fn authentication(&self) -> Result<Authentication, ConfError> {
        let value = self.get(keys::AUTHENTICATION)?.unwrap_or_else(|| "simple".to_owned());
        match value.to_ascii_lowercase().as_str() {
            "simple" => Ok(Authentication::Simple),
            "kerberos" => Ok(Authentication::Kerberos),
            _ => Err(self.bad_value(keys::AUTHENTICATION, &value, "simple or kerberos")),
        }
    }

    /// Whether YARN's daemons speak HTTPS (`yarn.http.policy` is `HTTPS_ONLY`).
    ///
    /// # Errors
    /// [`ConfError::BadValue`] where it is neither that nor `HTTP_ONLY`.
    pub fn yarn_uses_https(&self) -> Result<bool, ConfError> {
        match self.get(keys::YARN_HTTP_POLICY)?.as_deref() {
            None | Some("HTTP_ONLY" | "") => Ok(false),
            Some("HTTPS_ONLY") => Ok(true),
            Some(other) => Err(self.bad_value(keys::YARN_HTTP_POLICY, other, "HTTP_ONLY or HTTPS_ONLY")),
        }
    }

    /// The unit in which the scheduler allocates, as far as the client's configuration knows it (1024 MiB, 1 core).
    ///
    /// # Errors
    /// [`ConfError::BadValue`].
    pub fn minimum_allocation(&self) -> Result<Resource, ConfError> {
        self.allocation(keys::MINIMUM_ALLOCATION_MB, 1024, keys::MINIMUM_ALLOCATION_VCORES, 1)
    }

    /// The largest container, as far as the client's configuration knows it (8192 MiB, 4 cores).
    ///
    /// # Errors
    /// [`ConfError::BadValue`].
    pub fn maximum_allocation(&self) -> Result<Resource, ConfError> {
        self.allocation(keys::MAXIMUM_ALLOCATION_MB, 8192, keys::MAXIMUM_ALLOCATION_VCORES, 4)
    }

    fn allocation(
        &self,
        memory: &str,
        default_mb: u64,
        cores: &str,
        default_cores: u32,
    ) -> Result<Resource, ConfError> {
        let memory_mb = self.positive(memory)?.unwrap_or(default_mb);
        let vcores = match self.positive(cores)? {
            Some(value) => {
                u32::try_from(value).map_err(|_| self.bad_value(cores, &value.to_string(), "a number of cores"))?
            }
            None => default_cores,
        };
        Ok(Resource::new(memory_mb, vcores))
    }

    fn positive(&self, key: &str) -> Result<Option<u64>, ConfError> {
        match self.get_u64(key)? {
            Some(0) => Err(self.bad_value(key, "0", "a number above 0")),
            other => Ok(other),
        }
    }

    /// How often an application may be attempted at most; 2 by default.
    ///
    /// # Errors
    /// [`ConfError::BadValue`].
    pub fn am_max_attempts(&self) -> Result<u64, ConfError> {
        Ok(self.positive(keys::RM_AM_MAX_ATTEMPTS)?.unwrap_or(2))
    }

    /// After how long the ResourceManager gives up a silent ApplicationMaster; 10 minutes by default.
    ///
    /// # Errors
    /// [`ConfError::BadValue`].
    pub fn am_expiry_interval(&self) -> Result<Duration, ConfError> {
        Ok(self
            .get_duration(keys::AM_EXPIRY_INTERVAL)?
            .unwrap_or(Duration::from_secs(600)))
    }

    /// How long a client waits between two tries to reach a ResourceManager; 30 seconds by default.
    ///
    /// # Errors
    /// [`ConfError::BadValue`].
    pub fn rm_connect_retry_interval(&self) -> Result<Duration, ConfError> {
        Ok(self
            .get_duration(keys::RM_CONNECT_RETRY_INTERVAL)?
            .unwrap_or(Duration::from_secs(30)))
    }

    /// For how long a client tries to reach a ResourceManager; `None` for ever (-1), 15 minutes by default.
    ///
    /// # Errors
    /// [`ConfError::BadValue`].
    pub fn rm_connect_max_wait(&self) -> Result<Option<Duration>, ConfError> {
        self.max_wait(keys::RM_CONNECT_MAX_WAIT, Duration::from_secs(900))
    }

    /// How long a client waits between two tries to reach a NodeManager; 10 seconds by default.
    ///
    /// # Errors
    /// [`ConfError::BadValue`].
    pub fn nm_connect_retry_interval(&self) -> Result<Duration, ConfError> {
        Ok(self
            .get_duration(keys::NM_CONNECT_RETRY_INTERVAL)?
            .unwrap_or(Duration::from_secs(10)))
    }

    /// For how long a client tries to reach a NodeManager; `None` for ever (-1), 3 minutes by default.
    ///
    /// # Errors
    /// [`ConfError::BadValue`].
    pub fn nm_connect_max_wait(&self) -> Result<Option<Duration>, ConfError> {
        self.max_wait(keys::NM_CONNECT_MAX_WAIT, Duration::from_secs(180))
    }

    fn max_wait(&self, key: &str, usual: Duration) -> Result<Option<Duration>, ConfError> {
        if self.get(key)?.as_deref() == Some("-1") {
            return Ok(None);
        }
        Ok(Some(self.get_duration(key)?.unwrap_or(usual)))
    }

    /// Copies of each HDFS block; 3 by default.
    ///
    /// # Errors
    /// [`ConfError::BadValue`].
    pub fn dfs_replication(&self) -> Result<u64, ConfError> {
        Ok(self.positive(keys::DFS_REPLICATION)?.unwrap_or(3))
    }

    /// The umask of files that a client creates; `0o022` by default.
    ///
    /// # Errors
    /// [`ConfError::BadValue`] where it is not octal.
    pub fn umask(&self) -> Result<u32, ConfError> {
        let value = self.get(keys::UMASK)?.unwrap_or_else(|| "022".to_owned());
        u32::from_str_radix(&value, 8)
            .ok()
            .filter(|mask| *mask <= 0o777)
            .ok_or_else(|| self.bad_value(keys::UMASK, &value, "an octal mask, such as 022"))
    }

    /// Whether applications may be submitted over REST, as far as the client's configuration knows it; yes by default.
    ///
    /// # Errors
    /// [`ConfError::BadValue`].
    pub fn rest_submission_enabled(&self) -> Result<bool, ConfError> {
        Ok(self.get_bool(keys::REST_SUBMISSION_ENABLED)?.unwrap_or(true))
    }

    /// Whether logs are gathered after an application; no by default.
    ///
    /// # Errors
    /// [`ConfError::BadValue`].
    pub fn log_aggregation_enabled(&self) -> Result<bool, ConfError> {
        Ok(self.get_bool(keys::LOG_AGGREGATION_ENABLED)?.unwrap_or(false))
    }
}
