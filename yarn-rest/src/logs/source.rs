use url::Url;
use url::form_urlencoded::Serializer;
use yarn_common::id::ContainerId;

use super::LogRange;
use super::reader::{Asked, LogReader};
use crate::error::{RestError, RestErrorKind};
use crate::http::{Call, Http, Target};
use crate::lenient;
use crate::model::ContainerLogFile;

/// A NodeManager sends on to the log server, and that may have moved.
const MAX_REDIRECTS: usize = 3;
/// By how much a log may grow while it is asked for; more, and it is asked for anew with twice as much.
const GROWTH: u64 = 64 * 1024;
const GROWTH_TRIES: u32 = 8;

/// A server that has logs, and where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogSource<'a> {
    pub(crate) http: &'a Http,
    pub(crate) target: &'a Target,
    /// The path of the list, `{}` for the container.
    pub(crate) files_at: &'static str,
    /// The path of a file up to its name.
    pub(crate) file_at: &'static str,
}

impl LogSource<'_> {
    pub(crate) async fn files(&self, id: ContainerId) -> Result<Vec<ContainerLogFile>, RestError> {
        let path = self.files_at.replace("{}", &id.to_string());
        let (call, target, response) = self.get(Call::get(format!("list the logs of {id}"), path)).await?;
        let answer = self.http.read(&call, &target, response).await?;
        let body =
            lenient::parse(&answer.body).map_err(|cause| answer.undecodable(&call, &target.base, cause.to_string()))?;
        ContainerLogFile::from_json(body).map_err(|reason| answer.undecodable(&call, &target.base, reason))
    }

    pub(crate) async fn open(&self, id: ContainerId, file: &str, range: LogRange) -> Result<LogReader, RestError> {
        match range {
            LogRange::All => self.ask(id, file, Asked::All).await,
            LogRange::First(bytes) => self.ask(id, file, Asked::First(bytes)).await,
            LogRange::Last(bytes) => self.ask(id, file, Asked::Last(bytes)).await,
            LogRange::From(offset) => self.open_at(id, file, offset, None).await,
            LogRange::Slice { offset, length } => self.open_at(id, file, offset, Some(length)).await,
        }
    }

    /// The interface gives the first or the last bytes only, so an offset counts from the end, which may move.
    async fn open_at(
        &self,
        id: ContainerId,
        file: &str,
        offset: u64,
        length: Option<u64>,
    ) -> Result<LogReader, RestError> {
        if let Some(length) = length
            && offset <= GROWTH
        {
            let mut reader = self.ask(id, file, Asked::First(offset.saturating_add(length))).await?;
            reader.narrow(offset, Some(length));
            return Ok(reader);
        }
        let files = self.files(id).await?;
        let known = files.iter().find(|one| one.file_name == file);
        let known = known.and_then(|one| one.file_size).unwrap_or(0);
        let mut last = None;
        for attempt in 0..GROWTH_TRIES {
            let wanted = known.saturating_sub(offset).saturating_add(GROWTH << attempt);
            let mut reader = self.ask(id, file, Asked::Last(wanted)).await?;
            let begins = reader.file_length().unwrap_or(0).saturating_sub(wanted);
            if begins <= offset {
                reader.narrow(offset - begins, length);
                return Ok(reader);
            }
            last = Some(reader);
        }
        // It grows faster than it can be read; what is missing is at least not hidden.
        let reader = last.expect("it was tried at least once");
        Err(reader.outrun())
    }

    async fn ask(&self, id: ContainerId, file: &str, asked: Asked) -> Result<LogReader, RestError> {
        let path = format!("{}{}", self.file_at.replace("{}", &id.to_string()), segment(file));
        let query = match asked {
            Asked::First(bytes) => format!("format=text&size={bytes}"),
            Asked::Last(bytes) => format!("format=text&size=-{bytes}"),
            Asked::All => "format=text".to_owned(),
        };
        let call = Call::get(format!("read the log {file} of {id}"), path).query(query);
        let answer = self.get(call).await?;
        LogReader::new(self.http, answer, id, asked).await
    }

    /// A good answer, its body unread; from another server where this one sends on.
    async fn get(&self, mut call: Call) -> Result<(Call, Target, reqwest::Response), RestError> {
        let mut target = self.target.clone();
        for _ in 0..=MAX_REDIRECTS {
            let response = self.http.start(&call, &target).await?;
            if response.status().is_success() && !is_html(&response) {
                return Ok((call, target, response));
            }
            let answer = self.http.read(&call, &target, response).await?;
            let location = answer.header(http::header::LOCATION).map(str::to_owned);
            let elsewhere = location.filter(|_| answer.status.is_redirection());
            let Some(elsewhere) = elsewhere.and_then(|location| call.url(&target.base).join(&location).ok()) else {
                let kind = self.http.refusal(&answer).unwrap_or(RestErrorKind::UnexpectedStatus {
                    status: answer.status.as_u16(),
                    body: String::new(),
                });
                return Err(call.error(&target.base, kind));
            };
            (call, target) = redirected(&call, &target, elsewhere);
        }
        Err(call.error(&target.base, RestErrorKind::TooManyRedirects(MAX_REDIRECTS)))
    }
}

/// The same question to another server; who asks is said anew.
fn redirected(call: &Call, from: &Target, to: Url) -> (Call, Target) {
    let mut query = Serializer::new(String::new());
    let pairs = to
        .query_pairs()
        .filter(|(key, _)| !matches!(&**key, "user.name" | "doAs"));
    query.extend_pairs(pairs);
    let call = Call::get(call.step.clone(), to.path()).query(query.finish());
    let mut base = to.clone();
    base.set_path("");
    base.set_query(None);
    let target = Target {
        origin: Some(format!("a redirect of {}", from.base.url)),
        redirected: base.origin() != from.base.url.origin(),
        base: base.into(),
    };
    (call, target)
}

fn is_html(response: &reqwest::Response) -> bool {
    let kind = response.headers().get(http::header::CONTENT_TYPE);
    kind.and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.starts_with("text/html"))
}

/// A name of a file as one segment of a path.
fn segment(name: &str) -> String {
    let mut url = Url::parse("http://x/").expect("a constant");
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.push(name);
    }
    url.path().rsplit('/').next().unwrap_or_default().to_owned()
}
