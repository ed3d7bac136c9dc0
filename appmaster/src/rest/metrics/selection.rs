//! Lists in queries.

use std::ops::RangeInclusive;

/// `a,b`
pub(super) fn comma_list(text: &str) -> Vec<&str> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).collect()
}

/// `0-2,4`
pub(super) fn subtask_ranges(text: &str) -> Result<Vec<RangeInclusive<u32>>, String> {
    let range = |part: &str| {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let ends = (from.trim().parse().ok(), to.trim().parse().ok());
        match ends {
            (Some(from), Some(to)) if from <= to => Ok(from..=to),
            _ => Err(format!(
                "subtasks={part} is no subtask and no range of them: write 0-2,4"
            )),
        }
    };
    comma_list(text).into_iter().map(range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subtasks_are_numbers_and_ranges() {
        assert_eq!(subtask_ranges("0-2, 4"), Ok(vec![0..=2, 4..=4]));
        for text in ["x", "3-1", "1-", "-1"] {
            assert!(subtask_ranges(text).unwrap_err().contains(text), "{text}");
        }
    }
}
