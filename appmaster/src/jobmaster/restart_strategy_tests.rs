//! Strategies by examples: settings, pauses, and when a job is given up.

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;

fn read(settings: &[(&str, &str)]) -> Result<RestartSettings, ConfigError> {
    let mut configuration = Configuration::new();
    for (key, value) in settings {
        configuration.set_text(*key, *value);
    }
    RestartSettings::read(&configuration)
}

/// The pauses, in milliseconds, after failures at these times; `None` where the job fails.
fn pauses(settings: &[(&str, &str)], failures: &[u64]) -> Vec<Option<u64>> {
    let mut strategy = RestartStrategy::new(read(settings).unwrap());
    let (start, mut rng) = (Instant::now(), StdRng::seed_from_u64(1));
    let mut pause = |at: &u64| match strategy.failure(start + Duration::from_millis(*at), &mut rng) {
        Verdict::Restart { pause, .. } => Some(pause.as_millis() as u64),
        Verdict::Fail(_) => None,
    };
    failures.iter().map(&mut pause).collect()
}

const TYPE: &str = "restart-strategy.type";

#[test]
fn every_name_of_a_strategy_means_it_and_nothing_set_means_none() {
    let of = |name: &str| read(&[(TYPE, name)]).unwrap();
    for name in ["none", "off", "disable", "NONE"] {
        assert_eq!(of(name), RestartSettings::None, "{name}");
    }
    assert_eq!(read(&[]).unwrap(), RestartSettings::None);
    assert_eq!(read(&[("restart-strategy", "fixed-delay")]).unwrap(), of("fixeddelay"));
    let second = Duration::from_secs(1);
    let fixed = RestartSettings::FixedDelay {
        attempts: 1,
        delay: second,
    };
    assert_eq!(of("fixed-delay"), fixed);
    let rate = RestartSettings::FailureRate {
        max_failures: 1,
        interval: Duration::from_secs(60),
        delay: second,
    };
    assert_eq!((of("failure-rate"), of("failurerate")), (rate.clone(), rate));
    let growing = ExponentialDelay {
        initial: second,
        max: Duration::from_secs(60),
        multiplier: 1.5,
        reset_threshold: Duration::from_secs(3600),
        jitter: 0.1,
        attempts: 2_147_483_647,
    };
    assert_eq!(of("exponential-delay"), RestartSettings::ExponentialDelay(growing));
    assert_eq!(of("exponential-delay"), of("exponentialdelay"));
}

#[test]
fn an_unusable_value_is_refused_with_its_key_and_itself() {
    let exponential = "restart-strategy.exponential-delay";
    for (kind, key, value) in [
        ("sometimes", TYPE, "sometimes"),
        ("fixed-delay", "restart-strategy.fixed-delay.attempts", "-1"),
        ("fixed-delay", "restart-strategy.fixed-delay.delay", "-1 s"),
        (
            "failure-rate",
            "restart-strategy.failure-rate.max-failures-per-interval",
            "0",
        ),
        (
            "failure-rate",
            "restart-strategy.failure-rate.failure-rate-interval",
            "0 ms",
        ),
        ("exponential-delay", &format!("{exponential}.backoff-multiplier"), "1"),
        ("exponential-delay", &format!("{exponential}.backoff-multiplier"), "NaN"),
        ("exponential-delay", &format!("{exponential}.jitter-factor"), "1.5"),
        ("exponential-delay", &format!("{exponential}.initial-backoff"), "0 s"),
        ("exponential-delay", &format!("{exponential}.initial-backoff"), "2 min"),
        ("exponential-delay", &format!("{exponential}.max-backoff"), "0 s"),
        (
            "exponential-delay",
            &format!("{exponential}.reset-backoff-threshold"),
            "0 s",
        ),
        (
            "exponential-delay",
            &format!("{exponential}.attempts-before-reset-backoff"),
            "0",
        ),
    ] {
        let settings = if key == TYPE {
            vec![(TYPE, value)]
        } else {
            vec![(TYPE, kind), (key, value)]
        };
        let error = read(&settings).unwrap_err().to_string();
        assert!(error.contains(key) && error.contains(value), "{key}={value}: {error}");
    }
}

#[test]
fn a_job_has_its_own_strategy_or_that_of_the_cluster() {
    let cluster = read(&[(TYPE, "fixed-delay")]).unwrap();
    let of_job = |settings: &[(&str, &str)]| {
        let own = settings
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        RestartSettings::of_job(&own.collect(), &cluster)
    };
    assert_eq!(of_job(&[]).unwrap(), cluster);
    assert_eq!(of_job(&[(TYPE, "none")]).unwrap(), RestartSettings::None);
    let often = [(TYPE, "fixed-delay"), ("restart-strategy.fixed-delay.attempts", "7")];
    let RestartSettings::FixedDelay { attempts, .. } = of_job(&often).unwrap() else {
        panic!("a fixed delay")
    };
    assert_eq!(attempts, 7);
    let error = of_job(&[(TYPE, "sometimes")]).unwrap_err().to_string();
    assert!(error.contains(TYPE) && error.contains("sometimes"), "{error}");
}

