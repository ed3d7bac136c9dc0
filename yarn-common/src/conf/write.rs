//! Writes a configuration as one file.

use std::fmt::Write;

use quick_xml::escape::escape;

use super::HadoopConfiguration;

impl HadoopConfiguration {
    /// All properties in the form of a `*-site.xml`, variables substituted by what they mean on this machine, each with
    /// the file that it came from, so that [`from_file`](Self::from_file) elsewhere gives the same values and messages.
    ///
    /// Secrets are written too: call [`without_secrets`](Self::without_secrets) first.
    pub fn to_xml(&self) -> String {
        let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<configuration>\n");
        for (key, property) in &self.properties {
            // A value whose variables nest too deeply is an error where it is read, not for those who never read it.
            let value = self
                .expand(key, &property.value)
                .unwrap_or_else(|_| property.value.clone());
            let is_final = if property.is_final { "<final>true</final>" } else { "" };
            writeln!(
                xml,
                "  <property><name>{}</name><value>{}</value>{is_final}<source>{}</source></property>",
                escape(key.as_str()),
                escape(value.as_str()),
                escape(&*property.source),
            )
            .expect("writing to a string cannot fail");
        }
        xml.push_str("</configuration>\n");
        xml
    }
}
