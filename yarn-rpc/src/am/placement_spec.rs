//! Placement constraints as text: what Hadoop's distributed shell takes as `-placement_spec`.
//!
//! Source: `PlacementConstraintParser` of Hadoop 3.4.

use std::{collections::BTreeSet, str::FromStr};

use super::{
    ask::AskError,
    placement::{PlacementConstraint, Scope},
};

/// Groups of containers, each with a tag of its own and a constraint.
///
/// ```text
/// zk(3),NOTIN,NODE,zk:hbase(5),IN,RACK,zk:spark(7),CARDINALITY,NODE,hbase,1,3
/// ```
///
/// are three containers tagged `zk` on as many nodes, five tagged `hbase` in racks that have one of those, and seven
/// tagged `spark`, each on a node that has one to three of the five. A specification of a single group may leave out the
/// tag and the number: `rm.yarn.io/disk=ssd`.
///
/// ```
/// use yarn_rpc::am::PlacementSpec;
///
/// let spec: PlacementSpec = "zk(3),NOTIN,NODE,zk".parse()?;
/// assert_eq!(spec.groups[0].source, Some(("zk".to_owned(), 3)));
/// # Ok::<(), yarn_rpc::am::AskError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacementSpec {
    /// At least one, in the order in which they are written; no two have the same tag.
    pub groups: Vec<PlacementGroup>,
}

/// Containers with one tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacementGroup {
    /// Their allocation tag, and how many they are; only a group that stands alone may leave it out.
    pub source: Option<(String, u32)>,
    /// Where they may stand; anywhere where `None`.
    pub constraint: Option<PlacementConstraint>,
}

impl FromStr for PlacementSpec {
    type Err = AskError;

    /// # Errors
    /// [`AskError::Constraint`] with the part that is wrong.
    fn from_str(text: &str) -> Result<Self, AskError> {
        let groups = parts(text).map(group).collect::<Result<Vec<_>, _>>()?;
        if groups.is_empty() {
            return wrong(format!("{text:?} names no containers; write TAG(NUMBER),CONSTRAINT"));
        }
        let mut tags = BTreeSet::new();
        for source in groups.iter().map(|group| &group.source) {
            match source {
                Some((tag, _)) if !tags.insert(tag) => return wrong(format!("the tag {tag} has two groups")),
                None if groups.len() > 1 => {
                    return wrong("of several groups, one has no TAG(NUMBER) before its constraint".to_owned());
                }
                _ => {}
            }
        }
        Ok(Self { groups })
    }
}

impl FromStr for PlacementConstraint {
    type Err = AskError;

    /// One of `IN,SCOPE,TAG,…`, `NOTIN,SCOPE,TAG,…`, `CARDINALITY,SCOPE,TAG,…,LEAST,MOST`, `ATTRIBUTE=VALUE,…`,
    /// `ATTRIBUTE!=VALUE,…`, and `AND(…:…)` and `OR(…:…)` of these. The scope is `NODE` or `RACK`.
    ///
    /// # Errors
    /// [`AskError::Constraint`] with the part that is wrong.
    fn from_str(text: &str) -> Result<Self, AskError> {
        let constraint = constraint(text.trim())?;
        constraint.validate()?;
        Ok(constraint)
    }
}

fn wrong<T>(what: String) -> Result<T, AskError> {
    Err(AskError::Constraint(what))
}

/// What colons separate, but for those within brackets.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_usize;
    let separates = move |character| {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == ':' && depth == 0
    };
    text.split(separates).map(str::trim).filter(|part| !part.is_empty())
}

fn group(text: &str) -> Result<PlacementGroup, AskError> {
    if composite(text, "AND").or_else(|| composite(text, "OR")).is_some() {
        return alone(text);
    }
    let source = text.split_once(')').and_then(|(source, rest)| {
        let (tag, number) = source.split_once('(')?;
        Some((tag.trim(), number.trim(), rest.trim()))
    });
    let Some((tag, number, rest)) = source else {
        return alone(text);
    };
    let number = number.parse::<u32>().ok().filter(|number| *number > 0);
    let Some(number) = number.filter(|_| !tag.is_empty()) else {
        return wrong(format!(
            "{text:?} does not begin with a tag and a number of containers, such as zk(3)"
        ));
    };
    let constraint = match rest.strip_prefix(',') {
        Some(rest) => Some(rest.parse()?),
        None if rest.is_empty() => None,
        None => return wrong(format!("{rest:?} stands behind {tag}({number}) without a comma")),
    };
    Ok(PlacementGroup {
        source: Some((tag.to_owned(), number)),
        constraint,
    })
}

fn alone(text: &str) -> Result<PlacementGroup, AskError> {
    Ok(PlacementGroup {
        source: None,
        constraint: Some(text.parse()?),
    })
}

fn constraint(text: &str) -> Result<PlacementConstraint, AskError> {
    let all = |parts_of: &str| parts(parts_of).map(constraint).collect::<Result<Vec<_>, _>>();
    if let Some(inner) = composite(text, "AND") {
        return all(inner).map(PlacementConstraint::And);
    }
    if let Some(inner) = composite(text, "OR") {
        return all(inner).map(PlacementConstraint::Or);
    }
    let words: Vec<&str> = text.split(',').map(str::trim).collect();
    let is = |keyword: &str| words[0].eq_ignore_ascii_case(keyword);
    match words.as_slice() {
        [_, at, tags @ ..] if is("IN") => Ok(PlacementConstraint::affinity(scope(at)?, tags.to_vec())),
        [_, at, tags @ ..] if is("NOTIN") => Ok(PlacementConstraint::anti_affinity(scope(at)?, tags.to_vec())),
        [_, at, tags @ .., least, most] if is("CARDINALITY") && !tags.is_empty() => Ok(
            PlacementConstraint::cardinality(scope(at)?, number(least)?, Some(number(most)?), tags.to_vec()),
        ),
        _ if is("IN") || is("NOTIN") => wrong(format!("{text:?} is not {},NODE or RACK,TAG", words[0])),
        _ if is("CARDINALITY") => wrong(format!("{text:?} is not {},NODE or RACK,TAG,LEAST,MOST", words[0])),
        _ => attribute(text),
    }
}

