//! Flink 1.20.5's own results, to the byte.

use proptest::prelude::*;

use super::*;
use crate::config::options::taskmanager;
use crate::resource::{Quantity, WorkerResourceSpec};
use crate::{Configuration, MemorySize};

/// `process=1g` and the like, with the prefix that all keys of the process share.
fn configured(prefix: &str, settings: &str) -> Configuration {
    let pairs = settings.split_whitespace().map(|setting| {
        let (key, value) = setting.split_once('=').unwrap();
        let key = match key {
            "cores" => "taskmanager.cpu.cores".to_owned(),
            "vcores" => "yarn.containers.vcores".to_owned(),
            "slots" => "taskmanager.numberOfTaskSlots".to_owned(),
            "buffers" => "taskmanager.network.numberOfBuffers".to_owned(),
            "heap.mb" => format!("{prefix}.heap.mb"),
            "heap.size" => format!("{prefix}.heap.size"),
            "older.network.min" => "taskmanager.network.memory.min".to_owned(),
            "process" | "flink" | "heap" | "task.heap" | "managed" | "off-heap" => {
                format!("{prefix}.memory.{key}.size")
            }
            key => format!("{prefix}.memory.{key}"),
        };
        (key, value.to_owned())
    });
    pairs.collect()
}

fn worker(settings: &str) -> Result<TaskExecutorProcessSpec, MemoryError> {
    TaskExecutorProcessSpec::derive(&configured("taskmanager", settings))
}

fn master(settings: &str) -> Result<JobManagerProcessSpec, MemoryError> {
    JobManagerProcessSpec::derive(&configured("jobmanager", settings))
}

/// Settings; total process, total Flink, task heap, network, managed, overhead, heap, direct memory. `_` is not measured.
const WORKERS: &str = "
process=1024m                                     | 1073741824 603979776 26843542 67108864 241591914 201326592 161061270 201326592
process=1728m                                     | 1811939328 1342177280 402653174 134217730 536870920 201326592 536870902 268435458
process=2g                                        | 2147483648 1664299824 563714445 166429984 665719939 214748368 697932173 300647712
process=4g                                        | 4294967296 3597035104 1530082070 359703515 1438814063 429496736 1664299798 493921243
process=8g                                        | 8589934592 7462505664 3462817321 746250577 2985002310 858993472 3597035049 880468305
process=10240m                                    | 10737418240 9395240960 4429184954 939524110 3758096440 1073741824 4563402682 1073741838
process=16g                                       | 17179869184 15837691904 7650410378 1583769214 6335076856 1073741824 7784628106 1717986942
process=16g network.max=1g                        | 17179869184 15837691904 8160437768 1073741824 6335076856 1073741824 _ _
flink=1g                                          | 1543503872 1073741824 268435448 107374184 429496736 201326592 _ _
flink=1280m                                       | 1811939328 1342177280 402653174 134217730 536870920 201326592 536870902 268435458
flink=4g                                          | 5070447510 4294967296 1879048160 429496736 1717986944 507044758 _ _
task.heap=512m managed=512m                       | 1961070139 1491308091 536870912 149130811 536870912 201326592 _ _
task.heap=1g managed=1g                           | 3280877805 2684354564 1073741824 268435460 1073741824 328087785 _ _
task.heap=1g managed=512m flink=2g                | 2684354564 2147483648 1073741824 268435456 536870912 268435460 _ _
task.heap=1g managed=512m flink=2g process=2560m  | 2684354560 2147483648 1073741824 268435456 536870912 268435456 _ _
process=2g task.heap=512m                         | 2147483648 1664299824 536870912 193273517 665719939 214748368 _ _
process=2g managed=512m                           | 2147483648 1664299824 692563472 166429984 536870912 214748368 _ _
process=1728m jvm-overhead.fraction=.3            | 1811939328 999922052 231525564 99992206 399968826 543581820 365743292 234209934
process=1728m buffers=2048                        | 1811939328 1342177280 469762040 67108864 536870920 201326592 _ _
process=1728m managed.fraction=0                  | 1811939328 1342177280 939524094 134217730 0 201326592 _ _
process=982m                                      | 1029701632 _ 419428 _ _ _ _ _
";

