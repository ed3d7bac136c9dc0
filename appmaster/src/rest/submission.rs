//! Taking a job: Flink's multipart request, or the graph alone in JSON.

use axum::body::{Body, Bytes};
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use selvedge_core::{JobGraph, JobId};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::{Answer, Json, RestContext, RestError};
use crate::stores::Uploads;

/// The part that says what the others are.
const REQUEST_PART: &str = "request";
/// Flink's client names the file of a graph `flink-jobgraph-<job id><random digits>.bin`.
const FILE_PREFIXES: [&str; 2] = ["selvedge-jobgraph-", "flink-jobgraph-"];
const ID_DIGITS: usize = 32;

/// `{"jobGraph": {…}, "jobId": "…"}`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Submission {
    job_graph: JobGraph,
    #[serde(default)]
    job_id: Option<JobId>,
}

/// The part `request` of a multipart request. The names are those of the other parts' files.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MultipartRequest {
    job_graph_file_name: String,
    #[serde(default)]
    job_jar_file_names: Vec<String>,
    #[serde(default)]
    job_artifact_file_names: Vec<ArtifactFile>,
    /// Not Flink's: there, the id stands in the graph.
    #[serde(default)]
    job_id: Option<JobId>,
}

/// Which file of the request is which artifact of the graph.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ArtifactFile {
    entry_name: String,
    file_name: String,
}

/// What a request asks for.
#[derive(Debug)]
struct Taken {
    job_graph: JobGraph,
    job_id: Option<JobId>,
    /// Contents of artifacts.
    uploads: Uploads,
}

pub(super) async fn submit(State(context): State<RestContext>, request: Request) -> Answer {
    let content_type = request.headers().get(CONTENT_TYPE);
    let is_multipart = content_type.and_then(|value| value.to_str().ok()).is_some_and(|kind| {
        kind.trim_start()
            .to_ascii_lowercase()
            .starts_with("multipart/form-data")
    });
    let taken = if is_multipart {
        multipart(request).await?
    } else {
        let form = "{\"jobGraph\": {…}} in JSON";
        let Submission { job_graph, job_id } = parse(
            &body(request).await?,
            &format!("the request is not {form}, nor a multipart request"),
        )?;
        Taken {
            job_graph,
            job_id,
            uploads: Uploads::new(),
        }
    };
    let Taken {
        job_graph,
        job_id,
        uploads,
    } = taken;
    let job = context.dispatcher.submit_with_files(job_id, job_graph, uploads).await?;
    Ok(Json(StatusCode::ACCEPTED, json!({ "jobUrl": format!("/jobs/{job}") })))
}

async fn body(request: Request<Body>) -> Result<Bytes, RestError> {
    let body = Bytes::from_request(request, &()).await;
    body.map_err(|error| RestError::new(error.status(), error.body_text()))
}

async fn multipart(request: Request) -> Result<Taken, RestError> {
    let mut parts = Multipart::from_request(request, &())
        .await
        .map_err(|error| RestError::new(error.status(), error.body_text()))?;
    let mut asked: Option<MultipartRequest> = None;
    let mut files = Vec::new();
    while let Some(part) = parts.next_field().await.map_err(broken)? {
        if part.name() == Some(REQUEST_PART) {
            asked = Some(parse(
                &part.bytes().await.map_err(broken)?,
                "the part 'request' is not what it must be",
            )?);
        } else {
            files.push(file(part).await?);
        }
    }
    let asked = asked.ok_or_else(|| bad_request("the request has no part 'request'".to_owned()))?;
    assemble(asked, &files)
}

async fn file(part: Field<'_>) -> Result<(String, Bytes), RestError> {
    let name = part.file_name().or(part.name()).unwrap_or_default().to_owned();
    Ok((name, part.bytes().await.map_err(broken)?))
}

