//! HDFS through WebHDFS, for what tests put there and look up: a second road, so that what is tested does not check
//! itself.

use reqwest::header::LOCATION;
use reqwest::{Method, Response, StatusCode, redirect};
use serde::Deserialize;

use super::error::{BedError, Step};

/// HDFS as one user sees it. Paths are absolute and without a scheme.
#[derive(Clone, Debug)]
pub struct Hdfs {
    http: reqwest::Client,
    namenode_web: String,
    user: String,
}

/// One file or directory.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct HdfsStatus {
    /// The name in its directory; empty when the path itself was asked for.
    pub path_suffix: String,
    /// `FILE` or `DIRECTORY`.
    #[serde(rename = "type")]
    pub kind: String,
    pub length: u64,
    pub owner: String,
    pub group: String,
    /// Octal, such as `700`.
    pub permission: String,
    /// How many copies are wanted; 0 for a directory.
    pub replication: u16,
    /// Milliseconds since 1970.
    pub modification_time: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Statuses {
    file_statuses: StatusList,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StatusList {
    file_status: Vec<HdfsStatus>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OneStatus {
    file_status: HdfsStatus,
}

impl Hdfs {
    pub(super) fn new(namenode_web: &str, user: &str) -> Result<Self, BedError> {
        // No pool: the tests of one process have a runtime each, and a pooled connection dies with its runtime.
        let http = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .pool_max_idle_per_host(0)
            .no_proxy()
            .build()
            .step(|| "making an HTTP client".to_owned())?;
        Ok(Self {
            http,
            namenode_web: namenode_web.to_owned(),
            user: user.to_owned(),
        })
    }

    /// Writes a file, over one that is there; parents are made.
    pub async fn put(&self, path: &str, content: impl Into<Vec<u8>>) -> Result<(), BedError> {
        let step = || format!("writing hdfs:{path} as {}", self.user);
        let redirect = self.ask(Method::PUT, path, "CREATE", &[("overwrite", "true")]).await?;
        let target = location(redirect, &step).await?;
        let response = self.http.put(target).body(content.into()).send().await.step(step)?;
        expect(response, StatusCode::CREATED, &step).await.map(drop)
    }

    pub async fn get(&self, path: &str) -> Result<Vec<u8>, BedError> {
        let step = || format!("reading hdfs:{path} as {}", self.user);
        let response = self.ask(Method::GET, path, "OPEN", &[]).await?;
        let target = location(response, &step).await?;
        let response = self.http.get(target).send().await.step(step)?;
        let response = expect(response, StatusCode::OK, &step).await?;
        Ok(response.bytes().await.step(step)?.to_vec())
    }

    /// The entries of a directory, sorted by name; for a file, the file.
    pub async fn list(&self, path: &str) -> Result<Vec<HdfsStatus>, BedError> {
        let response = self.expect_ok(Method::GET, path, "LISTSTATUS", &[]).await?;
        let listed: Statuses = response.json().await.step(|| format!("listing hdfs:{path}"))?;
        Ok(listed.file_statuses.file_status)
    }

    /// `None` if nothing is there.
    pub async fn status(&self, path: &str) -> Result<Option<HdfsStatus>, BedError> {
        let response = self.ask(Method::GET, path, "GETFILESTATUS", &[]).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let step = || format!("looking up hdfs:{path} as {}", self.user);
        let response = expect(response, StatusCode::OK, &step).await?;
        let found: OneStatus = response.json().await.step(step)?;
        Ok(Some(found.file_status))
    }

    /// Makes a directory and its parents. The mode is octal and set whatever the umask.
    pub async fn mkdir(&self, path: &str, mode: &str) -> Result<(), BedError> {
        self.expect_ok(Method::PUT, path, "MKDIRS", &[]).await?;
        self.expect_ok(Method::PUT, path, "SETPERMISSION", &[("permission", mode)])
            .await
            .map(drop)
    }

    pub async fn set_owner(&self, path: &str, owner: &str) -> Result<(), BedError> {
        self.expect_ok(Method::PUT, path, "SETOWNER", &[("owner", owner), ("group", owner)])
            .await
            .map(drop)
    }

    /// Sets when a file or directory was changed, in milliseconds since 1970.
    pub async fn set_modified(&self, path: &str, millis: u64) -> Result<(), BedError> {
        self.expect_ok(
            Method::PUT,
            path,
            "SETTIMES",
            &[("modificationtime", &millis.to_string())],
        )
        .await
        .map(drop)
    }

    /// Deletes with all that is below; nothing there is no error.
    pub async fn delete(&self, path: &str) -> Result<(), BedError> {
        self.expect_ok(Method::DELETE, path, "DELETE", &[("recursive", "true")])
            .await
            .map(drop)
    }

    async fn expect_ok(
        &self,
        method: Method,
        path: &str,
        operation: &str,
        query: &[(&str, &str)],
    ) -> Result<Response, BedError> {
        let response = self.ask(method, path, operation, query).await?;
        expect(response, StatusCode::OK, &|| {
            format!("{operation} of hdfs:{path} as {}", self.user)
        })
        .await
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        operation: &str,
        query: &[(&str, &str)],
    ) -> Result<Response, BedError> {
        let step = || format!("{operation} of hdfs:{path} as {} at {}", self.user, self.namenode_web);
        let mut url = url::Url::parse(&self.namenode_web).map_err(|error| BedError::Answer {
            step: step(),
            body: format!("{}: {error}", self.namenode_web),
        })?;
        url.set_path(&format!("/webhdfs/v1{path}"));
        url.query_pairs_mut()
            .append_pair("op", operation)
            .append_pair("user.name", &self.user)
            .extend_pairs(query);
        self.http.request(method, url).send().await.step(step)
    }
}

/// Where the NameNode sends the reader or writer: to a DataNode.
async fn location(response: Response, step: &impl Fn() -> String) -> Result<String, BedError> {
    let response = expect(response, StatusCode::TEMPORARY_REDIRECT, step).await?;
    match response.headers().get(LOCATION).and_then(|value| value.to_str().ok()) {
        Some(location) => Ok(location.to_owned()),
        None => Err(BedError::Answer {
            step: step(),
            body: "a redirect without a Location".to_owned(),
        }),
    }
}

async fn expect(response: Response, status: StatusCode, step: &impl Fn() -> String) -> Result<Response, BedError> {
    if response.status() == status {
        return Ok(response);
    }
    let status = response.status();
    let body = response.text().await.unwrap_or_else(|error| error.to_string());
    Err(BedError::Status {
        step: step(),
        status,
        body: without_stack(body),
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Refusal {
    remote_exception: RemoteException,
}

#[derive(Deserialize)]
struct RemoteException {
    exception: String,
    message: String,
}

/// Of Hadoop's exception the class and the message; any other body as it is.
fn without_stack(body: String) -> String {
    match serde_json::from_str(&body) {
        Ok(Refusal {
            remote_exception: RemoteException { exception, message },
        }) => {
            format!("{exception}: {}", message.lines().next().unwrap_or_default())
        }
        Err(_) => body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hadoop_exception_keeps_its_class_and_loses_its_stack() {
        let body = r#"{"RemoteException":{"exception":"AccessControlException","javaClassName":"o.a.h.s.AccessControlException",
            "message":"Permission denied: user=bob\n\tat org.apache.hadoop.X.y(X.java:1)\n"}}"#;
        assert_eq!(
            without_stack(body.to_owned()),
            "AccessControlException: Permission denied: user=bob"
        );
        assert_eq!(without_stack("<html>".to_owned()), "<html>");
    }
}