/// What stands between the brackets of `AND(…)` or `OR(…)`.
fn composite<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(name.len())?;
    let inner = rest.trim_start().strip_prefix('(')?.strip_suffix(')')?;
    head.eq_ignore_ascii_case(name).then_some(inner)
}

fn scope(text: &str) -> Result<Scope, AskError> {
    match text.to_ascii_uppercase().as_str() {
        "NODE" => Ok(Scope::Node),
        "RACK" => Ok(Scope::Rack),
        _ => wrong(format!("{text:?} is no scope; write NODE or RACK")),
    }
}

fn number(text: &str) -> Result<u32, AskError> {
    text.parse()
        .or_else(|_| wrong(format!("{text:?} is no number of containers")))
}

fn attribute(text: &str) -> Result<PlacementConstraint, AskError> {
    let unequal = text.split_once("!=").map(|(name, values)| (name, values, false));
    let found = unequal.or_else(|| text.split_once('=').map(|(name, values)| (name, values, true)));
    let Some((name, values, equal)) = found else {
        return wrong(format!(
            "{text:?} is no constraint; write IN, NOTIN or CARDINALITY with its scope and tags, ATTRIBUTE=VALUE, or \
             AND(…) or OR(…) of such"
        ));
    };
    Ok(PlacementConstraint::Attribute {
        name: name.trim().to_owned(),
        values: values.split(',').map(|value| value.trim().to_owned()).collect(),
        equal,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(text: &str) -> Vec<PlacementGroup> {
        text.parse::<PlacementSpec>().unwrap().groups
    }

    fn one(text: &str) -> PlacementConstraint {
        text.parse().unwrap()
    }

    #[test]
    fn a_specification_is_groups_of_containers_with_their_constraints() {
        let of = |tag: &str, count, constraint| PlacementGroup {
            source: Some((tag.to_owned(), count)),
            constraint,
        };
        let (node, rack) = (Scope::Node, Scope::Rack);
        assert_eq!(
            groups("zk(3),NOTIN,NODE,zk:hbase(5), in, rack, zk:spark(7),CARDINALITY,NODE,hbase,zk,1,3:any(2)"),
            [
                of("zk", 3, Some(PlacementConstraint::anti_affinity(node, ["zk"]))),
                of("hbase", 5, Some(PlacementConstraint::affinity(rack, ["zk"]))),
                of(
                    "spark",
                    7,
                    Some(PlacementConstraint::cardinality(node, 1, Some(3), ["hbase", "zk"]))
                ),
                of("any", 2, None),
            ]
        );
    }

    #[test]
    fn constraints_may_be_joined_and_speak_of_the_attributes_of_nodes() {
        let zk = PlacementConstraint::anti_affinity(Scope::Node, ["zk"]);
        let ssd = PlacementConstraint::attribute_is("rm.yarn.io/disk", ["ssd"]);
        let no_windows = PlacementConstraint::Attribute {
            name: "nm.yarn.io/os".to_owned(),
            values: ["windows".to_owned()].into(),
            equal: false,
        };
        let either = PlacementConstraint::Or(vec![ssd.clone(), no_windows]);
        let both = PlacementConstraint::And(vec![zk, either]);
        let text = "AND(NOTIN,NODE,zk:OR(rm.yarn.io/disk=ssd:nm.yarn.io/os!=windows))";
        assert_eq!(one(text), both);
        assert_eq!(groups(&format!("zk(1),{text}"))[0].constraint, Some(both.clone()));
        assert_eq!(groups(text)[0], alone(text).unwrap());
        let group = &groups("rm.yarn.io/disk=ssd")[0];
        assert_eq!((&group.source, &group.constraint), (&None, &Some(ssd)));
        let several = PlacementConstraint::attribute_is("rm.yarn.io/java", ["17", "21"]);
        assert_eq!(one("rm.yarn.io/java=17,21"), several);
    }

    #[test]
    fn what_is_no_specification_is_refused_with_the_part_that_is_wrong() {
        for (text, expected) in [
            ("", "names no containers"),
            ("zk(0),NOTIN,NODE,zk", "a tag and a number"),
            ("zk(many),NOTIN,NODE,zk", "a tag and a number"),
            ("(3),NOTIN,NODE,zk", "a tag and a number"),
            ("zk=3,NOTIN,NODE,zk", "no prefix"),
            ("zk(3)NOTIN,NODE,zk", "without a comma"),
            ("zk(3),NEAR,NODE,zk", "is no constraint"),
            ("zk(3),NOTIN", "is not NOTIN,NODE or RACK,TAG"),
            ("zk(3),NOTIN,NODE", "names no allocation tag"),
            ("zk(3),IN,CITY,zk", "is no scope"),
            ("zk(3),CARDINALITY,NODE,zk,1", "is not CARDINALITY"),
            ("zk(3),CARDINALITY,NODE,zk,1,x", "no number of containers"),
            ("zk(3),CARDINALITY,NODE,zk,3,1", "above its greatest"),
            ("zk(3),AND()", "list of constraints is empty"),
            ("zk(3),java=1.8", "has no prefix"),
            ("zk(1):zk(2)", "has two groups"),
            ("zk(1):rm.yarn.io/disk=ssd", "has no TAG(NUMBER)"),
        ] {
            let error = text.parse::<PlacementSpec>().unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