fn assemble(asked: MultipartRequest, files: &[(String, Bytes)]) -> Result<Taken, RestError> {
    if let Some(jar) = asked.job_jar_file_names.first() {
        return Err(bad_request(format!(
            "the job brings '{jar}': a job runs without a JVM and has no jars; its operators are described in its graph"
        )));
    }
    let content_of = |name: &str, what: &str| {
        let file = files.iter().find(|(file, _)| file == name);
        let missing = || bad_request(format!("the request has no file '{name}', which is to be {what}"));
        file.map(|(_, content)| content).ok_or_else(missing)
    };
    let mut uploads = Uploads::new();
    for ArtifactFile { entry_name, file_name } in asked.job_artifact_file_names {
        let content = content_of(&file_name, &format!("the artifact '{entry_name}'"))?;
        if uploads.insert(entry_name.clone(), content.clone()).is_some() {
            return Err(bad_request(format!(
                "the request brings the artifact '{entry_name}' twice"
            )));
        }
    }
    let name = &asked.job_graph_file_name;
    let content = content_of(name, "the job's graph")?;
    Ok(Taken {
        uploads,
        job_graph: parse(content, &format!("the file '{name}' is not a job graph in JSON"))?,
        job_id: asked.job_id.or_else(|| id_in(name)),
    })
}

/// The job's id, where the name of the graph's file has one.
fn id_in(name: &str) -> Option<JobId> {
    let rest = FILE_PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix))?;
    rest.get(..ID_DIGITS)?.parse().ok()
}

fn parse<T: DeserializeOwned>(text: &[u8], what: &str) -> Result<T, RestError> {
    serde_json::from_slice(text).map_err(|error| bad_request(format!("{what}: {error}")))
}

fn bad_request(message: String) -> RestError {
    RestError::new(StatusCode::BAD_REQUEST, message)
}

fn broken(error: MultipartError) -> RestError {
    RestError::new(
        error.status(),
        format!("the multipart request cannot be read: {}", error.body_text()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::word_count;

    fn asked(jars: &[&str]) -> MultipartRequest {
        let request = json!({"jobGraphFileName": format!("flink-jobgraph-{}12.bin", "ab".repeat(16)),
            "jobJarFileNames": jars, "jobArtifactFileNames": []});
        serde_json::from_value(request).unwrap()
    }

    fn graph_file() -> (String, Bytes) {
        let content = serde_json::to_vec(&word_count(1)).unwrap();
        (asked(&[]).job_graph_file_name, content.into())
    }

    #[test]
    fn the_graph_is_the_file_that_the_request_names_and_its_name_has_the_jobs_id() {
        let other = ("file_1".to_owned(), Bytes::from_static(b"?"));
        let submission = assemble(asked(&[]), &[other, graph_file()]).unwrap();
        assert_eq!(submission.job_graph, word_count(1));
        assert_eq!(submission.job_id, Some(JobId::from_bytes([0xab; 16])));
        assert_eq!(id_in("graph.json"), None);
    }

    fn with_artifacts(artifacts: &serde_json::Value) -> MultipartRequest {
        let mut request = asked(&[]);
        request.job_artifact_file_names = serde_json::from_value(artifacts.clone()).unwrap();
        request
    }

    #[test]
    fn artifacts_are_the_files_that_the_request_names() {
        let words = ("file_1".to_owned(), Bytes::from_static(b"to be"));
        let named = json!([{"entryName": "words.txt", "fileName": "file_1"}]);
        let taken = assemble(with_artifacts(&named), &[graph_file(), words.clone()]).unwrap();
        assert_eq!(
            taken.uploads,
            Uploads::from([("words.txt".to_owned(), words.1.clone())])
        );
        let missing = assemble(with_artifacts(&named), &[graph_file()]).unwrap_err();
        assert!(format!("{missing:?}").contains("no file 'file_1', which is to be the artifact 'words.txt'"));
        let twice = json!([named[0], named[0]]);
        let twice = assemble(with_artifacts(&twice), &[graph_file(), words]).unwrap_err();
        assert!(format!("{twice:?}").contains("'words.txt' twice"));
    }

    #[test]
    fn what_is_missing_or_cannot_be_run_is_named() {
        let message = |result: Result<Taken, RestError>| match result {
            Ok(_) => panic!("it is taken"),
            Err(error) => {
                assert_eq!(error.status, StatusCode::BAD_REQUEST);
                format!("{error:?}")
            }
        };
        assert!(message(assemble(asked(&["a.jar"]), &[graph_file()])).contains("'a.jar'"));
        assert!(message(assemble(asked(&[]), &[])).contains("no file 'flink-jobgraph-"));
        let broken = (asked(&[]).job_graph_file_name, Bytes::from_static(b"{"));
        assert!(message(assemble(asked(&[]), &[broken])).contains("is not a job graph in JSON"));
    }
}
