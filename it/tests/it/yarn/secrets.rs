//! Tokens and the application's secret stand in no log.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use selvedge_it::bed::Daemon;
use yarn_common::token::{Credentials, TokenKind};

use super::support::{Cluster, Endless};
use crate::folder::{Folder, files_below};

/// The credentials that YARN gave to the containers of an application that runs.
fn credentials(cluster: &Cluster, application: &str) -> Vec<Credentials> {
    let nodes = cluster.bed.node_managers().iter();
    let files = nodes.flat_map(|node| files_below(&node.local_dir));
    let is_one = |file: &PathBuf| {
        file.ends_with("container_tokens") && file.components().any(|part| part.as_os_str() == application)
    };
    files
        .filter(is_one)
        .map(|file| Credentials::read(&fs::read(file).unwrap()).unwrap())
        .collect()
}

/// A secret, and how logs would show it.
struct Needle {
    what: String,
    forms: Vec<Vec<u8>>,
}

impl Needle {
    fn new(what: String, bytes: &[u8]) -> Self {
        let mut forms = Vec::new();
        // Base64 packs three bytes at a time: a secret within something longer may begin at any of three places.
        for skipped in 0..3 {
            let whole = &bytes[skipped..];
            let whole = &whole[..whole.len() / 3 * 3];
            forms.extend([&STANDARD_NO_PAD, &URL_SAFE_NO_PAD].map(|engine| engine.encode(whole).into_bytes()));
        }
        forms.extend([
            bytes.to_vec(),
            hex::encode(bytes).into(),
            hex::encode_upper(bytes).into(),
            format!("{bytes:?}").into(),
        ]);
        Self { what, forms }
    }

    fn is_in(&self, log: &[u8]) -> bool {
        let holds = |form: &Vec<u8>| log.windows(form.len()).any(|window| window == form.as_slice());
        self.forms.iter().any(holds)
    }
}

fn needles(credentials: &[Credentials]) -> Vec<Needle> {
    let mut needles = Vec::new();
    for credentials in credentials {
        for (alias, secret) in credentials.secrets() {
            needles.push(Needle::new(format!("the secret {alias}"), secret));
        }
        for (_, token) in credentials.tokens() {
            needles.push(Needle::new(
                format!("the password of {}", token.kind()),
                token.password(),
            ));
            needles.push(Needle::new(
                format!("the identifier of {}", token.kind()),
                token.identifier(),
            ));
        }
    }
    needles
}

#[tokio::test]
async fn no_log_holds_a_token_or_the_applications_secret() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let endless = Endless::start(&cluster, &folder, &["-Denv.log.level=trace"]).await;
    let application = endless.application.clone();
    let given = credentials(&cluster, &application);
    assert!(given.len() >= 2, "one for the master and one for a worker");
    let needles = needles(&given);
    assert!(
        needles
            .iter()
            .any(|needle| needle.what.contains("selvedge.application.secret"))
    );
    assert!(needles.iter().any(|needle| needle.what.contains("AM_RM_TOKEN")));
    let with_am_token = given
        .iter()
        .filter(|credentials| credentials.tokens().any(|(_, token)| token.kind() == &TokenKind::AmRm));
    assert_eq!(
        with_am_token.count(),
        1,
        "the token of the master is the master's alone"
    );
    let outcome = endless.end(&cluster).await;

    let mut logs: Vec<(String, Vec<u8>)> = vec![("the client".to_owned(), outcome.said().into_bytes())];
    for log in cluster.bed.container_logs(&application).unwrap() {
        logs.push((log.path.display().to_string(), read(&log.path)));
    }
    for daemon in [Daemon::NodeManager(0), Daemon::NodeManager(1), Daemon::ResourceManager] {
        logs.push((daemon.to_string(), cluster.bed.daemon_log(daemon).unwrap().into_bytes()));
    }
    for needle in &needles {
        for (name, log) in &logs {
            assert!(!needle.is_in(log), "{} is in the log of {name}", needle.what);
        }
    }
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap()
}