#[test]
fn without_a_strategy_the_first_failure_ends_the_job() {
    assert_eq!(pauses(&[], &[0]), [None]);
}

#[test]
fn with_a_fixed_delay_a_job_is_restarted_so_often_and_no_more() {
    let settings = [
        (TYPE, "fixed-delay"),
        ("restart-strategy.fixed-delay.attempts", "3"),
        ("restart-strategy.fixed-delay.delay", "10 s"),
    ];
    let pause = Some(10_000);
    assert_eq!(
        pauses(&settings, &[0, 5, 9_000_000, 9_000_001]),
        [pause, pause, pause, None]
    );
    assert_eq!(pauses(&[(TYPE, "fixed-delay")], &[0, 1]), [Some(1000), None]);
    let never = [(TYPE, "fixed-delay"), ("restart-strategy.fixed-delay.attempts", "0")];
    assert_eq!(pauses(&never, &[0]), [None]);
}

#[test]
fn a_failure_rate_counts_only_what_lies_within_the_interval() {
    let settings = [
        (TYPE, "failure-rate"),
        ("restart-strategy.failure-rate.max-failures-per-interval", "3"),
        ("restart-strategy.failure-rate.failure-rate-interval", "5 min"),
        ("restart-strategy.failure-rate.delay", "10 s"),
    ];
    let pause = Some(10_000);
    assert_eq!(pauses(&settings, &[0, 1, 2, 300_000]), [pause, pause, pause, None]);
    assert_eq!(
        pauses(&settings, &[0, 1, 2, 300_001, 300_002]),
        [pause; 5],
        "the first failure lies behind"
    );
    assert_eq!(
        pauses(&settings, &[0, 1, 2, 300_001, 300_001]),
        [pause, pause, pause, pause, None]
    );
}

const PLAIN: [(&str, &str); 5] = [
    (TYPE, "exponential-delay"),
    ("restart-strategy.exponential-delay.backoff-multiplier", "2"),
    ("restart-strategy.exponential-delay.jitter-factor", "0"),
    ("restart-strategy.exponential-delay.max-backoff", "10 s"),
    ("restart-strategy.exponential-delay.reset-backoff-threshold", "1 min"),
];

#[test]
fn pauses_grow_up_to_the_longest_and_start_again_after_a_quiet_time() {
    let failures = [0, 2_000, 5_000, 10_000, 20_000, 40_000, 109_999, 180_000];
    let expected = [1_000, 2_000, 4_000, 8_000, 10_000, 10_000, 10_000, 1_000];
    assert_eq!(pauses(&PLAIN, &failures), expected.map(Some));
}

#[test]
fn a_failure_during_a_pause_joins_the_restart_that_is_coming() {
    assert_eq!(
        pauses(&PLAIN, &[0, 400, 1_000, 1_001]),
        [Some(1_000), Some(600), Some(0), Some(2_000)]
    );
}

#[test]
fn an_exponential_delay_may_have_an_end() {
    let mut settings = PLAIN.to_vec();
    settings.push(("restart-strategy.exponential-delay.attempts-before-reset-backoff", "2"));
    assert_eq!(pauses(&settings, &[0, 5_000, 10_000]), [Some(1_000), Some(2_000), None]);
}

#[test]
fn a_pause_varies_by_its_part_and_stays_between_the_first_and_the_longest() {
    let growing = ExponentialDelay {
        initial: Duration::from_secs(1),
        max: Duration::from_secs(60),
        multiplier: 2.0,
        reset_threshold: Duration::from_secs(3600),
        jitter: 0.25,
        attempts: 10,
    };
    let mut rng = StdRng::seed_from_u64(7);
    let mut range = |attempt| {
        let pauses: Vec<_> = (0..500)
            .map(|_| growing.pause(attempt, &mut rng).as_secs_f64())
            .collect();
        let least = pauses.iter().copied().fold(f64::MAX, f64::min);
        let most = pauses.iter().copied().fold(0.0, f64::max);
        (least, most)
    };
    let (least, most) = range(4);
    assert!(
        (6.0..6.5).contains(&least) && (9.5..=10.0).contains(&most),
        "{least} {most}"
    );
    assert!(range(1).0 >= 1.0);
    let (least, most) = range(7);
    assert!(
        (48.0..50.0).contains(&least) && most <= 60.0,
        "64 s, less a quarter at most"
    );
    assert_eq!(
        range(8),
        (60.0, 60.0),
        "128 s: whatever it varies by is beyond the longest"
    );
    assert_eq!(range(u32::MAX), (60.0, 60.0));
}
