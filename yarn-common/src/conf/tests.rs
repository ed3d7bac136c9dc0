use std::fs;
use std::time::Duration;

use super::{Authentication, ConfError, HadoopConfiguration, is_secret, keys};
use crate::environment::Environment;

mod names;

fn site(properties: &[(&str, &str)]) -> String {
    let properties: String = properties
        .iter()
        .map(|(key, value)| format!("<property><name>{key}</name><value>{value}</value></property>\n"))
        .collect();
    format!("<?xml version=\"1.0\"?>\n<configuration>\n{properties}</configuration>")
}

fn conf(properties: &[(&str, &str)]) -> HadoopConfiguration {
    text(&site(properties))
}

fn text(text: &str) -> HadoopConfiguration {
    let environment = Environment::from_iter([("HOST", "h1"), ("EMPTY", ""), ("USER", "alice")]);
    HadoopConfiguration::from_texts([("yarn-site.xml", text)], environment).unwrap()
}

fn get(conf: &HadoopConfiguration, key: &str) -> String {
    conf.get(key).unwrap().unwrap()
}

#[test]
fn later_files_override_earlier_ones_but_not_what_is_final() {
    let core = "<configuration>
        <property><name>a</name><value>1</value></property>
        <property><name>b</name><value>1</value><final> true </final></property>
        <property name='c' value='1' final='true'/>
    </configuration>";
    let yarn = site(&[("a", "2"), ("b", "2"), ("c", "2"), ("d", "1"), ("d", "2")]);
    let conf = HadoopConfiguration::from_texts(
        [("core-site.xml", core), ("yarn-site.xml", &yarn)],
        Environment::default(),
    )
    .unwrap();
    let values: Vec<_> = conf
        .iter()
        .map(|(key, property)| (key, property.raw_value(), property.source()))
        .collect();
    let expected = [
        ("a", "2", "yarn-site.xml"),
        ("b", "1", "core-site.xml"),
        ("c", "1", "core-site.xml"),
        ("d", "2", "yarn-site.xml"),
    ];
    assert_eq!(values, expected);
}

#[test]
fn white_space_comments_entities_and_cdata_are_read_as_xml_says() {
    let conf = text(
        "\u{feff}<!-- head --><configuration>
           <property> <name>
              a </name><value>  x &amp;&#x20;<!-- inner -->y <![CDATA[<z>]]>\n</value><description>d</description></property>
           <property><name>empty</name><value/></property>
           <property><name>no-value</name></property>
           <configuration><property><name>nested</name><value>1</value></property></configuration>
         </configuration>",
    );
    assert_eq!(get(&conf, "a"), "x & y <z>");
    assert_eq!(get(&conf, "empty"), "");
    assert_eq!(conf.get("no-value").unwrap(), None);
    assert_eq!(get(&conf, "nested"), "1");
}

#[test]
fn variables_are_substituted() {
    let conf = conf(&[
        ("host", "h${n}"),
        ("n", "7"),
        ("address", "${host}:80"),
        ("nested", "${${which}}"),
        ("which", "n"),
        (
            "env",
            "${env.HOST}/${env.NONE:-x}/${env.EMPTY:-y}/${env.EMPTY-z}|${env.NONE-w}",
        ),
        ("user", "${user.name} ${hadoop.tmp.dir}"),
        ("unknown", "${nobody} ${not a name} ${"),
        ("loop1", "${loop2}"),
        ("loop2", "${loop1}"),
    ]);
    assert_eq!(get(&conf, "address"), "h7:80");
    assert_eq!(get(&conf, "nested"), "7");
    assert_eq!(get(&conf, "env"), "h1/x/y/|w");
    assert_eq!(get(&conf, "user"), "alice /tmp/hadoop-alice");
    assert_eq!(get(&conf, "unknown"), "${nobody} ${not a name} ${");
    assert_eq!(get(&conf, "loop1"), "${loop2}");
}

#[test]
fn substitution_is_bounded() {
    let chain: Vec<_> = (0..30).map(|n| (format!("k{n}"), format!("${{k{}}}", n + 1))).collect();
    let chain: Vec<_> = chain
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    let message = conf(&chain).get("k0").unwrap_err().to_string();
    assert_eq!(
        message,
        "k0 (yarn-site.xml): \"${k1}\" still holds variables after 20 substitutions"
    );
    assert_eq!(get(&conf(&chain), "k15"), "${k30}");
}

