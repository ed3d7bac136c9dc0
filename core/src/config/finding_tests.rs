use super::*;

/// A file as Flink 1.20 ships it, with what users of SQL, PyFlink, S3 and Prometheus add.
const FLINK_FILE: &str = "\
env:
  java:
    opts:
      all: --add-exports=java.base/sun.net.util=ALL-UNNAMED
jobmanager:
  bind-host: localhost
  rpc:
    address: localhost
    port: 6123
  memory:
    process:
      size: 1600m
  execution:
    failover-strategy: region
taskmanager:
  bind-host: localhost
  host: localhost
  numberOfTaskSlots: 4
  memory:
    process:
      size: 4096m
    managed:
      fraction: 0.4
parallelism:
  default: 4
high-availability:
  type: zookeeper
  storageDir: hdfs:///flink/ha/
state:
  backend:
    type: rocksdb
    incremental: true
    rocksdb:
      memory:
        managed: true
execution:
  checkpointing:
    interval: 3min
    mode: EXACTLY_ONCE
    dir: hdfs:///flink/checkpoints
restart-strategy:
  type: exponential-delay
rest:
  address: localhost
  bind-address: localhost
s3:
  endpoint: http://minio:9000
  access-key: user
  secret-key: hunter2
metrics:
  reporters: prom
  reporter:
    prom:
      factory:
        class: org.apache.flink.metrics.prometheus.PrometheusReporterFactory
      port: 9250-9260
table:
  local-time-zone: Europe/Rome
  exec:
    mini-batch:
      enabled: true
      allow-latency: 5 s
      size: 5000
    state:
      ttl: 1 d
  optimizer:
    agg-phase-strategy: TWO_PHASE
    distinct-agg.split.enabled: true
sql-client:
  execution:
    result-mode: TABLEAU
sql-gateway.session.idle-timeout: 10 min
python:
  executable: /opt/python/bin/python3
  fn-execution:
    bundle:
      size: 1000
    memory.managed: true
";

fn settings(file: &str) -> Settings {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("config.yaml"), file).unwrap();
    Settings::load(Some(directory.path()), [], &[]).unwrap()
}

#[test]
fn a_file_of_flink_1_20_with_sql_and_python_is_taken_and_each_key_without_meaning_gets_one_line_with_its_place() {
    let settings = settings(FLINK_FILE);
    let errors: Vec<_> = settings
        .findings()
        .iter()
        .filter(|one| one.severity == Severity::Error)
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    for (key, line, why) in [
        ("env.java.opts.all", 4, "no JVM"),
        ("table.local-time-zone", 58, "no planner for Flink's SQL"),
        ("table.exec.mini-batch.allow-latency", 62, "no planner for Flink's SQL"),
        (
            "table.optimizer.distinct-agg.split.enabled",
            68,
            "no planner for Flink's SQL",
        ),
        ("sql-client.execution.result-mode", 71, "no SQL client"),
        ("sql-gateway.session.idle-timeout", 72, "no SQL gateway"),
        ("python.fn-execution.memory.managed", 78, "no Python workers"),
    ] {
        let of_key: Vec<_> = settings
            .findings()
            .iter()
            .filter(|finding| finding.key == key)
            .collect();
        let [told] = of_key[..] else {
            panic!("{key}: {of_key:?}")
        };
        let told = told.to_string();
        assert!(told.contains("has no meaning here") && told.contains(why), "{told}");
        assert!(told.contains(&format!("config.yaml, line {line}: {key}: ")), "{told}");
    }
    let told: Vec<_> = settings.findings().iter().map(ToString::to_string).collect();
    assert!(!told.iter().any(|told| told.contains("hunter2")), "{told:?}");
}

#[test]
fn a_key_of_a_newer_flinks_sql_is_told_and_not_refused() {
    let settings = settings("table.exec.mini-batch.enable: true\npython.worker.x: 1\n");
    let severities: Vec<_> = settings.findings().iter().map(|finding| finding.severity).collect();
    assert_eq!(severities, [Severity::Warning; 2], "{:?}", settings.findings());
}
