//! A profile of this very process. There is one test: a process is sampled for one profile at a time.

use std::hint::black_box;
use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use flate2::read::GzDecoder;
use prost::Message;

use super::proto::Profile;
use super::*;
use crate::clock::{SystemClock, thread_elapsed, thread_now};

const BOUND: Duration = Duration::from_secs(60);

/// Uses CPU time until it is told to stop, under a name that nothing else has.
#[inline(never)]
fn burn_for_a_profile(stop: &AtomicBool) -> u64 {
    let mut sum = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        sum = (0..10_000_u64).fold(sum, |sum, n| black_box(sum ^ n));
    }
    sum
}

fn profiler(subject: &str, directory: &Path) -> Profiler {
    let settings = ProfilingSettings {
        enabled: true,
        max_duration: Duration::from_millis(5900),
        history_size: 1,
        directory: directory.to_owned(),
    };
    Profiler::new(subject, settings, Arc::new(SystemClock))
}

fn ended(profiler: &Profiler) -> ProfilingInfo {
    let from = thread_now();
    loop {
        let newest = profiler.list().remove(0);
        if newest.status != ProfilingStatus::Running {
            return newest;
        }
        assert!(thread_elapsed(from) < BOUND, "it still runs: {newest:?}");
        std::thread::yield_now();
    }
}

fn decoded(path: &Path) -> Profile {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).unwrap();
    GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
    Profile::decode(bytes.as_slice()).unwrap()
}

/// Each stack from the innermost function on, with its thread and its CPU time in milliseconds.
fn stacks(profile: &Profile) -> Vec<(String, Vec<String>, i64)> {
    let text = |index: i64| profile.string_table[usize::try_from(index).unwrap()].clone();
    let name = |location: &u64| {
        let location = profile.location.iter().find(|known| known.id == *location).unwrap();
        let function = profile
            .function
            .iter()
            .find(|known| known.id == location.line[0].function_id);
        text(function.unwrap().name)
    };
    let samples = profile.sample.iter().map(|sample| {
        assert_eq!(text(sample.label[0].key), "thread");
        let stack = sample.location_id.iter().map(name).collect();
        (text(sample.label[0].str), stack, sample.value[1] / 1_000_000)
    });
    samples.collect()
}

#[test]
fn a_profile_tells_which_functions_of_which_thread_used_the_cpu_one_profile_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("profiles");
    let (ours, others) = (profiler("a/b", &folder), profiler("other", &folder));
    let stop = AtomicBool::new(false);
    std::thread::scope(|threads| {
        let burner = std::thread::Builder::new().name("burner".to_owned());
        burner.spawn_scoped(threads, || burn_for_a_profile(&stop)).unwrap();
        let second = Duration::from_secs(1);
        for asked in [Duration::ZERO, 6 * second] {
            let refused = ours.start(ProfilingMode::Cpu, asked).unwrap_err().to_string();
            assert!(refused.contains("must be in (0s, 5s]"), "{refused}");
        }
        let info = ours.start(ProfilingMode::Cpu, second).unwrap();
        assert_eq!((info.status, info.output_file), (ProfilingStatus::Running, None));
        for (profiler, subject) in [(&ours, "a/b"), (&others, "other")] {
            let refused = profiler.start(ProfilingMode::Itimer, second);
            assert_eq!(refused, Err(ProfilingError::Busy(subject.to_owned())));
        }
        assert_eq!(others.list(), []);
        let first = ended(&ours);
        let message = first.message.clone().unwrap_or_default();
        assert_eq!(first.status, ProfilingStatus::Finished, "{message}");
        assert!(message.starts_with("Profiling Successful: "), "{message}");
        let name = first.output_file.unwrap();
        assert!(name.starts_with("a_b_CPU_2") && name.ends_with(".pb.gz"), "{name}");
        let path = ours.file(&name).unwrap();
        let profile = decoded(&path);
        let burnt = stacks(&profile).into_iter().filter(|(thread, stack, _)| {
            let burns = |name: &String| name.ends_with("tests::burn_for_a_profile");
            // Down to where the thread began.
            thread == "burner" && stack.iter().any(burns) && stack.iter().any(|name| name.contains("thread_start"))
        });
        let millis: i64 = burnt.map(|(_, _, millis)| millis).sum();
        assert!(millis >= 100, "{millis} ms of {message}: {:?}", stacks(&profile));
        assert!(profile.mapping[0].has_functions && profile.mapping[0].memory_start > 0);
        assert_eq!(profile.period, 10_000_000);
        for name in ["../secret", "other", ""] {
            assert_eq!(ours.file(name), Err(ProfilingError::UnknownFile(name.to_owned())));
        }
        assert!(others.file(&name).is_err(), "it is not theirs");
        // The next takes its place; a directory that is none leaves it.
        ours.start(ProfilingMode::Itimer, second).unwrap();
        assert_eq!(ended(&ours).status, ProfilingStatus::Finished);
        assert!(!path.exists() && ours.file(&name).is_err() && ours.list().len() == 1);
        let broken = profiler("broken", Path::new("/proc/nowhere"));
        broken.start(ProfilingMode::Cpu, second).unwrap();
        let failed = ended(&broken);
        let message = failed.message.unwrap();
        assert_eq!((failed.status, failed.output_file), (ProfilingStatus::Failed, None));
        assert!(
            message.contains("/proc/nowhere/broken_CPU_") && message.contains("cannot be written"),
            "{message}"
        );
        stop.store(true, Ordering::Relaxed);
    });
}
