//! `cargo xtask fuzz`: the targets that `cargo xtask test` runs for a fixed number of cases, for as long as one likes.

use crate::{USAGE, steps};

const DEFAULT_SECONDS: u64 = 60;

#[derive(Debug, PartialEq)]
pub(crate) struct Options {
    target: Option<String>,
    seconds: u64,
}

impl Options {
    pub(crate) fn parse(options: &[&str]) -> Result<Self, String> {
        let mut parsed = Self {
            target: None,
            seconds: DEFAULT_SECONDS,
        };
        let mut rest = options.iter();
        while let Some(option) = rest.next() {
            match *option {
                "--seconds" => {
                    let text = rest.next().ok_or("--seconds wants a number")?;
                    let number = text.parse().ok().filter(|seconds| *seconds > 0);
                    parsed.seconds = number.ok_or_else(|| format!("{text} is not a number of seconds above 0"))?;
                }
                other if other.starts_with('-') => return Err(format!("no option {other}\n{USAGE}")),
                target if parsed.target.is_none() => parsed.target = Some(target.to_owned()),
                second => return Err(format!("one target at most, and there is a second: {second}")),
            }
        }
        Ok(parsed)
    }

    /// Runs the targets; those of one crate beside each other, as the tests that they are.
    pub(crate) fn run(&self) -> Result<(), String> {
        let mut command = steps::cargo();
        command.args([
            "test",
            "--workspace",
            "--test",
            "fuzz",
            "--no-fail-fast",
            "--",
            "--nocapture",
        ]);
        command.args(&self.target).env("FUZZ_SECONDS", self.seconds.to_string());
        match super::status(&mut command)? {
            true => Ok(()),
            false => Err("a target failed: the smallest input that makes it fail stands above".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_and_the_time_are_options() {
        let parse = |options: &[&str]| Options::parse(options).unwrap();
        assert_eq!((parse(&[]).target, parse(&[]).seconds), (None, 60));
        for options in [["logins", "--seconds", "5"], ["--seconds", "5", "logins"]] {
            let parsed = parse(&options);
            assert_eq!((parsed.target.as_deref(), parsed.seconds), (Some("logins"), 5));
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let table: [(&[&str], &str); 5] = [
            (&["--seconds"], "wants a number"),
            (&["--seconds", "0"], "0 is not a number of seconds above 0"),
            (&["--seconds", "x"], "x is not"),
            (&["a", "b"], "a second: b"),
            (&["--time"], "no option --time"),
        ];
        for (options, words) in table {
            let error = Options::parse(options).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }
}
