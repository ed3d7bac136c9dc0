use proptest::prelude::*;

use super::*;
use crate::memory::TaskExecutorProcessSpec;
use crate::{Configuration, MemorySize};

/// `cpu heap off-heap managed network [name=amount]…`, sizes in bytes.
fn profile(text: &str) -> ResourceProfile {
    let mut words = text.split_whitespace();
    let cpu_cores = words.next().unwrap().parse().unwrap();
    let mut size = || MemorySize::from_bytes(words.next().unwrap().parse().unwrap());
    let (task_heap, task_off_heap, managed, network) = (size(), size(), size(), size());
    let extended = words.map(|word| word.split_once('=').unwrap());
    ResourceProfile {
        cpu_cores,
        task_heap,
        task_off_heap,
        managed,
        network,
        extended: extended
            .map(|(name, amount)| (name.to_owned(), amount.parse().unwrap()))
            .collect(),
    }
}

fn exactly(text: &str) -> ProfileSpec {
    profile(text).into()
}

#[test]
fn a_profile_covers_another_where_no_part_is_less() {
    for (own, other, covers) in [
        ("1 2 3 4 5", "1 2 3 4 5", true),
        ("1 2 3 4 5", "0.99999999 2 3 4 5", true),
        ("1 2 3 4 5", "1.00000001 2 3 4 5", false),
        ("1 2 3 4 5", "1 3 3 4 5", false),
        ("1 2 3 4 5", "1 2 4 4 5", false),
        ("1 2 3 4 5", "1 2 3 5 5", false),
        ("1 2 3 4 5", "1 2 3 4 6", false),
        ("1 2 3 4 5 gpu=1", "1 2 3 4 5", true),
        ("1 2 3 4 5", "1 2 3 4 5 gpu=1", false),
        ("1 2 3 4 5 gpu=2", "1 2 3 4 5 gpu=1", true),
    ] {
        assert_eq!(profile(own).covers(&profile(other)), covers, "{own} and {other}");
    }
}

#[test]
fn profiles_add_subtract_multiply_and_divide_by_parts() {
    let own = profile("1.5 20 30 40 50 gpu=1 fpga=2");
    let other = profile("0.5 2 3 4 5 gpu=1");
    assert_eq!(own.checked_add(&other), Some(profile("2 22 33 44 55 fpga=2 gpu=2")));
    // What is nothing is no longer named.
    assert_eq!(own.checked_sub(&other), Some(profile("1 18 27 36 45 fpga=2")));
    assert_eq!(other.checked_sub(&own), None);
    assert_eq!(profile("1 1 1 1 1").checked_sub(&profile("0 0 0 0 0 gpu=1")), None);
    assert_eq!(other.checked_mul(3), Some(profile("1.5 6 9 12 15 gpu=3")));
    assert_eq!(other.checked_mul(0), Some(ResourceProfile::ZERO));
    assert_eq!(
        own.divided_by(3),
        profile("0.5 6 10 13 16 fpga=0.66666666 gpu=0.33333333")
    );
    let most = ResourceProfile {
        managed: MemorySize::MAX,
        ..ResourceProfile::ZERO
    };
    assert_eq!(most.checked_add(&profile("0 0 0 1 0")), None);
    assert_eq!(most.checked_mul(2), None);
    assert_eq!(own.total_memory().bytes(), 140);
}

#[test]
fn an_offer_matches_what_is_the_same_or_not_stated() {
    use ProfileSpec::{Infinite, Unknown};
    let (one, two) = (exactly("1 1 1 1 1"), exactly("2 2 2 2 2"));
    for (offered, required, matches, covers) in [
        (&one, &one, true, true),
        (&two, &one, false, true),
        (&one, &two, false, false),
        (&one, &Unknown, true, true),
        (&one, &Infinite, false, false),
        (&Infinite, &one, true, true),
        (&Infinite, &Unknown, true, true),
        (&Infinite, &Infinite, true, true),
        (&Unknown, &one, false, false),
        (&Unknown, &Infinite, false, false),
        (&Unknown, &Unknown, false, true),
    ] {
        assert_eq!(offered.matches(required), matches, "{offered:?} matches {required:?}");
        assert_eq!(offered.covers(required), covers, "{offered:?} covers {required:?}");
    }
}

#[test]
fn unlimited_wins_over_unknown_and_both_over_numbers() {
    use ProfileSpec::{Infinite, Unknown};
    let one = exactly("1 1 1 1 1");
    for (left, right, result) in [
        (&Infinite, &Unknown, Some(Infinite)),
        (&one, &Infinite, Some(Infinite)),
        (&Unknown, &one, Some(Unknown)),
    ] {
        assert_eq!(left.checked_add(right), result, "{left:?} + {right:?}");
        assert_eq!(left.checked_sub(right), result, "{left:?} - {right:?}");
    }
    assert_eq!(one.checked_add(&one), Some(exactly("2 2 2 2 2")));
    assert_eq!(one.checked_sub(&one), Some(ResourceProfile::ZERO.into()));
    assert_eq!(Infinite.checked_mul(0), Some(Infinite));
    assert_eq!(one.checked_mul(2), Some(exactly("2 2 2 2 2")));
    let default = profile("3 3 3 3 3");
    assert_eq!(Unknown.or_default(&default), Some(&default));
    assert_eq!(Infinite.or_default(&default), None);
    assert_eq!(one.or_default(&default), Some(&profile("1 1 1 1 1")));
}

