//! Writing, in two steps.

use std::time::Duration;

use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Method};
use serde_json::Value;
use tokio::sync::watch;
use url::Url;

use super::{Upload, WebHdfs};
use crate::auth::RequestParts;
use crate::error::{RestError, RestErrorKind};
use crate::ha::Served;
use crate::http::{Call, Target};

/// How a file is made. The default: not over one that is there, all else as the server has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CreateOptions {
    /// Whether a file that is there is replaced.
    pub overwrite: bool,
    /// Its permission; by default 644, through HttpFS 755. There is no umask at the server.
    pub mode: Option<u32>,
    /// Copies of each block.
    pub replication: Option<u16>,
    /// The size of its blocks in bytes.
    pub block_size: Option<u64>,
    /// Whether its directory must be there; otherwise it is made. HttpFS makes it in any case.
    pub without_parents: bool,
}

impl WebHdfs {
    /// Makes a file and writes all of `body`. Bytes go once: after an error the file may be there in
    /// part, and is to be deleted or overwritten.
    ///
    /// # Errors
    /// `FileAlreadyExistsException` where it is there and not to be replaced: in [`RestErrorKind::Forbidden`], from HttpFS
    /// in [`RestErrorKind::RemoteException`]; [`RestErrorKind::Timeout`] where no byte moved for the request time-out; other [`RestError`]s.
    pub async fn create(
        &self,
        path: &str,
        options: &CreateOptions,
        body: impl Into<Upload> + Send,
    ) -> Result<(), RestError> {
        let mut parameters = self.octal("permission", path, options.mode)?;
        parameters.push(("overwrite", options.overwrite.to_string()));
        if options.without_parents {
            parameters.push(("createparent", "false".to_owned()));
        }
        parameters.extend(options.replication.map(|copies| ("replication", copies.to_string())));
        parameters.extend(options.block_size.map(|bytes| ("blocksize", bytes.to_string())));
        let call = self.call(Method::PUT, "CREATE", path, &parameters)?;
        self.upload(call, body.into()).await
    }

    /// Writes all of `body` at the end of a file.
    ///
    /// # Errors
    /// [`RestError`]; [`is_not_found`](RestError::is_not_found) where there is none.
    pub async fn append(&self, path: &str, body: impl Into<Upload> + Send) -> Result<(), RestError> {
        let call = self.call(Method::POST, "APPEND", path, &[])?;
        self.upload(call, body.into()).await
    }

    /// The first step carries no bytes and changes nothing, so it is repeated; the second is not.
    async fn upload(&self, mut call: Call, body: Upload) -> Result<(), RestError> {
        call.redirect_is_answer = true;
        let served = self.cluster.ask(&call).await?;
        let Some((call, target)) = self.data_node(&call, &served)? else {
            let reason = "it names no server to write to".to_owned();
            return Err(served.answer.undecodable(&call, served.base(), reason));
        };
        let http = &self.cluster.http;
        let mut parts = RequestParts::new(call.url(&target.base));
        parts.redirected = target.redirected;
        self.prove(&call, &target, &served, &mut parts).await?;
        parts
            .headers
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        let (body, progress) = body.into_body();
        let request = http
            .client(&parts.url)
            .map_err(|kind| call.error(&target.base, kind))?
            .request(call.method.clone(), parts.url)
            .headers(parts.headers)
            .body(body);
        let response = tokio::select! {
            biased;
            sent = request.send() => sent.map_err(|error| call.error(&target.base, http.failure(&error, &target)))?,
            () = stalled(progress, http.timeout) => {
                return Err(call.error(&target.base, RestErrorKind::Timeout { after: http.timeout }));
            }
        };
        let answer = http.read(&call, &target, response).await?;
        match http.refusal(&answer) {
            Some(kind) => Err(call.error(&target.base, kind)),
            None => Ok(()),
        }
    }

    /// Where the second step goes, if the answer to the first names a place: in `Location`, or in the JSON of a server
    /// that was told not to redirect. Its query holds all that is needed, a token included.
    pub(super) fn data_node(&self, call: &Call, served: &Served) -> Result<Option<(Call, Target)>, RestError> {
        let answer = &served.answer;
        let named = match answer.status.is_redirection() {
            true => answer.header(LOCATION).map(str::to_owned),
            false => serde_json::from_slice::<Value>(&answer.body)
                .ok()
                .and_then(|body| body.get("Location")?.as_str().map(str::to_owned)),
        };
        let Some(named) = named else {
            return Ok(None);
        };
        let from = &served.target.base.url;
        let to = from
            .join(&named)
            .ok()
            .filter(|to| matches!(to.scheme(), "http" | "https"));
        let to = to.ok_or_else(|| answer.undecodable(call, served.base(), format!("it redirects to {named:?}")))?;
        if from.scheme() == "https" && to.scheme() == "http" {
            let reason = "it redirects from HTTPS to HTTP, which would show the data to all".to_owned();
            return Err(answer.undecodable(call, served.base(), reason));
        }
        Ok(Some(second_step(call, &served.target, &to)))
    }

    /// A server on the same address (HttpFS, a gateway) asks again who it is; a DataNode was told in its query.
    pub(super) async fn prove(
        &self,
        call: &Call,
        target: &Target,
        served: &Served,
        parts: &mut RequestParts,
    ) -> Result<(), RestError> {
        if target.base.url.origin() != served.base().url.origin() {
            return Ok(());
        }
        let authenticator = &self.cluster.http.authenticator;
        let proved = authenticator.authenticate(parts).await;
        proved.map_err(|cause| call.error(&target.base, RestErrorKind::Authenticate(cause)))
    }
}

fn second_step(first: &Call, from: &Target, to: &Url) -> (Call, Target) {
    let mut call = Call::new(first.method.clone(), first.step.clone(), to.path()).once();
    call.query = to.query().map(str::to_owned);
    call.secret_query = true;
    let mut base = to.clone();
    base.set_path("");
    base.set_query(None);
    let target = Target {
        origin: Some(format!("named by {}", from.base.url)),
        redirected: base.origin() != from.base.url.origin(),
        base: base.into(),
    };
    (call, target)
}

/// Returns when no byte has moved for `after`, and so long after the last one.
async fn stalled(mut progress: watch::Receiver<u64>, after: Duration) {
    loop {
        match tokio::time::timeout(after, progress.changed()).await {
            Ok(Ok(())) => {}
            // The last byte is on its way, and the answer is due.
            Ok(Err(_)) => return tokio::time::sleep(after).await,
            Err(_) => return,
        }
    }
}
