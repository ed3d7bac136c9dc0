//! A submission with files: `multipart/form-data` as Flink's client sends it. Written here, as reqwest's own would build it, and
//! with it all that depends on reqwest, anew for one request.

use std::collections::BTreeMap;

use bytes::{BufMut, Bytes, BytesMut};
use selvedge_core::{JobGraph, JobId};
use serde_json::json;

/// The parts of a body, in order.
#[derive(Debug)]
pub(super) struct Multipart {
    boundary: String,
    body: BytesMut,
}

impl Multipart {
    fn new() -> Self {
        Self {
            // No content holds it by chance.
            boundary: format!("selvedge-{:032x}", rand::random::<u128>()),
            body: BytesMut::new(),
        }
    }

    fn part(&mut self, name: &str, file: Option<&str>, content: &[u8]) {
        let file = file.map_or_else(String::new, |file| format!("; filename=\"{file}\""));
        let head = format!(
            "--{}\r\ncontent-disposition: form-data; name=\"{name}\"{file}\r\n\r\n",
            self.boundary
        );
        for piece in [head.as_bytes(), content, b"\r\n"] {
            self.body.put_slice(piece);
        }
    }

    /// Of the request.
    pub(super) fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }

    /// Of the request.
    pub(super) fn body(&self) -> Bytes {
        let mut body = self.body.clone();
        body.put_slice(format!("--{}--\r\n", self.boundary).as_bytes());
        body.freeze()
    }
}

/// A job's graph with the contents of files that it brings along. In the request they have plain names of their own.
pub(super) fn parts(job: JobId, graph: &JobGraph, files: &BTreeMap<String, Bytes>) -> Multipart {
    let graph_file = format!("selvedge-jobgraph-{job}.json");
    let named: Vec<_> = files
        .keys()
        .zip(1..)
        .map(|(name, number)| (name, format!("file_{number}")))
        .collect();
    let artifacts: Vec<_> = named
        .iter()
        .map(|(name, file)| json!({"entryName": name, "fileName": file}))
        .collect();
    let request = json!({"jobGraphFileName": graph_file, "jobJarFileNames": [], "jobArtifactFileNames": artifacts,
        "jobId": job});
    let mut parts = Multipart::new();
    parts.part("request", None, request.to_string().as_bytes());
    parts.part("file_0", Some(&graph_file), json!(graph).to_string().as_bytes());
    for ((_, file), content) in named.iter().zip(files.values()) {
        parts.part(file, Some(file), content);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_names_the_files_that_follow_it() {
        let graph: JobGraph = serde_json::from_str(r#"{"name": "j", "vertices": []}"#).unwrap();
        let files = BTreeMap::from([("a \"b\".txt".to_owned(), Bytes::from_static(b"\r\n--x"))]);
        let parts = parts(JobId::from_bytes([1; 16]), &graph, &files);
        let body = String::from_utf8(parts.body().to_vec()).unwrap();
        let boundary = &parts.content_type()["multipart/form-data; boundary=".len()..];
        let pieces: Vec<_> = body.split(&format!("--{boundary}")).collect();
        assert_eq!(pieces.len(), 5, "{body}");
        assert!(
            pieces[1].contains("\r\n\r\n{") && pieces[1].contains(r#"{"entryName":"a \"b\".txt","fileName":"file_1"}"#),
            "{body}"
        );
        assert!(pieces[2].contains("filename=\"selvedge-jobgraph-01010101"), "{body}");
        assert!(pieces[3].ends_with("filename=\"file_1\"\r\n\r\n\r\n--x\r\n"), "{body}");
        assert_eq!(pieces[4], "--\r\n");
    }
}