#[test]
fn malformed_xml_names_the_file_and_the_position() {
    let table = [
        (
            "<configuration>\n  <property>\n <name>a</nam>",
            "line 3, column",
            "not well-formed XML",
        ),
        (
            "<configuration>\n<property>",
            "line 2, column 11",
            "ends inside <property>",
        ),
        ("<html><body/></html>", "line 1", "<html>, not <configuration>"),
        ("", "line 1, column 1", "no <configuration>"),
        (
            "<configuration><property><name>&x;</name></property></configuration>",
            "column 32",
            "unknown entity &x;",
        ),
        ("<configuration/><configuration/>", "line 1", "more than one root"),
    ];
    for (xml, position, reason) in table {
        let error = HadoopConfiguration::from_texts([("/etc/core-site.xml", xml)], Environment::default()).unwrap_err();
        let message = error.to_string();
        assert!(message.starts_with("/etc/core-site.xml, line"), "{message}");
        assert!(
            message.contains(position) && message.contains(reason),
            "{xml}: {message}"
        );
    }
    let deep = "<configuration>".repeat(100_000);
    let error = HadoopConfiguration::from_texts([("x", deep.as_str())], Environment::default()).unwrap_err();
    assert!(error.to_string().contains("nested more than"), "{error}");
}

#[test]
fn includes_are_followed_beside_the_file_and_bounded() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
    write("more.xml", &site(&[("yarn.resourcemanager.hostname", "rm")]));
    let include = |href: &str, inner: &str| {
        format!(
            "<configuration xmlns:xi='http://www.w3.org/2001/XInclude'><xi:include href='{href}'>{inner}</xi:include>\
             </configuration>"
        )
    };
    write("yarn-site.xml", &include("more.xml", ""));
    let conf = HadoopConfiguration::from_directory(directory.path()).unwrap();
    assert_eq!(get(&conf, keys::RM_HOSTNAME), "rm");
    assert!(conf.property(keys::RM_HOSTNAME).unwrap().source().ends_with("more.xml"));

    write("yarn-site.xml", &include("none.xml", ""));
    let message = HadoopConfiguration::from_directory(directory.path())
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("yarn-site.xml includes none.xml, which cannot be read"),
        "{message}"
    );

    let fallback = "<xi:fallback><property><name>f</name><value>1</value></property></xi:fallback>";
    write("yarn-site.xml", &include("none.xml", fallback));
    assert_eq!(
        get(&HadoopConfiguration::from_directory(directory.path()).unwrap(), "f"),
        "1"
    );

    write("yarn-site.xml", &include("yarn-site.xml", ""));
    let error = HadoopConfiguration::from_directory(directory.path()).unwrap_err();
    assert!(matches!(error, ConfError::IncludeTooDeep { .. }), "{error}");

    let many = "<include href='more.xml'/>".repeat(100);
    write("yarn-site.xml", &format!("<configuration>{many}</configuration>"));
    let error = HadoopConfiguration::from_directory(directory.path()).unwrap_err();
    assert!(matches!(error, ConfError::TooManyFiles { limit: 64, .. }), "{error}");
}

#[test]
fn the_environment_must_name_a_directory_with_yarn_site() {
    let message = HadoopConfiguration::from_environment(Environment::from_iter([("HADOOP_CONF_DIR", "")]))
        .unwrap_err()
        .to_string();
    assert!(message.starts_with("HADOOP_CONF_DIR is not set: set it"), "{message}");

    let of = |path: &std::path::Path| Environment::from_iter([("HADOOP_CONF_DIR", path.to_str().unwrap())]);
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("nowhere");
    let message = HadoopConfiguration::from_environment(of(&missing))
        .unwrap_err()
        .to_string();
    assert_eq!(
        message,
        format!("HADOOP_CONF_DIR is {}, which is not a directory", missing.display())
    );

    let message = HadoopConfiguration::from_environment(of(directory.path()))
        .unwrap_err()
        .to_string();
    assert!(
        message.starts_with(&format!("there is no yarn-site.xml in {}", directory.path().display())),
        "{message}"
    );

    let yarn = tempfile::tempdir().unwrap();
    fs::write(
        directory.path().join("core-site.xml"),
        site(&[("fs.defaultFS", "hdfs://nn:8020")]),
    )
    .unwrap();
    fs::write(yarn.path().join("yarn-site.xml"), site(&[(keys::RM_HOSTNAME, "rm")])).unwrap();
    let both = Environment::from_iter([
        ("HADOOP_CONF_DIR", directory.path().to_str().unwrap()),
        ("YARN_CONF_DIR", yarn.path().to_str().unwrap()),
    ]);
    let conf = HadoopConfiguration::from_environment(both).unwrap();
    assert_eq!(conf.default_fs().unwrap(), "hdfs://nn:8020");
    assert_eq!(get(&conf, keys::RM_HOSTNAME), "rm");
}

