//! `memory-mb=256,vcores=1,yarn.io/gpu=2`: resources by their types, as Hadoop's DistributedShell takes them.

use std::collections::BTreeMap;

use yarn_common::resource::Resource;

const MEMORY: &str = "memory-mb";
const CORES: &str = "vcores";
const MB_PER_GB: u64 = 1024;

/// Amounts by resource type; memory in MB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Amounts(BTreeMap<String, u64>);

impl Amounts {
    /// `resource` with these amounts instead of its own.
    pub(crate) fn over(&self, mut resource: Resource) -> Resource {
        for (name, amount) in &self.0 {
            match name.as_str() {
                MEMORY => resource.memory_mb = *amount,
                // The parser has checked it.
                CORES => resource.vcores = u32::try_from(*amount).unwrap_or(u32::MAX),
                _ => resource = resource.with_extra(name, *amount),
            }
        }
        resource
    }
}

impl std::str::FromStr for Amounts {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut amounts = BTreeMap::new();
        for part in text.split(',') {
            let (name, amount) = part
                .split_once('=')
                .ok_or_else(|| format!("{part:?} is no TYPE=AMOUNT, such as {MEMORY}=256"))?;
            let name = match name.trim() {
                "memory" => MEMORY,
                name => name,
            };
            if amounts.insert(name.to_owned(), parse(name, amount.trim())?).is_some() {
                return Err(format!("{name} is given twice"));
            }
        }
        Ok(Self(amounts))
    }
}

/// Memory may be in gigabytes.
fn parse(name: &str, text: &str) -> Result<u64, String> {
    let (number, factor) = match (name, text.strip_suffix(['g', 'G']), text.strip_suffix(['m', 'M'])) {
        (MEMORY, Some(number), _) => (number, MB_PER_GB),
        (MEMORY, _, Some(number)) => (number, 1),
        _ => (text, 1),
    };
    let amount = number
        .trim()
        .parse::<u64>()
        .ok()
        .and_then(|amount| amount.checked_mul(factor));
    let most = if name == CORES { u64::from(u32::MAX) } else { u64::MAX };
    let units = if name == MEMORY {
        ", or one with M or G behind it"
    } else {
        ""
    };
    amount
        .filter(|amount| *amount <= most)
        .ok_or_else(|| format!("{text:?} is no amount of {name}: give a whole number{units}"))
}