/// Settings; total process, total Flink, heap, off-heap, metaspace, overhead.
const MASTERS: &str = "
process=768m         | 805306368 335544320 201326592 134217728 268435456 201326592
process=1024m        | 1073741824 603979776 469762048 134217728 268435456 201326592
process=1600m        | 1677721600 1207959552 1073741824 134217728 268435456 201326592
process=2g           | 2147483648 1664299824 1530082096 134217728 268435456 214748368
process=4g           | 4294967296 3597035104 3462817376 134217728 268435456 429496736
process=16g          | 17179869184 15837691904 15703474176 134217728 268435456 1073741824
flink=2g             | 2684354564 2147483648 2013265920 134217728 268435456 268435460
heap=2g              | 2833485373 2281701376 2147483648 134217728 268435456 283348541
heap=1g process=2g   | 2147483648 1207959552 1073741824 134217728 268435456 671088640
heap=1g flink=1280m  | _ 1342177280 1073741824 268435456 268435456 _
process=577m         | _ _ 1048576 134217728 _ _
";

/// The error's id, whose memory, settings, and what the error says.
const FAILURES: &str = "
E1 tm process=300m                                         | metaspace (256.000mb (268435456 bytes)) and JVM overhead (192.000mb (201326592 bytes)) exceeds the configured total process memory (300.000mb (314572800 bytes)); raise taskmanager.memory.process.size
E3 tm process=448m                                         | and network memory (64.000mb (67108864 bytes)) exceeds the total Flink memory (0 bytes)
E3 tm process=512m                                         | exceeds the total Flink memory
E3 tm process=600m                                         | exceeds the total Flink memory
E3 tm process=704m                                         | exceeds the total Flink memory
E3 tm process=768m                                         | exceeds the total Flink memory
E3 tm process=800m                                         | exceeds the total Flink memory
E3 tm process=900m                                         | exceeds the total Flink memory
E3 tm process=981m                                         | exceeds the total Flink memory
E2 tm process=2g task.heap=1g                              | task heap (1024.000mb (1073741824 bytes)) and managed memory (634.880mb (665719939 bytes)) exceeds the total Flink memory (1.550gb (1664299824 bytes))
E7 tm task.heap=1g managed=512m flink=2g process=2g        | total process memory (2.000gb (2147483648 bytes)) is less than the sum of
E8 tm task.heap=1g managed=512m flink=2g process=4g        | overhead that is left (1.750gb (1879048192 bytes)) is not between taskmanager.memory.jvm-overhead.min (192.000mb (201326592 bytes)) and taskmanager.memory.jvm-overhead.max (1024.000mb (1073741824 bytes))
E0 tm network.min=64m                                      | either the parts (taskmanager.memory.task.heap.size and taskmanager.memory.managed.size), or the total Flink memory (taskmanager.memory.flink.size), or the total process memory (taskmanager.memory.process.size) must be set
E4 tm process=2g task.heap=512m network.max=128m           | is not between taskmanager.memory.network.min (64.000mb (67108864 bytes)) and taskmanager.memory.network.max (128.000mb (134217728 bytes))
E5 tm process=2g task.heap=512m buffers=2048               | network memory that is left (184.320mb (193273517 bytes)) is not the configured one (64.000mb (67108864 bytes)), which taskmanager.network.numberOfBuffers and taskmanager.memory.segment-size make
E12 tm process=lots                                         | taskmanager.memory.process.size: 'lots' is not a memory size
E13 tm process=2g network.fraction=1                        | inconsistently configured: taskmanager.memory.network.fraction is 1;
E13 tm process=2g managed.fraction=-0.1                     | taskmanager.memory.managed.fraction is -0.1;
E13 tm process=2g network.min=2g network.max=1g             | taskmanager.memory.network.min is 2.000gb (2147483648 bytes) and taskmanager.memory.network.max is 1024.000mb (1073741824 bytes)
CPU tm process=2g slots=0                                   | taskmanager.numberOfTaskSlots: '0' is not a positive number
CPU tm process=2g cores=-1                                  | taskmanager.cpu.cores: '-1' is not a positive
E1 jm process=400m                                         | exceeds the configured total process memory (400.000mb (419430400 bytes))
E11 jm process=576m                                         | does not exceed the off-heap memory
E8 jm heap=1g process=4g                                   | jobmanager.memory.jvm-overhead.max
E9 jm heap=1g flink=2g off-heap=128m                       | heap (1024.000mb (1073741824 bytes)) and off-heap memory (128.000mb (134217728 bytes)) is not the configured total Flink memory (2.000gb (2147483648 bytes))
E10 jm heap=2g flink=1g                                     | heap (2.000gb (2147483648 bytes)) exceeds the total Flink memory
E11 jm flink=128m                                           | total Flink memory (128.000mb (134217728 bytes)) does not exceed the off-heap memory
E0 jm off-heap=1m                                          | either the parts (jobmanager.memory.heap.size), or
E1 jm process=300m | raise jobmanager.memory.process.size
E2 tm flink=2g task.heap=1g managed=1g | exceeds the total Flink memory (2.000gb (2147483648 bytes)); raise the total or lower a part
E4 tm flink=2g task.heap=1g managed=730m | is not between taskmanager.memory.network.min (64.000mb
E7 jm heap=1g process=1g | total process memory (1024.000mb (1073741824 bytes)) is less than the sum of the derived total Flink memory (1.125gb (1207959552 bytes))
E11 jm process=576m off-heap=200m | off-heap memory (200.000mb (209715200 bytes))
E12 tm heap.mb=-5 | taskmanager.heap.mb: '-5' mebibytes are less than nothing; write taskmanager.memory.process.size instead
E12 tm flink=1g heap.size=lots | taskmanager.heap.size: 'lots' is not a memory size
E12 jm process=8388608tb | the number is too large
E13 jm process=2g jvm-overhead.fraction=NaN | jobmanager.memory.jvm-overhead.fraction is NaN
SEGMENT tm process=2g buffers=2048 segment-size=33kb | taskmanager.memory.segment-size is 33.000kb (33792 bytes); it must be a power of two
OVERFLOW tm task.heap=9223372036854775807b managed=1g | the sizes add up to more than
";

fn rows(table: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    table.lines().filter_map(|line| {
        let (settings, expected) = line.split_once('|')?;
        Some((settings.trim(), expected.trim()))
    })
}

fn assert_row(settings: &str, expected: &str, actual: &[MemorySize]) {
    let columns: Vec<_> = expected.split_whitespace().collect();
    assert_eq!(columns.len(), actual.len(), "{settings}");
    for (index, (column, size)) in columns.into_iter().zip(actual).enumerate() {
        if column != "_" {
            assert_eq!(column, size.bytes().to_string(), "{settings}, column {index}");
        }
    }
}

fn plus(sizes: &[MemorySize]) -> MemorySize {
    MemorySize::from_bytes(sizes.iter().map(|size| size.bytes()).sum())
}

#[test]
fn a_workers_memory_is_flinks_to_the_byte() {
    for (settings, expected) in rows(WORKERS) {
        let spec = worker(settings).unwrap();
        let actual = [
            spec.total_process(),
            spec.total_flink(),
            spec.task_heap,
            spec.network,
            spec.managed,
            spec.jvm_overhead,
            plus(&[spec.framework_heap, spec.task_heap]),
            plus(&[spec.framework_off_heap, spec.task_off_heap, spec.network]),
        ];
        assert_row(settings, expected, &actual);
        for (size, mebibytes) in [
            (spec.framework_heap, 128),
            (spec.framework_off_heap, 128),
            (spec.jvm_metaspace, 256),
        ] {
            assert_eq!(size, MemorySize::from_mebibytes(mebibytes), "{settings}");
        }
    }
}

#[test]
fn the_masters_memory_is_flinks_to_the_byte() {
    for (settings, expected) in rows(MASTERS) {
        let spec = master(settings).unwrap();
        let actual = [
            spec.total_process(),
            spec.total_flink(),
            spec.heap,
            spec.off_heap,
            spec.jvm_metaspace,
            spec.jvm_overhead,
        ];
        assert_row(settings, expected, &actual);
    }
}

#[test]
fn what_does_not_fit_is_said_with_keys_and_sizes() {
    for (settings, expected) in rows(FAILURES) {
        let (id, settings) = settings.split_once(' ').unwrap();
        let (process, settings) = settings.split_once(' ').unwrap();
        let (error, prefix) = match process {
            "tm" => (
                worker(settings).unwrap_err(),
                "TaskManager memory configuration failed (",
            ),
            _ => (
                master(settings).unwrap_err(),
                "JobManager memory configuration failed (",
            ),
        };
        let text = error.to_string();
        assert!(text.starts_with(&format!("{prefix}{id}): ")), "{id}: {text}");
        assert!(text.contains(expected), "{process} {settings}:\n{text}");
    }
}

#[test]
fn a_slot_is_an_equal_part_cut_to_bytes() {
    let spec = worker("process=4g slots=4").unwrap();
    let slot = spec.slot_profile();
    assert_eq!(slot.cpu_cores.to_string(), "1");
    assert_eq!(slot.task_heap.bytes(), 382_520_517);
    assert_eq!(slot.managed.bytes(), 359_703_515);
    assert_eq!(slot.network.bytes(), 89_925_878);
    assert_eq!(slot.task_off_heap.bytes(), 0);
    assert_eq!(spec.total_profile().task_heap, spec.task_heap);
    assert!(spec.total_profile().covers(&slot));
}

#[test]
fn cores_come_from_the_most_specific_option() {
    for (settings, cores, vcores) in [
        ("process=2g", "1", 1),
        ("process=2g slots=3", "3", 3),
        ("process=2g slots=3 vcores=2", "2", 2),
        ("process=2g slots=3 vcores=-1", "3", 3),
        ("process=2g slots=3 vcores=2 cores=1.5", "1.5", 2),
        ("process=2g cores=0.25", "0.25", 1),
        ("process=2g cores=0.1234567891", "0.12345678", 1),
    ] {
        let spec = worker(settings).unwrap();
        assert_eq!(spec.cpu_cores.to_string(), cores, "{settings}");
        assert_eq!(spec.vcores(), vcores, "{settings}");
        assert_eq!(
            spec.with_whole_cores().cpu_cores,
            Quantity::from_whole(vcores.into()),
            "{settings}"
        );
    }
}

#[test]
fn dynamic_properties_are_flinks_list() {
    let properties = worker("process=1728m").unwrap().to_dynamic_properties();
    let text: Vec<_> = properties.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let expected = [
        "taskmanager.cpu.cores=1.0",
        "taskmanager.memory.framework.heap.size=134217728b",
        "taskmanager.memory.framework.off-heap.size=134217728b",
        "taskmanager.memory.task.heap.size=402653174b",
        "taskmanager.memory.task.off-heap.size=0b",
        "taskmanager.memory.network.min=134217730b",
        "taskmanager.memory.network.max=134217730b",
        "taskmanager.memory.managed.size=536870920b",
        "taskmanager.memory.jvm-metaspace.size=268435456b",
        "taskmanager.memory.jvm-overhead.min=201326592b",
        "taskmanager.memory.jvm-overhead.max=201326592b",
        "taskmanager.numberOfTaskSlots=1",
        "external-resources=none",
    ];
    assert_eq!(text, expected);
}

/// The worker has what the master had configured, with the dynamic properties on top.
fn assert_reads_back(settings: &str) {
    let mut configuration = configured("taskmanager", settings);
    let spec = TaskExecutorProcessSpec::derive(&configuration).unwrap();
    configuration.merge(&spec.to_dynamic_properties().into_iter().collect());
    assert_eq!(
        TaskExecutorProcessSpec::derive(&configuration).as_ref(),
        Ok(&spec),
        "{settings}"
    );
    let alone = spec.to_dynamic_properties().into_iter().collect();
    assert_eq!(TaskExecutorProcessSpec::derive(&alone), Ok(spec), "{settings}");
}

#[test]
fn a_worker_derives_the_spec_that_its_master_had() {
    for (settings, _) in rows(WORKERS) {
        assert_reads_back(settings);
    }
    for (settings, _) in rows(MASTERS) {
        let mut configuration = configured("jobmanager", settings);
        let spec = JobManagerProcessSpec::derive(&configuration).unwrap();
        configuration.merge(&spec.to_dynamic_properties().into_iter().collect());
        assert_eq!(JobManagerProcessSpec::derive(&configuration), Ok(spec), "{settings}");
    }
}

#[test]
fn an_older_key_stands_for_the_newer() {
    let older: Configuration = [("taskmanager.heap.size", "2g"), ("taskmanager.memory.size", "512m")]
        .into_iter()
        .collect();
    let newer = worker("process=2g managed=512m");
    assert_eq!(TaskExecutorProcessSpec::derive(&older), newer);
    for (older, newer) in [
        ("heap.mb=2048", "process=2g"),
        ("heap.mb=2048 heap.size=3g", "process=3g"),
        ("heap.mb=2048 heap.size=3g process=4g", "process=4g"),
        ("heap.mb=2048 older.network.min=256m", "process=2g network.min=256m"),
    ] {
        assert_eq!(worker(older).unwrap(), worker(newer).unwrap(), "{older}");
    }
    assert_eq!(master("heap.mb=1600").unwrap(), master("process=1600m").unwrap());
}

#[test]
fn a_worker_that_is_asked_for_becomes_the_process_that_was_configured() {
    for settings in [
        "process=4g slots=4",
        "flink=4g",
        "task.heap=1g managed=1g",
        "process=1728m managed.fraction=0",
    ] {
        let spec = worker(settings).unwrap();
        let configuration = configured("taskmanager", settings);
        let again = TaskExecutorProcessSpec::for_worker(&configuration, &WorkerResourceSpec::from(&spec)).unwrap();
        assert_eq!(again, spec, "{settings}");
    }
}

#[test]
fn network_memory_makes_whole_buffers() {
    let spec = worker("process=1728m").unwrap();
    assert_eq!(spec.network.bytes(), 134_217_730);
    assert_eq!(spec.network_buffers(MemorySize::from_bytes(32 << 10)), 4096);
}

proptest! {
    #[test]
    fn parts_always_make_the_process(bytes in 1_029_701_632_u64..1 << 45, slots in 1_u32..64, fraction in 0.0_f32..0.4) {
        let mut configuration = Configuration::new();
        configuration.set(&taskmanager::TOTAL_PROCESS_MEMORY, &MemorySize::from_bytes(bytes));
        configuration.set(&taskmanager::NUMBER_OF_TASK_SLOTS, &slots);
        configuration.set(&taskmanager::MANAGED_FRACTION, &fraction);
        let spec = TaskExecutorProcessSpec::derive(&configuration).unwrap();
        prop_assert_eq!(spec.total_process().bytes(), bytes);
        let alone = spec.to_dynamic_properties().into_iter().collect();
        prop_assert_eq!(TaskExecutorProcessSpec::derive(&alone), Ok(spec));
    }

    /// E6 is a last check that nothing reaches: whatever is set, the parts make the total, or another refusal comes first.
    #[test]
    fn the_parts_always_make_total_flink_memory(
        sizes in prop::collection::vec(prop::option::of(0_u64..1 << 34), 9),
        fraction in prop::option::of(0.0_f32..1.0),
        buffers in prop::option::of(0_i32..1 << 16),
    ) {
        let options = [
            taskmanager::TOTAL_FLINK_MEMORY,
            taskmanager::TOTAL_PROCESS_MEMORY,
            taskmanager::TASK_HEAP,
            taskmanager::MANAGED_MEMORY,
            taskmanager::FRAMEWORK_HEAP,
            taskmanager::FRAMEWORK_OFF_HEAP,
            taskmanager::TASK_OFF_HEAP,
            taskmanager::NETWORK_MIN,
            taskmanager::NETWORK_MAX,
        ];
        let mut configuration = Configuration::new();
        for (option, size) in options.iter().zip(&sizes) {
            if let Some(size) = size {
                configuration.set(option, &MemorySize::from_bytes(*size));
            }
        }
        if let Some(fraction) = fraction {
            configuration.set(&taskmanager::MANAGED_FRACTION, &fraction);
        }
        if let Some(buffers) = buffers {
            configuration.set(&taskmanager::NETWORK_NUM_BUFFERS, &buffers);
        }
        match TaskExecutorProcessSpec::derive(&configuration) {
            Ok(spec) => {
                if let Some(total) = sizes[0] {
                    prop_assert_eq!(spec.total_flink().bytes(), total);
                }
            }
            Err(error) => prop_assert_ne!(error.problem.id(), "E6"),
        }
    }
}
