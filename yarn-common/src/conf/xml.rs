//! Reads the XML form of a Hadoop configuration into a flat list of properties, in the order of the file.

use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::QName;
use quick_xml::{Reader, XmlVersion};

use super::error::ConfError;

/// Elements are never nested this deep in a configuration; a bound keeps a hostile file off the stack.
const MAX_DEPTH: usize = 32;

/// An element with its attributes, child elements and text.
#[derive(Debug, Default)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) children: Vec<Element>,
    pub(super) text: String,
}

impl Element {
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }
}

/// Parses `text` and returns the root element.
pub(super) fn parse(file: &str, text: &str) -> Result<Element, ConfError> {
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Element> = vec![Element::default()];
    loop {
        let start = offset(reader.buffer_position());
        let event = reader.read_event().map_err(|cause| {
            malformed(
                file,
                text,
                offset(reader.error_position()),
                format!("not well-formed XML: {cause}"),
            )
        })?;
        let error = |reason: String| malformed(file, text, start, reason);
        match event {
            Event::Start(tag) => {
                if open.len() > MAX_DEPTH {
                    return Err(error(format!("elements are nested more than {MAX_DEPTH} deep")));
                }
                open.push(element(&tag).map_err(error)?);
            }
            Event::Empty(tag) => {
                let child = element(&tag).map_err(error)?;
                top(&mut open).children.push(child);
            }
            Event::End(_) => close(&mut open),
            Event::Text(part) => top(&mut open).text.push_str(&part.xml10_content()),
            Event::CData(part) => top(&mut open).text.push_str(&part.xml10_content()),
            Event::GeneralRef(reference) => top(&mut open).text.push(character(&reference).map_err(error)?),
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    finish(open).map_err(|reason| malformed(file, text, text.len(), reason))
}

fn top(open: &mut [Element]) -> &mut Element {
    open.last_mut().expect("the document itself is never closed")
}

fn close(open: &mut Vec<Element>) {
    let closed = open.pop().expect("the reader refuses an end tag without a start tag");
    top(open).children.push(closed);
}

fn finish(mut open: Vec<Element>) -> Result<Element, String> {
    if open.len() > 1 {
        return Err(format!("the file ends inside <{}>", top(&mut open).name));
    }
    let document = open.pop().unwrap_or_default();
    match <[Element; 1]>::try_from(document.children) {
        Ok([root]) if root.name == "configuration" => Ok(root),
        Ok([root]) => Err(format!("the root element is <{}>, not <configuration>", root.name)),
        Err(roots) if roots.is_empty() => Err("there is no <configuration> element".to_owned()),
        Err(_) => Err("there is more than one root element".to_owned()),
    }
}

fn element(tag: &BytesStart<'_>) -> Result<Element, String> {
    let mut element = Element {
        name: local_name(tag.name()),
        ..Element::default()
    };
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|cause| cause.to_string())?;
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|cause| cause.to_string())?;
        element.attributes.push((local_name(attribute.key), value.into_owned()));
    }
    Ok(element)
}

/// The name without its prefix: `xi:include` is `include`.
fn local_name(name: QName<'_>) -> String {
    name.local_name().into_inner().to_owned()
}

fn character(reference: &BytesRef<'_>) -> Result<char, String> {
    if let Some(character) = reference.resolve_char_ref().map_err(|cause| cause.to_string())? {
        return Ok(character);
    }
    let name: &str = reference;
    match name {
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "amp" => Ok('&'),
        "apos" => Ok('\''),
        "quot" => Ok('"'),
        _ => Err(format!("unknown entity &{name};")),
    }
}

fn offset(position: u64) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}

fn malformed(file: &str, text: &str, offset: usize, reason: String) -> ConfError {
    let mut end = offset.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let before = &text[..end];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    ConfError::Malformed {
        file: file.to_owned(),
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
        reason,
    }
}
