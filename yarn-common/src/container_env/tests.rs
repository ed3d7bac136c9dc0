use super::*;

const WORKER: [(&str, &str); 9] = [
    ("CONTAINER_ID", "container_e03_1700000000000_0007_01_000002"),
    ("NM_HOST", "127.0.0.2"),
    ("NM_PORT", "45454"),
    ("NM_HTTP_PORT", "8042"),
    ("USER", "alice"),
    ("PWD", "/data/1/c"),
    ("LOCAL_DIRS", "/data/1/app,/data/2/app"),
    ("LOG_DIRS", "/logs/c"),
    ("HADOOP_TOKEN_FILE_LOCATION", "/data/1/c/container_tokens"),
];

fn with(extra: &[(&'static str, &'static str)]) -> Result<ContainerEnvironment, ContainerEnvError> {
    ContainerEnvironment::from_environment(&WORKER.iter().chain(extra).copied().collect())
}

#[test]
fn a_container_knows_who_and_where_it_is() {
    let environment = with(&[]).unwrap();
    assert_eq!(
        environment.application_id().to_string(),
        "application_1700000000000_0007"
    );
    assert_eq!(environment.node.to_string(), "127.0.0.2:45454");
    assert_eq!(environment.node_address(), Some(IpAddr::from([127, 0, 0, 2])));
    assert_eq!(
        environment.local_dirs,
        [PathBuf::from("/data/1/app"), PathBuf::from("/data/2/app")]
    );
    assert_eq!(environment.hadoop_conf_dir, None);
    let message = environment.application_master().unwrap_err().to_string();
    assert!(
        message.contains("not started by YARN in the container of an ApplicationMaster; it must run inside one"),
        "{message}"
    );
}

#[test]
fn a_master_knows_its_proxy_path() {
    let environment = with(&[
        ("APPLICATION_WEB_PROXY_BASE", "/proxy/application_1700000000000_0007"),
        ("APP_SUBMIT_TIME_ENV", "1700000000123"),
        ("HADOOP_CONF_DIR", "/etc/hadoop"),
    ])
    .unwrap();
    let master = environment.application_master().unwrap();
    assert_eq!(master.web_proxy_base, "/proxy/application_1700000000000_0007");
    assert_eq!(master.submit_time, 1_700_000_000_123);
    assert_eq!(environment.hadoop_conf_dir, Some(PathBuf::from("/etc/hadoop")));
}

#[test]
fn every_missing_variable_is_named() {
    for (variable, _) in WORKER {
        let environment = WORKER.iter().copied().filter(|(name, _)| *name != variable).collect();
        let error = ContainerEnvironment::from_environment(&environment).unwrap_err();
        let message = error.to_string();
        assert!(
            message.starts_with(&format!("the environment variable {variable} (")),
            "{message}"
        );
        assert!(
            message.contains("not started by YARN in a container; it must run inside one"),
            "{message}"
        );
    }
}

#[test]
fn every_wrong_variable_is_named() {
    for (variable, value) in [
        ("CONTAINER_ID", "container_1"),
        ("NM_PORT", "65536"),
        ("NM_HTTP_PORT", "x"),
        ("LOG_DIRS", ","),
    ] {
        let error = with(&[(variable, value)]).unwrap_err();
        let start = format!("the environment variable {variable} is {value:?}, which is not a");
        assert!(error.to_string().starts_with(&start), "{error}");
    }
}

#[test]
fn what_only_some_nodes_tell_is_read_where_it_is_there() {
    let environment = with(&[
        ("LOCAL_USER_DIRS", "/data/1/alice,/data/2/alice"),
        ("NM_AUX_SERVICE_mapreduce_shuffle", "AAA0+g=="),
        ("KEYSTORE_FILE_LOCATION", "/data/1/c/yarn_provided.keystore"),
    ])
    .unwrap();
    assert_eq!(environment.local_user_dirs.len(), 2);
    assert_eq!(environment.aux_services["mapreduce_shuffle"], vec![0, 0, 0x34, 0xfa]);
    let certificates = environment.certificates.unwrap();
    assert_eq!(
        certificates.key_store,
        PathBuf::from("/data/1/c/yarn_provided.keystore")
    );
    assert_eq!(certificates.trust_store, None);
    let error = with(&[("NM_AUX_SERVICE_x", "?")]).unwrap_err().to_string();
    assert!(
        error.starts_with("the environment variable NM_AUX_SERVICE_x is not Base64"),
        "{error}"
    );
}

#[test]
fn credentials_come_from_the_file_that_the_node_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("container_tokens");
    let environment = |path: &std::path::Path| {
        let file = path.to_str().unwrap();
        let variables = WORKER.iter().copied().chain([("HADOOP_TOKEN_FILE_LOCATION", file)]);
        ContainerEnvironment::from_environment(&variables.collect()).unwrap()
    };
    let error = environment(&path).credentials().unwrap_err().to_string();
    assert!(
        error.contains("container_tokens") && error.contains("HADOOP_TOKEN_FILE_LOCATION"),
        "{error}"
    );
    Credentials::new().write_file(&path).unwrap();
    assert!(environment(&path).credentials().unwrap().is_empty());
}
