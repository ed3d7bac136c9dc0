//! Flink's short flags of several letters, added to the completions that know none of them.
//!
//! ```text
//! bash  opts="-d … --jobManagerMemory …"        ─► opts="-jm -d … --jobManagerMemory …"
//!       --jobManagerMemory)                     ─► -jm|--jobManagerMemory)
//! zsh   '--jobManagerMemory=[The memory …       ─► the same line once more, with -jm
//! fish  … -l jobManagerMemory …                 ─► … -l jobManagerMemory -o jm …
//! ```

use clap_complete::Shell;

use crate::cli::short_flags;

/// The script with the flags of each subcommand; that of another shell as it is.
pub(super) fn added(shell: Shell, script: &str) -> String {
    match shell {
        Shell::Bash => by_section(script, subcommand_of_bash, in_bash),
        Shell::Zsh => by_section(script, subcommand_of_zsh, in_zsh),
        Shell::Fish => in_fish(script),
        _ => script.to_owned(),
    }
}

/// Goes through a script whose sections begin with a line that names their subcommand, and changes the others.
fn by_section(
    script: &str,
    subcommand_of: fn(&str) -> Option<String>,
    changed: fn(&str, subcommand: &str) -> String,
) -> String {
    let mut subcommand = String::new();
    let lines = script.lines().map(|line| {
        if let Some(next) = subcommand_of(line.trim()) {
            subcommand = next;
        }
        changed(line, &subcommand) + "\n"
    });
    lines.collect()
}

/// `selvedge__subcmd__yarn__subcmd__session)`.
fn subcommand_of_bash(line: &str) -> Option<String> {
    const SEPARATOR: &str = "__subcmd__";
    let label = line.strip_prefix("selvedge")?.strip_suffix(')')?;
    let name = label.strip_prefix(SEPARATOR)?;
    Some(name.replace(SEPARATOR, "-"))
}

fn in_bash(line: &str, subcommand: &str) -> String {
    let mut line = line.to_owned();
    for (short, long) in short_flags::of(subcommand) {
        if line.trim() == format!("--{long})") {
            line = line.replacen("--", &format!("-{short}|--"), 1);
        }
        if line.trim().starts_with("opts=\"") {
            line = line.replacen("opts=\"", &format!("opts=\"-{short} "), 1);
        }
    }
    line
}

/// `(yarn-session)`.
fn subcommand_of_zsh(line: &str) -> Option<String> {
    let name = line.strip_prefix('(')?.strip_suffix(')')?;
    Some(name.to_owned())
}

fn in_zsh(line: &str, subcommand: &str) -> String {
    let as_short = short_flags::of(subcommand).find_map(|(short, long)| {
        // What follows is its help, after what says that it takes a value.
        ["=[", "["].into_iter().find_map(|end| {
            let long = format!("--{long}{end}");
            let found = line.contains(&long);
            found.then(|| line.replacen(&long, &format!("-{short}{end}"), 1))
        })
    });
    match as_short {
        Some(short) => format!("{short}\n{line}"),
        None => line.to_owned(),
    }
}

fn in_fish(script: &str) -> String {
    let lines = script.lines().map(|line| {
        let subcommand = line.split_once("_using_subcommand ").map(|(_, rest)| rest);
        let subcommand = subcommand.and_then(|rest| rest.split(['"', ';']).next());
        let mut line = line.to_owned();
        for (short, long) in short_flags::of(subcommand.unwrap_or_default()) {
            line = line.replacen(&format!(" -l {long} "), &format!(" -l {long} -o {short} "), 1);
        }
        line + "\n"
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use super::*;
    use crate::cli::completion::script;

    fn all() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
        let owners = ["run", "run-application", "yarn-session"];
        owners
            .into_iter()
            .flat_map(|owner| short_flags::of(owner).map(move |(short, long)| (owner, short, long)))
    }

    /// What bash offers for the last of these words, in this directory; nothing where there is no bash.
    fn offered(script: &Path, directory: &Path, words: &[&str]) -> Option<Vec<String>> {
        let completing = "source \"$0\" && COMP_WORDS=(\"$@\") && COMP_CWORD=$(($# - 1)) && \
                          _selvedge \"$1\" \"${@: -1}\" \"${@: -2:1}\" && printf '%s\\n' \"${COMPREPLY[@]}\"";
        let output = Command::new("bash")
            .args(["--norc", "-c", completing])
            .arg(script)
            .args(words)
            .current_dir(directory)
            .output()
            .ok()?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        Some(text.lines().map(str::to_owned).collect())
    }

    #[test]
    fn bash_offers_them_and_completes_their_values() {
        let text = script(Shell::Bash);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("selvedge.bash");
        std::fs::write(&file, &text).unwrap();
        if let Ok(status) = Command::new("bash").arg("-n").arg(&file).status() {
            assert!(status.success(), "{text}");
        }
        for (owner, short, long) in all() {
            assert!(text.contains(&format!("-{short} ")), "-{short} is not in\n{text}");
            let typed = format!("-{}", &short[..1]);
            if let Some(words) = offered(&file, folder.path(), &["selvedge", owner, &typed]) {
                assert!(words.contains(&format!("-{short}")), "{owner} {words:?}");
            }
            if let Some(words) = offered(&file, folder.path(), &["selvedge", owner, "--"]) {
                assert!(words.contains(&format!("--{long}")), "{owner} {words:?}");
            }
        }
        if let Some(words) = offered(&file, folder.path(), &["selvedge", "yarn-session", "-jm", ""]) {
            assert_eq!(words, ["selvedge.bash"], "as after --jobManagerMemory");
        }
        if let Some(words) = offered(&file, folder.path(), &["selvedge", "list", "-"]) {
            assert!(!words.contains(&"-jm".to_owned()), "{words:?}");
        }
    }

    #[test]
    fn zsh_has_a_line_for_each_beside_that_of_its_long_form() {
        let text = script(Shell::Zsh);
        let lines: Vec<_> = text.lines().collect();
        for (_, short, long) in all() {
            let beside = lines.windows(2).any(|pair| {
                ["=[", "["].iter().any(|end| {
                    let (one, other) = (format!("-{short}{end}"), format!("--{long}{end}"));
                    pair[1].contains(&other) && pair[0] == pair[1].replacen(&other, &one, 1)
                })
            });
            assert!(beside, "-{short} is not beside --{long} in\n{text}");
        }
        let sae = lines.iter().filter(|line| line.contains("-sae[")).count();
        assert_eq!(sae, 2, "of run and of run-application");
    }

    #[test]
    fn fish_has_each_as_an_old_option_of_its_subcommand() {
        let text = script(Shell::Fish);
        for (owner, short, long) in all() {
            let of_owner = format!("_using_subcommand {owner}\"");
            let flag = format!(" -l {long} -o {short} ");
            let found = text
                .lines()
                .filter(|line| line.contains(&flag) && line.contains(&of_owner));
            assert_eq!(found.count(), 1, "{owner} {flag} in\n{text}");
        }
    }

    #[test]
    fn other_shells_get_what_they_got() {
        assert_eq!(added(Shell::Elvish, "a\nb"), "a\nb");
    }
}