#[test]
fn a_shipped_configuration_has_the_same_values_and_no_secrets() {
    let conf = conf(&[
        ("a", "&lt;${env.HOST}&gt; &quot;x&quot; &amp; y"),
        ("ssl.server.keystore.password", "s3cr3t"),
        ("dfs.block.access.token.enable", "true"),
    ]);
    let xml = conf.without_secrets().to_xml();
    assert!(!xml.contains("s3cr3t"));
    let shipped = HadoopConfiguration::from_texts([("hadoop-site.xml", xml.as_str())], Environment::default()).unwrap();
    assert_eq!(get(&shipped, "a"), "<h1> \"x\" & y");
    assert_eq!(get(&shipped, "dfs.block.access.token.enable"), "true");
    assert_eq!(shipped.property("a").unwrap().source(), "yarn-site.xml");
    assert_eq!(shipped.iter().count(), 2);
    assert!(!format!("{conf:?}").contains("s3cr3t"));
}

#[test]
fn secrets_are_known_by_their_names() {
    for key in [
        "ssl.server.keystore.password",
        "javax.jdo.option.ConnectionPassword",
        "fs.s3a.secret.key",
        "fs.s3a.session.token",
        "fs.azure.account.key.x.blob.core.windows.net",
        "hadoop.http.authentication.signature.secret",
        "hadoop.zk.auth",
        "yarn.resourcemanager.zk-auth",
        "dfs.client.oauth2.credential",
    ] {
        assert!(is_secret(key), "{key}");
    }
    for key in [
        "dfs.block.access.token.enable",
        "hadoop.security.token.service.use_ip",
        "hadoop.security.authentication",
        "yarn.resourcemanager.hostname",
        "dfs.namenode.delegation.token.max-lifetime",
    ] {
        assert!(!is_secret(key), "{key}");
    }
}

#[test]
fn typed_values_are_checked() {
    let conf = conf(&[
        ("n", "5"),
        ("bad", "five"),
        ("t", "2 s"),
        ("d", "1d"),
        ("ms", "250"),
        ("neg", "-1"),
        ("l", " a, ,b"),
    ]);
    assert_eq!(conf.get_u64("n").unwrap(), Some(5));
    assert_eq!(conf.get_i64("neg").unwrap(), Some(-1));
    assert_eq!(conf.get_u64("none").unwrap(), None);
    assert_eq!(conf.get_duration("t").unwrap(), Some(Duration::from_secs(2)));
    assert_eq!(conf.get_duration("d").unwrap(), Some(Duration::from_secs(86_400)));
    assert_eq!(conf.get_duration("ms").unwrap(), Some(Duration::from_millis(250)));
    assert_eq!(conf.get_list("l").unwrap(), ["a", "b"]);
    for error in [
        conf.get_u64("bad").unwrap_err(),
        conf.get_u64("neg").unwrap_err(),
        conf.get_bool("n").unwrap_err(),
        conf.get_duration("bad").unwrap_err(),
    ] {
        let message = error.to_string();
        assert!(message.contains("(yarn-site.xml), which is not"), "{message}");
    }
}

#[test]
fn resource_manager_addresses_derive_from_the_host_name() {
    let conf = conf(&[
        (keys::RM_HOSTNAME, "rm.example"),
        (keys::RM_SCHEDULER_ADDRESS, "${yarn.resourcemanager.hostname}:9030"),
    ]);
    assert_eq!(conf.rm_web_addresses().unwrap()[0].url(), "http://rm.example:8088");
    assert_eq!(
        conf.rm_web_addresses().unwrap()[0].origin(),
        "yarn.resourcemanager.hostname in yarn-site.xml"
    );
    assert_eq!(conf.rm_scheduler_addresses().unwrap()[0].to_string(), "rm.example:9030");
    assert_eq!(conf.rm_client_addresses().unwrap()[0].to_string(), "rm.example:8032");
}

#[test]
fn the_https_policy_changes_the_key_and_the_port() {
    let derived = conf(&[
        (keys::YARN_HTTP_POLICY, "HTTPS_ONLY"),
        (keys::RM_HOSTNAME, "rm"),
        (keys::RM_WEBAPP_ADDRESS, "x:1"),
    ]);
    assert_eq!(derived.rm_web_addresses().unwrap()[0].url(), "https://rm:8090");
    let set = conf(&[
        (keys::YARN_HTTP_POLICY, "HTTPS_ONLY"),
        (keys::RM_WEBAPP_HTTPS_ADDRESS, "[::1]:9443"),
    ]);
    assert_eq!(set.rm_web_addresses().unwrap()[0].url(), "https://[::1]:9443");
    let wrong = conf(&[(keys::YARN_HTTP_POLICY, "HTTP_AND_HTTPS")]);
    assert!(matches!(wrong.rm_web_addresses(), Err(ConfError::BadValue { .. })));
}

