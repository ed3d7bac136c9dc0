use std::collections::BTreeSet;

use selvedge_core::Configuration;
use yarn_common::id::ApplicationId;

use super::*;
use crate::cli::target::{self, SessionAt, Target};
use crate::cli::{Cli, ClusterArgs, Command, RunArgs};

/// What a flag has to do.
enum Effect {
    Sets(&'static str, &'static str),
    GoesTo(&'static str),
    Detaches,
    /// The job and its parameters.
    Runs(&'static [&'static str]),
    Says(&'static str),
    IsRefused(&'static str),
}

/// Flag, words that stand before the job, effect. `-j` names the job by itself.
const EFFECTS: &[(&str, &str, Effect)] = &[
    ("e", "-e yarn-per-job", Effect::GoesTo("yarn-per-job")),
    ("z", "-z ours", Effect::Sets("high-availability.cluster-id", "ours")),
    ("yz", "-yz ours", Effect::Sets("high-availability.cluster-id", "ours")),
    (
        "yid",
        "-yid application_1_0007",
        Effect::Sets("yarn.application.id", "application_1_0007"),
    ),
    ("yD", "-yD yarn.tags=a=b", Effect::Sets("yarn.tags", "a=b")),
    ("yD", "-yDyarn.tags=a=b", Effect::Sets("yarn.tags", "a=b")),
    ("v", "-v", Effect::Says("SELVEDGE_LOG")),
    (
        "yjm",
        "-yjm 1024",
        Effect::Sets("jobmanager.memory.process.size", "1024m"),
    ),
    ("ytm", "-ytm 2g", Effect::Sets("taskmanager.memory.process.size", "2g")),
    ("ys", "-ys 4", Effect::Sets("taskmanager.numberOfTaskSlots", "4")),
    ("ynm", "-ynm nightly", Effect::Sets("yarn.application.name", "nightly")),
    ("yqu", "-yqu low", Effect::Sets("yarn.application.queue", "low")),
    ("ynl", "-ynl gpu", Effect::Sets("yarn.application.node-label", "gpu")),
    ("yat", "-yat Mine", Effect::Sets("yarn.application.type", "Mine")),
    ("yt", "-yt a.txt -yt b", Effect::Sets("yarn.ship-files", "a.txt;b")),
    ("yd", "-d -yd", Effect::Detaches),
    (
        "yj",
        "-yj flink-dist.jar",
        Effect::Says("flink-dist.jar has no meaning here"),
    ),
    ("yq", "-yq", Effect::Says("yarn-session -q")),
    ("yn", "-yn 2", Effect::IsRefused("number of workers")),
    (
        "j",
        "-j first.json --rows",
        Effect::IsRefused("unexpected argument '--rows'"),
    ),
    ("j", "-j first.json", Effect::Runs(&["first.json", "j.json"])),
    (
        "a",
        "-j first.json -a --rows 5 -p",
        Effect::Runs(&["first.json", "--rows", "5", "-p", "j.json"]),
    ),
    ("a", "-a x", Effect::IsRefused("after -j JOB")),
    ("c", "-c com.acme.Main", Effect::IsRefused("no JVM")),
    ("C", "-C file:///x.jar", Effect::IsRefused("no JVM")),
    ("py", "-py job.py", Effect::IsRefused("PyFlink")),
    ("pym", "-pym job", Effect::IsRefused("PyFlink")),
    ("pyfs", "-pyfs lib", Effect::IsRefused("PyFlink")),
    ("pyarch", "-pyarch venv.zip", Effect::IsRefused("PyFlink")),
    ("pyreq", "-pyreq requirements.txt", Effect::IsRefused("PyFlink")),
    ("pyexec", "-pyexec python3", Effect::IsRefused("PyFlink")),
    ("pyclientexec", "-pyclientexec python3", Effect::IsRefused("PyFlink")),
    ("pypath", "-pypath lib", Effect::IsRefused("PyFlink")),
    ("s", "-s hdfs:///sp", Effect::IsRefused("savepoints")),
    ("n", "-n", Effect::IsRefused("savepoints")),
    ("cm", "-cm claim", Effect::IsRefused("savepoints")),
    ("rm", "-rm claim", Effect::IsRefused("savepoints")),
];

fn read(line: &str) -> Result<Cli, String> {
    let words = line.split(' ').map(OsString::from);
    Cli::read(words).map_err(|error| error.to_string())
}

fn run(cli: Cli) -> RunArgs {
    match cli.command {
        Command::Run(run) | Command::RunApplication(run) => run,
        other => panic!("{other:?}"),
    }
}

fn check(line: &str, effect: &Effect) {
    let read = read(line);
    if let Effect::IsRefused(reason) = effect {
        let message = read.unwrap_err();
        assert!(message.contains(reason), "{line}: {message}");
        return;
    }
    let cli = read.unwrap_or_else(|error| panic!("{line}: {error}"));
    let notes = cli.notes.concat();
    let run = run(cli);
    let configuration: Configuration = run.job.settings.set.into_iter().collect();
    match effect {
        Effect::Sets(key, value) => assert_eq!(configuration.text(key), Some(*value), "{line}"),
        Effect::GoesTo(target) => assert_eq!(run.cluster.target.as_deref(), Some(*target), "{line}"),
        Effect::Detaches => assert!(run.detached, "{line}"),
        Effect::Runs(words) => {
            let job = run.job.job.to_str().unwrap().to_owned();
            assert_eq!([vec![job], run.job.parameters].concat(), *words, "{line}");
        }
        Effect::Says(part) => assert!(notes.contains(part), "{line}: {notes}"),
        Effect::IsRefused(_) => unreachable!("it returned"),
    }
}

#[test]
fn each_flag_of_the_table_does_what_it_stands_for_in_each_of_its_forms() {
    let mut tried = BTreeSet::new();
    for (short, words, effect) in EFFECTS {
        let flag = TABLE.iter().find(|flag| flag.short == *short).unwrap();
        for command in RUN {
            assert!(flag.commands.contains(command), "{command} {short}");
            check(&format!("selvedge {command} {words} j.json"), effect);
            if let Some(long) = flag.long {
                // With the blanks: a long form may begin as its short one does.
                let words = format!(" {words}").replace(&format!(" -{short} "), &format!(" --{long}="));
                let words = words.replace(&format!(" -{short}"), &format!(" --{long}"));
                check(&format!("selvedge {command}{words} j.json"), effect);
            }
        }
        tried.insert(*short);
    }
    let all: BTreeSet<_> = TABLE.iter().map(|flag| flag.short).collect();
    assert_eq!(tried, all);
}

#[test]
fn the_documentation_has_each_flag() {
    let page = include_str!("../../../../docs/cli.md");
    for flag in TABLE {
        assert!(page.contains(&format!("`-{}`", flag.short)), "-{}", flag.short);
        let long = flag.long.map(|long| format!("`--{long}`"));
        assert!(long.is_none_or(|long| page.contains(&long)), "{flag:?}");
    }
}

fn chosen(line: &str) -> Target {
    let of = |cluster: &ClusterArgs, settings: &SettingArgs| {
        let mut configuration: Configuration = settings.set.clone().into_iter().collect();
        target::choose(&mut configuration, cluster, &settings.set).unwrap()
    };
    match read(line).unwrap().command {
        Command::Run(run) | Command::RunApplication(run) => of(&run.cluster, &run.job.settings),
        Command::List(list) => of(&list.asked.cluster, &list.asked.settings),
        Command::Cancel(cancel) => of(&cancel.asked.cluster, &cancel.asked.settings),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_command_line_of_flinks_goes_where_it_went_there() {
    let application = ApplicationId::new(1, 7);
    let session = || {
        Target::Session(SessionAt::Yarn {
            application,
            found: None,
        })
    };
    let job = "00000000000000000000000000000000";
    for (line, expected) in [
        (
            "run -m yarn-cluster -yjm 1024 -ytm 2g -yqu low j".to_owned(),
            Target::YarnPerJob,
        ),
        ("run -m yarn-cluster -yid application_1_0007 j".to_owned(), session()),
        ("run -e yarn-session -yid application_1_0007 j".to_owned(), session()),
        ("list -m yarn-cluster -yid application_1_0007".to_owned(), session()),
        (format!("cancel -yid application_1_0007 -yz ours {job}"), session()),
        (
            "run-application -e yarn-application -ynm x j".to_owned(),
            Target::YarnApplication,
        ),
    ] {
        assert_eq!(chosen(&format!("selvedge {line}")), expected, "{line}");
    }
}

#[test]
fn what_contradicts_itself_or_ends_too_soon_is_told() {
    for (words, expected) in [
        (
            "-yqu low -Dyarn.application.queue=high j",
            "-yqu low and -Dyarn.application.queue=high",
        ),
        ("-z a -yz b j", "leave out one"),
        ("-e local -t remote j", "cannot be used multiple times"),
        ("-yqu", "-yqu needs a value"),
        ("-yd=no j", "-yd takes no value"),
    ] {
        let message = read(&format!("selvedge run {words}")).unwrap_err();
        assert!(message.contains(expected), "{words}: {message}");
    }
}

#[test]
fn what_follows_the_job_and_what_is_of_another_command_is_left_alone() {
    let run = run(read("selvedge run j -c x -yqu low").unwrap());
    assert_eq!(run.job.parameters, ["-c", "x", "-yqu", "low"]);
    assert!(
        read("selvedge info -yqu low j")
            .unwrap_err()
            .contains("unexpected argument")
    );
    assert!(read("selvedge list -s").is_ok());
}
