//! Where the NameNodes serve HTTP.

use url::Url;
use yarn_common::conf::HadoopConfiguration;

use crate::builder::BuildError;

/// URL and origin of each NameNode of `fs.defaultFS`.
pub(super) fn namenodes(configuration: &HadoopConfiguration) -> Result<Vec<(String, String)>, BuildError> {
    let default_fs = configuration.default_fs()?;
    let bad = |reason: &str| BuildError::BadUrl {
        url: default_fs.clone(),
        reason: reason.to_owned(),
    };
    let url = Url::parse(&default_fs).map_err(|cause| bad(&cause.to_string()))?;
    let host = url
        .host_str()
        .filter(|_| matches!(url.scheme(), "hdfs" | "webhdfs" | "swebhdfs"));
    let host = host.ok_or_else(|| bad("fs.defaultFS is not an HDFS, hdfs://namenode:8020 or hdfs://nameservice"))?;
    if matches!(url.scheme(), "webhdfs" | "swebhdfs") {
        let scheme = if url.scheme() == "webhdfs" { "http" } else { "https" };
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        return Ok(vec![(format!("{scheme}://{host}{port}"), "fs.defaultFS".to_owned())]);
    }
    let https = configuration.get("dfs.http.policy")?.as_deref() == Some("HTTPS_ONLY");
    let (scheme, key, port) = match https {
        true => ("https", "dfs.namenode.https-address", 9871),
        false => ("http", "dfs.namenode.http-address", 9870),
    };
    let names = configuration.get_list(&format!("dfs.ha.namenodes.{host}"))?;
    let keys: Vec<_> = match names.is_empty() {
        true => vec![key.to_owned()],
        false => names.iter().map(|name| format!("{key}.{host}.{name}")).collect(),
    };
    let mut found = Vec::new();
    for key in keys {
        let set = configuration.get(&key)?.filter(|value| !value.is_empty());
        // The daemon's default listens everywhere: the host is then the one of the file system.
        let address = match set.as_deref().map(|address| address.trim_start_matches("0.0.0.0:")) {
            None if names.is_empty() => format!("{host}:{port}"),
            None => {
                return Err(bad(&format!(
                    "{key} is not set: set it to the web address of that NameNode"
                )));
            }
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => format!("{host}:{port}"),
            Some(address) => address.to_owned(),
        };
        let source = configuration
            .property(&key)
            .map_or("its default", |property| property.source());
        found.push((format!("{scheme}://{address}"), format!("{key} in {source}")));
    }
    Ok(found)
}
