//! Hadoop's site files as text.

use std::fs;
use std::path::Path;

use crate::bed::error::{BedError, Step};
use crate::bed::options::Properties;

pub(super) fn properties<const N: usize>(entries: [(&str, String); N]) -> Properties {
    entries
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// The bed's `own` properties, with those that were `asked` for standing over them.
pub(super) fn write_site(file: &Path, mut own: Properties, asked: &Properties) -> Result<(), BedError> {
    own.extend(asked.clone());
    fs::write(file, site_xml(&own)).step(|| format!("writing {}", file.display()))
}

fn site_xml(properties: &Properties) -> String {
    let mut xml = String::from("<?xml version=\"1.0\"?>\n<configuration>\n");
    for (name, value) in properties {
        let (name, value) = (quick_xml::escape::escape(name), quick_xml::escape::escape(value));
        xml.push_str(&format!(
            "  <property><name>{name}</name><value>{value}</value></property>\n"
        ));
    }
    xml.push_str("</configuration>\n");
    xml
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_stands_over_the_beds_own_value() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x-site.xml");
        let asked = properties([("a", "2 < 3".to_owned())]);
        write_site(
            &file,
            properties([("a", "1".to_owned()), ("b", "1".to_owned())]),
            &asked,
        )
        .unwrap();
        let xml = fs::read_to_string(file).unwrap();
        assert!(xml.contains("<name>a</name><value>2 &lt; 3</value>"), "{xml}");
        assert!(xml.contains("<name>b</name><value>1</value>"), "{xml}");
        assert_eq!(xml.matches("<name>a</name>").count(), 1);
    }
}