#[test]
fn high_availability_gives_an_address_for_each_id() {
    let ha = [
        (keys::RM_HA_ENABLED, "true"),
        (keys::RM_HA_IDS, "rm1, rm2"),
        ("yarn.resourcemanager.hostname.rm1", "a"),
        ("yarn.resourcemanager.webapp.address.rm2", "b:18088"),
    ];
    let urls: Vec<_> = conf(&ha)
        .rm_web_addresses()
        .unwrap()
        .iter()
        .map(super::RmWebAddress::url)
        .collect();
    assert_eq!(urls, ["http://a:8088", "http://b:18088"]);
    let message = conf(&ha).rm_client_addresses().unwrap_err().to_string();
    assert!(
        message.contains("yarn.resourcemanager.hostname.rm2 is not set (read: yarn-site.xml)"),
        "{message}"
    );
    let message = conf(&ha[..1]).rm_client_addresses().unwrap_err().to_string();
    assert!(
        message.contains("yarn.resourcemanager.ha.rm-ids is not set although"),
        "{message}"
    );
}

#[test]
fn the_wildcard_address_is_not_configured() {
    for properties in [
        vec![(keys::RM_HOSTNAME, "0.0.0.0")],
        vec![(keys::RM_WEBAPP_ADDRESS, "0.0.0.0:8088")],
        vec![(keys::RM_WEBAPP_ADDRESS, "${yarn.resourcemanager.hostname}:8088")],
        vec![(keys::RM_HOSTNAME, "::")],
        vec![],
    ] {
        let error = conf(&properties).rm_web_addresses().unwrap_err();
        assert!(matches!(error, ConfError::NotConfigured { .. }), "{error}");
        let message = error.to_string();
        assert!(
            message.starts_with("the web address of the YARN ResourceManager is not configured: yarn."),
            "{message}"
        );
        assert!(message.contains("yarn-site.xml"), "{message}");
    }
    let error = conf(&[(keys::RM_WEBAPP_ADDRESS, "rm:port")])
        .rm_web_addresses()
        .unwrap_err();
    assert!(matches!(error, ConfError::BadValue { .. }), "{error}");
}

#[test]
fn accessors_know_hadoops_defaults() {
    let empty = conf(&[]);
    assert_eq!(empty.default_fs().unwrap(), "file:///");
    assert_eq!(empty.authentication().unwrap(), Authentication::Simple);
    assert_eq!(
        empty.minimum_allocation().unwrap().to_string(),
        "<memory:1024, vCores:1>"
    );
    assert_eq!(
        empty.maximum_allocation().unwrap().to_string(),
        "<memory:8192, vCores:4>"
    );
    assert_eq!(empty.umask().unwrap(), 0o022);
    assert_eq!(empty.rm_connect_max_wait().unwrap(), Some(Duration::from_secs(900)));
    assert_eq!(empty.nm_connect_max_wait().unwrap(), Some(Duration::from_secs(180)));
    assert_eq!(empty.nm_connect_retry_interval().unwrap(), Duration::from_secs(10));
    let set = conf(&[
        (keys::AUTHENTICATION, "KERBEROS"),
        (keys::UMASK, "027"),
        (keys::RM_CONNECT_MAX_WAIT, "-1"),
        (keys::NM_CONNECT_MAX_WAIT, "-1"),
        (keys::NM_CONNECT_RETRY_INTERVAL, "500"),
        ("fs.default.name", "hdfs://old"),
        (keys::MINIMUM_ALLOCATION_MB, "0"),
    ]);
    assert_eq!(set.authentication().unwrap(), Authentication::Kerberos);
    assert_eq!(set.umask().unwrap(), 0o027);
    assert_eq!(set.rm_connect_max_wait().unwrap(), None);
    assert_eq!(set.nm_connect_max_wait().unwrap(), None);
    assert_eq!(set.nm_connect_retry_interval().unwrap(), Duration::from_millis(500));
    assert_eq!(set.default_fs().unwrap(), "hdfs://old");
    assert!(matches!(set.minimum_allocation(), Err(ConfError::BadValue { .. })));
}