#[test]
fn amounts_have_eight_decimals_and_the_rest_is_cut() {
    for (text, expected) in [
        ("2", "2"),
        ("0.5", "0.5"),
        (".25", "0.25"),
        ("1.999999999", "1.99999999"),
        ("0.000000001", "0"),
        ("3.", "3"),
    ] {
        assert_eq!(text.parse::<Quantity>().unwrap().to_string(), expected);
    }
    for text in [
        "",
        ".",
        "-1",
        "1e3",
        "NaN",
        "1,5",
        "99999999999999999999999999999999999999",
    ] {
        let message = text.parse::<Quantity>().unwrap_err().to_string();
        assert!(message.contains(&format!("'{text}'")), "{message}");
    }
    for (amount, expected) in [
        (0.1, Some("0.1")),
        (2.0, Some("2")),
        (1e-9, Some("0")),
        (-0.5, None),
        (f64::NAN, None),
    ] {
        let quantity = Quantity::from_f64(amount).map(|quantity| quantity.to_string());
        assert_eq!(quantity.as_deref(), expected, "{amount}");
    }
    let half: Quantity = "1.5".parse().unwrap();
    assert_eq!(
        (half.ceil(), half.floor(), half.divided_by(4).to_string()),
        (2, 1, "0.375".to_owned())
    );
}

fn external(settings: &[(&str, &str)]) -> Configuration {
    let total = ("taskmanager.memory.process.size", "2g");
    settings.iter().copied().chain([total]).collect()
}

#[test]
fn external_resources_have_amounts_and_what_has_none_is_ignored_with_a_line() {
    let configuration = external(&[
        ("external-resources", "gpu; fpga ;tpu;gpu;nic"),
        ("external-resource.gpu.amount", "2"),
        ("external-resource.fpga.amount", "0"),
        ("external-resource.nic.amount", "1"),
        ("external-resource.other.amount", "9"),
    ]);
    let read = ExternalResources::read(&configuration).unwrap();
    let amounts: Vec<_> = read
        .amounts
        .iter()
        .map(|(name, amount)| format!("{name}={amount}"))
        .collect();
    assert_eq!(amounts, ["gpu=2", "nic=1"]);
    assert_eq!(read.ignored.len(), 2);
    assert!(
        read.ignored[0].contains("external-resource.fpga.amount is 0"),
        "{}",
        read.ignored[0]
    );
    assert!(
        read.ignored[1].contains("set external-resource.tpu.amount"),
        "{}",
        read.ignored[1]
    );

    let spec = TaskExecutorProcessSpec::derive(&configuration).unwrap();
    let told: Configuration = spec.to_dynamic_properties().into_iter().collect();
    assert_eq!(told.text("external-resources"), Some("gpu;nic"));
    assert_eq!(TaskExecutorProcessSpec::derive(&told).unwrap(), spec);
    assert_eq!(WorkerResourceSpec::from(&spec).total.amount("gpu").to_string(), "2");

    for none in ["", "none"] {
        let read = ExternalResources::read(&external(&[("external-resources", none)])).unwrap();
        assert_eq!(read, ExternalResources::default());
    }
    let some = external(&[("external-resources", "gpu"), ("external-resource.gpu.amount", "some")]);
    let message = ExternalResources::read(&some).unwrap_err().to_string();
    assert!(message.starts_with("external-resource.gpu.amount: 'some'"), "{message}");
    let negative = external(&[("external-resources", "gpu"), ("external-resource.gpu.amount", "-2")]);
    assert!(ExternalResources::read(&negative).unwrap().amounts.is_empty());
    let message = ExternalResources::check_amounts(&negative).unwrap_err().to_string();
    assert!(message.starts_with("external-resource.gpu.amount: '-2'"), "{message}");
    ExternalResources::check_amounts(&external(&[("external-resources", "gpu")])).unwrap();
}

#[test]
fn yarn_is_asked_by_its_own_names_and_the_later_of_two_counts() {
    let configuration = external(&[
        ("external-resources", "gpu;fpga;tpu"),
        ("external-resource.gpu.amount", "2"),
        ("external-resource.gpu.yarn.config-key", "yarn.io/gpu"),
        ("external-resource.fpga.amount", "3"),
        ("external-resource.fpga.yarn.config-key", "yarn.io/gpu"),
        ("external-resource.tpu.amount", "4"),
    ]);
    let names = YarnExternalResources::read(&configuration).unwrap();
    assert_eq!(names.ignored.len(), 2, "{:?}", names.ignored);
    let spec = TaskExecutorProcessSpec::derive(&configuration).unwrap();
    let container = YarnContainer::of(&spec, &names);
    assert_eq!((container.memory_mb, container.vcores), (2048, 1));
    assert_eq!(container.extended, [("yarn.io/gpu".to_owned(), 3)].into());
}

proptest! {
    #[test]
    fn the_slots_of_a_worker_never_add_up_to_more(bytes: u32, cores in 0.0_f64..64.0, slots in 1_u32..64) {
        let size = MemorySize::from_bytes(bytes.into());
        let worker = WorkerResourceSpec {
            total: ResourceProfile {
                cpu_cores: Quantity::from_f64(cores).unwrap(),
                task_heap: size,
                managed: size,
                extended: [("gpu".to_owned(), Quantity::from_whole(3))].into(),
                ..ResourceProfile::ZERO
            },
            number_of_slots: slots,
        };
        let all = worker.slot_profile().checked_mul(slots).unwrap();
        prop_assert!(worker.total.covers(&all));
    }

    #[test]
    fn a_printed_amount_reads_back(whole: u64, parts in 1_u32..1000) {
        let quantity = Quantity::from_whole(whole).divided_by(parts);
        prop_assert_eq!(quantity.to_string().parse(), Ok(quantity));
    }

    #[test]
    fn an_amount_is_read_or_refused(text: String) {
        let _ = text.parse::<Quantity>();
    }
}
