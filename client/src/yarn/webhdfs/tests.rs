use serde_json::json;
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};
use yarn_common::environment::Environment;

use super::*;

const FILE: &str = "/webhdfs/v1/user/alice/f";

fn over_http(settings: &[(&str, &str)]) -> Result<FileSystems, YarnError> {
    let site =
        "<configuration><property><name>fs.defaultFS</name><value>hdfs://nn:8020</value></property></configuration>";
    let hadoop = HadoopConfiguration::from_texts([("core-site.xml", site)], Environment::default()).unwrap();
    file_systems(&settings.iter().copied().collect(), &hadoop, "alice")
}

/// An HttpFS that has no such file, and takes one.
async fn http_fs() -> (MockServer, FileSystems) {
    let server = MockServer::start().await;
    let missing = json!({"RemoteException": {"exception": "FileNotFoundException", "message": "File does not exist",
        "javaClassName": "java.io.FileNotFoundException"}});
    Mock::given(method("GET"))
        .and(query_param("op", "GETFILESTATUS"))
        .respond_with(ResponseTemplate::new(404).set_body_json(missing))
        .mount(&server)
        .await;
    let there = format!("{}{FILE}?op=CREATE&data=true", server.uri());
    Mock::given(method("PUT"))
        .and(path(FILE))
        .and(query_param("data", "true"))
        .respond_with(ResponseTemplate::new(201))
        .with_priority(1)
        .mount(&server)
        .await;
    Mock::given(method("PUT"))
        .and(path(FILE))
        .and(query_param("op", "CREATE"))
        .respond_with(ResponseTemplate::new(307).insert_header("Location", there.as_str()))
        .mount(&server)
        .await;
    Mock::given(method("PUT"))
        .and(query_param("op", "SETPERMISSION"))
        .respond_with(ResponseTemplate::new(200))
        .mount(&server)
        .await;
    let uri = server.uri();
    let settings = [
        ("selvedge.staging", "WebHDFS"),
        ("selvedge.staging.address", uri.as_str()),
    ];
    let file_systems = over_http(&settings).unwrap();
    (server, file_systems)
}

#[tokio::test]
async fn a_file_goes_over_http_as_it_is_written_with_its_mode_and_replicas() {
    let (server, file_systems) = http_fs().await;
    let file = file_systems.resolve("/user/alice/f").unwrap();
    assert_eq!(file.to_string(), "hdfs://nn:8020/user/alice/f", "as containers read it");
    let options = CreateOptions {
        mode: Some(0o600),
        replication: Some(2),
    };
    let mut writer = file_systems.of(&file).unwrap().create(&file, options).await.unwrap();
    for piece in ["one ", "two"] {
        writer.write(Bytes::from_static(piece.as_bytes())).await.unwrap();
    }
    writer.close().await.unwrap();
    let asked = server.received_requests().await.unwrap();
    let created = asked.iter().find(|one| !one.body.is_empty()).unwrap();
    assert_eq!(created.body, b"one two");
    let told = |part: &str| {
        asked
            .iter()
            .any(|one| one.url.query().unwrap_or_default().contains(part))
    };
    for part in [
        "op=CREATE&user.name=alice",
        "permission=600",
        "replication=2",
        "overwrite=false",
        "op=SETPERMISSION",
    ] {
        assert!(
            told(part) || told(&part.replace("&user.name=alice", "")),
            "{part}: {asked:?}"
        );
    }
}

#[tokio::test]
async fn what_a_server_refuses_is_told_as_of_any_file_system() {
    let server = MockServer::start().await;
    for (status, class, message, expected) in [
        (
            403,
            "AccessControlException",
            "Permission denied: user=alice",
            "permission denied",
        ),
        (
            403,
            "SafeModeException",
            "Cannot create file. Name node is in safe mode.",
            "safe mode",
        ),
        (
            403,
            "FileAlreadyExistsException",
            "/f for client 127.0.0.1 already exists",
            "exists already",
        ),
        (
            500,
            "DSQuotaExceededException",
            "The DiskSpace quota is exceeded",
            "no space left",
        ),
        (404, "FileNotFoundException", "File does not exist", "no such file"),
    ] {
        server.reset().await;
        let body = json!({"RemoteException": {"exception": class, "message": message, "javaClassName": class}});
        Mock::given(method("DELETE"))
            .respond_with(ResponseTemplate::new(status).set_body_json(body))
            .mount(&server)
            .await;
        let uri = server.uri();
        let settings = [
            ("selvedge.staging", "webhdfs"),
            ("selvedge.staging.address", uri.as_str()),
        ];
        let file_systems = over_http(&settings).unwrap();
        let file = file_systems.resolve("/f").unwrap();
        let error = file_systems.of(&file).unwrap().delete(&file).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error} / {expected}");
    }
}

#[tokio::test]
async fn other_file_systems_are_not_reached_over_one_address() {
    let file_systems = over_http(&[("selvedge.staging", "webhdfs")]).unwrap();
    let other = file_systems.resolve("hdfs://other:8020/f").unwrap();
    let error = file_systems.of(&other).unwrap().status(&other).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("only fs.defaultFS is reached, hdfs://nn:8020"),
        "{error}"
    );
}
