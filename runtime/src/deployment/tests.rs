use super::*;

fn file(key: &str, archive: bool) -> ShippedFile {
    ShippedFile {
        key: key.to_owned(),
        url: format!("hdfs://nn:8020/user/a/{key}"),
        size: 7,
        modification_time: 1_700_000_000_123,
        archive,
        visibility: Visibility::Application,
    }
}

fn environment() -> MasterEnvironment {
    MasterEnvironment {
        application_id: ApplicationId::new(1_700_000_000_000, 7),
        role: MasterRole::PerJob(JobId::from_bytes([0xab; 16])),
        staging_directory: "hdfs://nn:8020/user/a/.selvedge/application_1700000000000_0007".to_owned(),
        dist: file(DIST_DIRECTORY, true),
        shipped: vec![file(CONFIG_FILE, false), file(HADOOP_SITE_FILE, false)],
        client_home: "hdfs://nn:8020/user/a".to_owned(),
        user: "a".to_owned(),
    }
}

#[test]
fn the_master_reads_what_the_client_wrote() {
    for role in [environment().role, MasterRole::Session, MasterRole::Application] {
        let environment = MasterEnvironment { role, ..environment() };
        let written = environment.to_env();
        assert_eq!(
            MasterEnvironment::from_env(&written.into_iter().collect()),
            Ok(environment)
        );
    }
}

#[test]
fn a_programs_file_has_a_name_that_every_script_takes() {
    for (name, file) in [("a-b_1.sh", "program-a-b_1.sh"), ("x y$`ü.py", "program-x_y___.py")] {
        assert_eq!(ApplicationProgram::file_of(name), file);
    }
}

#[test]
fn a_missing_and_a_broken_variable_are_named() {
    let mut variables = environment().to_env();
    variables.insert(DIST.to_owned(), "{".to_owned());
    let error = MasterEnvironment::from_env(&variables.clone().into_iter().collect()).unwrap_err();
    assert!(error.to_string().contains("_SELVEDGE_DIST_ARCHIVE is '{'"), "{error}");
    for variable in [JOB_ID, ROLE] {
        variables.remove(variable);
        let error = MasterEnvironment::from_env(&variables.clone().into_iter().collect()).unwrap_err();
        assert_eq!(error, DeploymentError::Missing { variable });
    }
    variables.insert(ROLE.to_owned(), "butler".to_owned());
    let error = MasterEnvironment::from_env(&variables.into_iter().collect()).unwrap_err();
    assert!(error.to_string().contains("_SELVEDGE_ROLE is 'butler'"), "{error}");
}

#[test]
fn a_worker_gets_the_binary_and_the_shipped_files() {
    let resources = environment().worker_resources().unwrap();
    let keys: Vec<_> = resources.keys().map(String::as_str).collect();
    assert_eq!(keys, [CONFIG_FILE, HADOOP_SITE_FILE, DIST_DIRECTORY]);
    assert_eq!(resources[DIST_DIRECTORY].kind, LocalResourceType::Archive);
    assert_eq!(resources[CONFIG_FILE].timestamp, 1_700_000_000_123);
}

#[test]
fn json_is_quoted_for_the_containers_script() {
    let quoted = quoted(environment().to_env()).unwrap();
    assert!(quoted[DIST].starts_with("{\\\"key\\\""), "{}", quoted[DIST]);
}
#[test]
fn a_secret_never_becomes_an_argument() {
    let of = |key: &'static str, value: &'static str| dynamic_properties([("env.log.level", "info"), (key, value)]);
    assert_eq!(
        of("s3.endpoint", "x").unwrap(),
        ["'-Denv.log.level=info'", "'-Ds3.endpoint=x'"]
    );
    for (key, value) in [
        ("s3.secret-key", "hunter2"),
        ("security.ssl.rest.keystore-password", "hunter2"),
        ("security.kerberos.login.keytab", "BQIAAABFAAIADEVYQU1QTEUuQ09N"),
    ] {
        let error = of(key, value).unwrap_err();
        assert_eq!(error, DeploymentError::Secret { key: key.to_owned() });
        assert!(!error.to_string().contains(value), "{error}");
    }
}

#[test]
fn a_secret_variable_is_the_processs_own_and_the_others_are_the_launch_scripts() {
    let configuration = Configuration::from_iter([
        ("containerized.master.env.TZ", "UTC"),
        ("containerized.master.env.API_TOKEN", "hunter2"),
        ("containerized.taskmanager.env.DB_PASSWORD", "hunter3"),
    ]);
    let of = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
    let prefix = "containerized.master.env.";
    assert_eq!(open_variables(&configuration, prefix), of("TZ", "UTC"));
    assert_eq!(secret_variables(&configuration, prefix), of("API_TOKEN", "hunter2"));
}
