//! What the NameNode tells.

use futures::{Stream, TryStreamExt};
use http::Method;
use serde::Deserialize;
use serde_json::Value;

use super::WebHdfs;
use crate::error::RestError;
use crate::lenient;
use crate::model::{ContentSummary, DirectoryPage, FileChecksum, FileStatus};

impl WebHdfs {
    /// A file or directory.
    ///
    /// # Errors
    /// [`RestError`]; [`is_not_found`](RestError::is_not_found) where there is none.
    pub async fn status(&self, path: &str) -> Result<FileStatus, RestError> {
        let call = self.call(Method::GET, "GETFILESTATUS", path, &[])?;
        self.member(&call, "FileStatus").await
    }

    /// All that is in a directory, in one answer; a file is a list of itself. For large directories there is
    /// [`list_all`](Self::list_all).
    ///
    /// # Errors
    /// [`RestError`]; [`is_not_found`](RestError::is_not_found) where there is none.
    pub async fn list(&self, path: &str) -> Result<Vec<FileStatus>, RestError> {
        let call = self.call(Method::GET, "LISTSTATUS", path, &[])?;
        let (body, served) = self.value(&call).await?;
        lenient::items_of(body, "FileStatuses", "FileStatus")
            .map_err(|reason| served.answer.undecodable(&call, served.base(), reason))
    }

    /// What is in a directory after the name `after`, at most as much as the server gives at once
    /// (`dfs.ls.limit`, 1000; HttpFS gives all of it).
    ///
    /// # Errors
    /// [`RestError`]; [`is_not_found`](RestError::is_not_found) where there is none.
    pub async fn list_page(&self, path: &str, after: Option<&str>) -> Result<DirectoryPage, RestError> {
        let parameters: Vec<_> = after.map(|name| ("startAfter", name.to_owned())).into_iter().collect();
        let call = self.call(Method::GET, "LISTSTATUS_BATCH", path, &parameters)?;
        let (body, served) = self.value(&call).await?;
        let undecodable = |reason: String| served.answer.undecodable(&call, served.base(), reason);
        let listing = body.get("DirectoryListing");
        let part = listing.and_then(|listing| listing.get("partialListing")).cloned();
        let part = part.ok_or_else(|| undecodable("there is no DirectoryListing.partialListing in it".to_owned()))?;
        let remaining = listing.and_then(|listing| listing.get("remainingEntries"));
        let mut entries: Vec<FileStatus> =
            lenient::items_of(part, "FileStatuses", "FileStatus").map_err(undecodable)?;
        // HttpFS begins at the first name whatever it is told, and gives all at once.
        entries.retain(|entry| after.is_none_or(|after| entry.path_suffix.as_str() > after));
        Ok(DirectoryPage {
            entries,
            remaining: remaining.and_then(Value::as_u64).unwrap_or(0),
        })
    }

    /// All that is in a directory, page by page: never all of it in memory.
    pub fn list_all(&self, path: &str) -> impl Stream<Item = Result<FileStatus, RestError>> + Send + use<> {
        let (hdfs, path) = (self.clone(), path.to_owned());
        let begin = Some(None::<String>);
        let pages = futures::stream::try_unfold(begin, move |after| {
            let (hdfs, path) = (hdfs.clone(), path.clone());
            async move {
                let Some(after) = after else {
                    return Ok::<_, RestError>(None);
                };
                let page = hdfs.list_page(&path, after.as_deref()).await?;
                let last = page.entries.last().map(|last| last.path_suffix.clone());
                let next = last.filter(|_| page.remaining > 0).map(Some);
                Ok(Some((page, next)))
            }
        });
        pages
            .map_ok(|page| futures::stream::iter(page.entries.into_iter().map(Ok)))
            .try_flatten()
    }

    /// How much lies below a path.
    ///
    /// # Errors
    /// [`RestError`]; [`is_not_found`](RestError::is_not_found) where there is none.
    pub async fn content_summary(&self, path: &str) -> Result<ContentSummary, RestError> {
        let call = self.call(Method::GET, "GETCONTENTSUMMARY", path, &[])?;
        self.member(&call, "ContentSummary").await
    }

    /// The checksum of a file, made by its DataNodes.
    ///
    /// # Errors
    /// [`RestError`]; [`is_not_found`](RestError::is_not_found) where there is none.
    pub async fn checksum(&self, path: &str) -> Result<FileChecksum, RestError> {
        let mut call = self.call(Method::GET, "GETFILECHECKSUM", path, &[])?;
        call.redirect_is_answer = true;
        let served = self.cluster.ask(&call).await?;
        let (call, target) = match self.data_node(&call, &served)? {
            Some(there) => there,
            None => return served.answer.member(&call, served.base(), "FileChecksum"),
        };
        let answer = self.cluster.http.send(&call, &target).await?;
        match self.cluster.http.refusal(&answer) {
            Some(kind) => Err(call.error(&target.base, kind)),
            None => answer.member(&call, &target.base, "FileChecksum"),
        }
    }

    /// The home directory of the asker: `/user/alice`.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn home_directory(&self) -> Result<String, RestError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Answer {
            path: String,
        }
        let call = self.call(Method::GET, "GETHOMEDIRECTORY", "/", &[])?;
        let served = self.cluster.ask(&call).await?;
        let answer: Answer = served.answer.json(&call, served.base())?;
        Ok(answer.path)
    }
}
