//! What changes names and attributes, not bytes.

use std::time::Duration;

use http::Method;

use super::WebHdfs;
use crate::error::RestError;

impl WebHdfs {
    /// Makes a directory and those above it. There is no umask at the server: `mode` is what the directory gets, 755 by
    /// default. One that is there already stays as it is.
    ///
    /// # Errors
    /// [`RestError`]; a file in the way is a `RemoteException`.
    pub async fn mkdirs(&self, path: &str, mode: Option<u32>) -> Result<(), RestError> {
        let parameters = self.octal("permission", path, mode)?;
        let call = self.call(Method::PUT, "MKDIRS", path, &parameters)?;
        match self.member::<bool>(&call, "boolean").await? {
            true => Ok(()),
            false => Err(self.invalid(&call, "the server has not made the directory".to_owned())),
        }
    }

    /// Moves a file or directory; `true` where it was. An existing directory as `to` takes it in; anything else there,
    /// and a `from` that is not there, make it `false`. It is not repeated by itself.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn rename(&self, from: &str, to: &str) -> Result<bool, RestError> {
        // Its own check names the path that is wrong.
        self.call(Method::PUT, "RENAME", to, &[])?;
        let call = self
            .call(Method::PUT, "RENAME", from, &[("destination", to.to_owned())])?
            .once();
        self.member(&call, "boolean").await
    }

    /// Deletes a file or directory, with all below it where `recursive`; `false` where there was nothing. It is not
    /// repeated by itself.
    ///
    /// # Errors
    /// [`RestError`]; a directory that is not empty, without `recursive`, is refused.
    pub async fn delete(&self, path: &str, recursive: bool) -> Result<bool, RestError> {
        let parameters = [("recursive", recursive.to_string())];
        let call = self.call(Method::DELETE, "DELETE", path, &parameters)?.once();
        self.member(&call, "boolean").await
    }

    /// Sets the permission: `0o700`.
    ///
    /// # Errors
    /// [`RestError`]; [`is_not_found`](RestError::is_not_found) where there is no such path.
    pub async fn set_permission(&self, path: &str, mode: u32) -> Result<(), RestError> {
        let parameters = self.octal("permission", path, Some(mode))?;
        self.done(&self.call(Method::PUT, "SETPERMISSION", path, &parameters)?)
            .await
    }

    /// Sets owner, group or both. Only the superuser may change an owner.
    ///
    /// # Errors
    /// [`RestError`]; [`is_not_found`](RestError::is_not_found) where there is no such path.
    pub async fn set_owner(&self, path: &str, owner: Option<&str>, group: Option<&str>) -> Result<(), RestError> {
        let both = [("owner", owner), ("group", group)];
        let parameters: Vec<_> = both
            .into_iter()
            .filter_map(|(key, value)| value.map(|value| (key, value.to_owned())))
            .collect();
        let call = self.call(Method::PUT, "SETOWNER", path, &parameters)?;
        if parameters.iter().all(|(_, name)| name.trim().is_empty()) {
            return Err(self.invalid(&call, "neither an owner nor a group is given".to_owned()));
        }
        self.done(&call).await
    }

    /// Sets the times of modification, of access or both, since the epoch, to the millisecond.
    ///
    /// # Errors
    /// [`RestError`]; [`is_not_found`](RestError::is_not_found) where there is no such path.
    pub async fn set_times(
        &self,
        path: &str,
        modification: Option<Duration>,
        access: Option<Duration>,
    ) -> Result<(), RestError> {
        let both = [("modificationtime", modification), ("accesstime", access)];
        let parameters: Vec<_> = both
            .into_iter()
            .filter_map(|(key, time)| time.map(|time| (key, time.as_millis().to_string())))
            .collect();
        self.done(&self.call(Method::PUT, "SETTIMES", path, &parameters)?).await
    }

    /// Sets the number of copies of a file; `false` for a directory.
    ///
    /// # Errors
    /// [`RestError`]; [`is_not_found`](RestError::is_not_found) where there is no such path.
    pub async fn set_replication(&self, path: &str, copies: u16) -> Result<bool, RestError> {
        let parameters = [("replication", copies.to_string())];
        let call = self.call(Method::PUT, "SETREPLICATION", path, &parameters)?;
        if copies == 0 {
            return Err(self.invalid(&call, "a file needs at least 1 copy".to_owned()));
        }
        self.member(&call, "boolean").await
    }

    pub(super) fn octal(
        &self,
        key: &'static str,
        path: &str,
        mode: Option<u32>,
    ) -> Result<Vec<(&'static str, String)>, RestError> {
        match mode {
            Some(mode) if mode > 0o1777 => {
                let call = self.call(Method::PUT, "SETPERMISSION", path, &[])?;
                Err(self.invalid(&call, format!("{mode:o} is not a permission, 0 to 1777")))
            }
            mode => Ok(mode.map(|mode| (key, format!("{mode:o}"))).into_iter().collect()),
        }
    }
}
