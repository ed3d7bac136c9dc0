//! The known name nearest to a mistyped one.

/// The candidate most alike to `unknown`, if any is alike enough to be what was meant.
pub fn nearest<'a>(unknown: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const ALIKE: f64 = 0.7;
    candidates
        .into_iter()
        .map(|candidate| (likeness(unknown, candidate), candidate))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(left, _), (right, _)| left.total_cmp(right))
        .map(|(_, candidate)| candidate)
}

/// How alike two names are, from 0 to 1; case does not matter.
pub fn likeness(one: &str, other: &str) -> f64 {
    strsim::jaro_winkler(&one.to_lowercase(), &other.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word_and_nonsense_finds_none() {
        assert_eq!(nearest("paralelism", ["name", "parallelism"]), Some("parallelism"));
        assert_eq!(nearest("xyz", ["name", "parallelism"]), None);
    }
}
