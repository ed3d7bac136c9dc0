//! Tokens, the application's secret and secret settings stand in no log and in no launch script.

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

/// Secrets that a user gives with `-D`, each by another way to the containers.
const GIVEN: &[(&str, &str)] = &[
    ("s3.secret-key", "gimlet-of-the-north"),
    ("security.ssl.rest.keystore-password", "gimlet-of-the-south"),
    ("containerized.master.env.API_TOKEN", "gimlet-of-the-east"),
    ("containerized.taskmanager.env.API_TOKEN", "gimlet-of-the-west"),
];

/// The launch scripts of the application's containers, as the NodeManagers wrote them.
fn launch_scripts(cluster: &Cluster, application: &str) -> Vec<(String, Vec<u8>)> {
    let nodes = cluster.bed.node_managers().iter();
    let files = nodes.flat_map(|node| files_below(&node.local_dir));
    let is_one = |file: &PathBuf| {
        file.ends_with("launch_container.sh") && file.components().any(|part| part.as_os_str() == application)
    };
    let scripts = files.filter(is_one);
    scripts.map(|file| (file.display().to_string(), read(&file))).collect()
}

#[tokio::test]
async fn no_log_and_no_launch_script_holds_a_token_the_applications_secret_or_a_secret_setting() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let secrets = GIVEN.iter().map(|(key, value)| format!("-D{key}={value}"));
    let options: Vec<_> = secrets.chain(["-Denv.log.level=trace".to_owned()]).collect();
    let options: Vec<_> = options.iter().map(String::as_str).collect();
    let endless = Endless::start(&cluster, &folder, &options).await;
    let application = endless.application.clone();
    let given = credentials(&cluster, &application);
    assert!(given.len() >= 2, "one for the master and one for a worker");
    let mut needles = needles(&given);
    needles.extend(
        GIVEN
            .iter()
            .map(|(key, value)| Needle::new((*key).to_owned(), value.as_bytes())),
    );
    let scripts = launch_scripts(&cluster, &application);
    let workers = scripts
        .iter()
        .filter(|(_, script)| String::from_utf8_lossy(script).contains("selvedge taskmanager"));
    assert!(
        workers.count() >= 1 && scripts.len() >= 2,
        "those of the master and of a worker"
    );
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

    let mut logs = scripts;
    logs.push(("the client".to_owned(), outcome.said().into_bytes()));
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
