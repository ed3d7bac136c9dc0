//! Properties under other names: deprecated ones, and those of one server among several.

use super::*;

#[test]
fn a_deprecated_name_and_its_successor_are_one_property() {
    let old = conf(&[("fs.default.name", "hdfs://nn:8020"), ("x", "${fs.default.name}/x")]);
    assert_eq!(get(&old, keys::DEFAULT_FS), "hdfs://nn:8020");
    assert_eq!(get(&old, "fs.default.name"), "hdfs://nn:8020");
    assert_eq!(get(&old, "x"), "hdfs://nn:8020/x");
    assert_eq!(
        old.property(keys::DEFAULT_FS).unwrap().written_as(),
        Some("fs.default.name")
    );
    let new = conf(&[("fs.defaultFS", "hdfs://nn:8020")]);
    assert_eq!(get(&new, "fs.default.name"), "hdfs://nn:8020");
    assert_eq!(new.property("fs.default.name").unwrap().written_as(), None);
    assert_eq!(get(&conf(&[("x", "${fs.default.name}")]), "x"), "file:///");
}

#[test]
fn a_final_value_stands_against_its_deprecated_name() {
    let core = "<configuration><property><name>fs.defaultFS</name><value>hdfs://a</value><final>true</final>\
                </property></configuration>";
    let yarn = site(&[("fs.default.name", "hdfs://b")]);
    let texts = [("core-site.xml", core), ("yarn-site.xml", yarn.as_str())];
    let conf = HadoopConfiguration::from_texts(texts, Environment::default()).unwrap();
    assert_eq!(conf.default_fs().unwrap(), "hdfs://a");
}

#[test]
fn an_error_names_the_key_the_file_and_the_deprecated_name() {
    let message = conf(&[("dfs.umaskmode", "9")]).umask().unwrap_err().to_string();
    assert_eq!(
        message,
        "fs.permissions.umask-mode is \"9\" (yarn-site.xml, written as the deprecated dfs.umaskmode), which is not an \
         octal mask, such as 022"
    );
}

#[test]
fn setting_a_deprecated_name_sets_its_successor() {
    let mut conf = conf(&[]);
    conf.set("dfs.block.size", " 1 ", "the command line");
    assert_eq!(get(&conf, "dfs.blocksize"), "1");
    assert_eq!(conf.iter().count(), 1);
}

#[test]
fn a_nameservice_gives_an_address_for_each_namenode() {
    let ha = [
        ("dfs.nameservices", "ns1, other"),
        ("dfs.ha.namenodes.ns1", "nn1,nn2"),
        ("dfs.namenode.rpc-address.ns1.nn1", "a:8020"),
        ("dfs.namenode.rpc-address.ns1.nn2", "b"),
        ("dfs.namenode.http-address.ns1.nn1", "a:9870"),
        ("dfs.namenode.rpc-address.other", "c:9000"),
    ];
    let conf = conf(&ha);
    let rpc = conf.namenode_addresses("ns1").unwrap();
    let shown: Vec<_> = rpc.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["a:8020", "b:8020"]);
    assert_eq!(rpc[1].id.as_deref(), Some("nn2"));
    assert_eq!(conf.namenode_addresses("other").unwrap()[0].to_string(), "c:9000");
    assert_eq!(conf.namenode_addresses("nn:8021").unwrap()[0].to_string(), "nn:8021");
    let message = conf.namenode_web_addresses("ns1").unwrap_err().to_string();
    assert!(
        message.contains("dfs.namenode.http-address.ns1.nn2 is not set (read: yarn-site.xml)"),
        "{message}"
    );
    let message = conf.namenode_web_addresses("other").unwrap_err().to_string();
    assert!(message.contains("dfs.ha.namenodes.other is not set"), "{message}");
}

#[test]
fn the_web_address_of_a_single_namenode_follows_the_policy() {
    let web = |properties: &[(&str, &str)]| {
        let (addresses, https) = conf(properties).namenode_web_addresses("nn:8020").unwrap();
        (addresses[0].to_string(), https)
    };
    assert_eq!(web(&[]), ("nn:9870".to_owned(), false));
    assert_eq!(
        web(&[("dfs.http.address", "0.0.0.0:50070")]),
        ("nn:50070".to_owned(), false)
    );
    assert_eq!(
        web(&[(keys::DFS_HTTP_POLICY, "HTTPS_ONLY")]),
        ("nn:9871".to_owned(), true)
    );
    let wrong = conf(&[(keys::DFS_HTTP_POLICY, "FTP")])
        .namenode_web_addresses("nn")
        .unwrap_err();
    assert!(matches!(wrong, ConfError::BadValue { .. }), "{wrong}");
}
