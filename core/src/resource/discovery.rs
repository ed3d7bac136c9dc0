//! Scripts that find external resources on a worker's node.

use std::path::PathBuf;

use super::ExternalResources;
use crate::Configuration;
use crate::config::ConfigError;
use crate::config::options::external_resource::PREFIX;

/// How one external resource is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovery {
    /// The name in `external-resources`.
    pub resource: String,
    /// How much of it a worker has; at least 1.
    pub amount: u64,
    /// The program.
    pub script: PathBuf,
    /// What stands behind the amount on its command line.
    pub arguments: Vec<String>,
}

impl Discovery {
    /// Reads `external-resource.<name>.param.discovery-script.path` and `.args` of each resource that has an amount. A
    /// resource without a script is not looked for. Arguments are separated by blanks, as in Flink: there is no quoting.
    ///
    /// # Errors
    /// An amount that is no whole number.
    pub fn read(configuration: &Configuration) -> Result<Vec<Self>, ConfigError> {
        let amounts = ExternalResources::read(configuration)?.amounts;
        let discovery = |(resource, amount): (String, u64)| {
            let text = |key: &str| configuration.text(&format!("{PREFIX}{resource}.param.discovery-script.{key}"));
            let script = text("path").map(str::trim).filter(|path| !path.is_empty())?;
            let arguments = text("args").unwrap_or_default().split_whitespace();
            Some(Self {
                script: script.into(),
                arguments: arguments.map(str::to_owned).collect(),
                resource: resource.clone(),
                amount,
            })
        };
        Ok(amounts.into_iter().filter_map(discovery).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_with_an_amount_and_a_script_is_looked_for() {
        let configuration: Configuration = [
            ("external-resources", "gpu;fpga;none-of-it"),
            ("external-resource.gpu.amount", "2"),
            ("external-resource.gpu.param.discovery-script.path", " /opt/gpus.sh "),
            (
                "external-resource.gpu.param.discovery-script.args",
                "--enable-coordination  a",
            ),
            ("external-resource.fpga.amount", "1"),
            ("external-resource.fpga.param.discovery-script.path", ""),
            ("external-resource.none-of-it.param.discovery-script.path", "/opt/x.sh"),
        ]
        .into_iter()
        .collect();
        let expected = Discovery {
            resource: "gpu".to_owned(),
            amount: 2,
            script: "/opt/gpus.sh".into(),
            arguments: vec!["--enable-coordination".to_owned(), "a".to_owned()],
        };
        assert_eq!(Discovery::read(&configuration), Ok(vec![expected]));
    }
}
