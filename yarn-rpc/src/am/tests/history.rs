//! Random histories of the exchange against a model of the ResourceManager: loss, repetition, late requests, restarts,
//! surplus. Whatever happens, every ask is satisfied exactly once or outstanding, at each place as often as the
//! ResourceManager counts it, no container is owned twice, and what was released is gone.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use yarn_common::id::ContainerId;

use super::{ask, container_id, ended, granted};
use crate::{
    am::{AskKey, Locality, exchange::Exchange},
    proto::yarn::{AllocateRequestProto, AllocateResponseProto, ContainerProto},
};

/// The only host, and its rack.
const HERE: (&str, &str) = ("nm1", "/r");

/// What a ResourceManager keeps of an attempt, and does with a heartbeat.
#[derive(Default)]
struct Model {
    registered: bool,
    response_id: i32,
    /// Its last answer, which a repeated request gets again.
    last: AllocateResponseProto,
    /// Containers wanted, by priority and place; nothing is no row.
    rows: BTreeMap<(i32, String), i32>,
    running: BTreeSet<ContainerId>,
    /// Granted, and not yet in an answer.
    grants: Vec<ContainerProto>,
    /// Ended, and not yet in an answer.
    ends: Vec<ContainerId>,
    next: u64,
    blacklist: BTreeSet<String>,
    /// It has answered what the client does not know of.
    is_ahead: bool,
}

enum Heard {
    Answer(Box<AllocateResponseProto>),
    NotRegistered,
    WrongId,
}

impl Model {
    fn heartbeat(&mut self, request: &AllocateRequestProto) -> Heard {
        if !self.registered {
            return Heard::NotRegistered;
        }
        if request.response_id() + 1 == self.response_id {
            return Heard::Answer(Box::new(self.last.clone()));
        }
        if request.response_id() != self.response_id {
            return Heard::WrongId;
        }
        for row in &request.ask {
            let row_key = (row.priority.unwrap().priority(), row.resource_name().to_owned());
            self.rows.insert(row_key, row.num_containers());
        }
        for id in &request.release {
            self.end((*id).try_into().unwrap());
        }
        let list = request.blacklist_request.clone().unwrap();
        self.blacklist.extend(list.blacklist_additions);
        for host in list.blacklist_removals {
            self.blacklist.remove(&host);
        }
        self.response_id += 1;
        self.last = AllocateResponseProto {
            response_id: Some(self.response_id),
            allocated_containers: std::mem::take(&mut self.grants),
            completed_container_statuses: std::mem::take(&mut self.ends)
                .into_iter()
                .map(|id| ended(id.sequence(), -100))
                .collect(),
            ..Default::default()
        };
        Heard::Answer(Box::new(self.last.clone()))
    }

    /// The scheduler grants at most so many containers, all on [`HERE`]. Those that are asked for there by name come first,
    /// and count at the host and at its rack.
    fn grant(&mut self, most: u8) {
        for _ in 0..most {
            let mut wanted = self
                .rows
                .iter()
                .filter(|((_, place), count)| place == "*" && **count > 0);
            let Some(((priority, _), _)) = wanted.next() else {
                return;
            };
            let priority = *priority;
            let is_named = [HERE.0, HERE.1].iter().all(|place| self.wants(priority, place));
            let places = if is_named { &["*", HERE.0, HERE.1][..] } else { &["*"] };
            for place in places {
                *self.rows.entry((priority, (*place).to_owned())).or_default() -= 1;
            }
            self.next += 1;
            self.grants.push(granted(self.next, priority));
            self.running.insert(container_id(self.next));
        }
    }

    fn wants(&self, priority: i32, place: &str) -> bool {
        self.rows
            .get(&(priority, place.to_owned()))
            .is_some_and(|count| *count > 0)
    }

    fn end(&mut self, id: ContainerId) {
        if self.running.remove(&id) {
            self.ends.push(id);
        }
    }

    /// It answers twice, and nobody hears it. Containers that it has told of in vain are not started, and end.
    fn run_ahead(&mut self, told: &BTreeSet<ContainerId>) {
        self.response_id += 2;
        self.is_ahead = true;
        let to_tell = self.grants.iter().map(|one| one.id.unwrap().try_into().unwrap());
        let to_tell: BTreeSet<ContainerId> = to_tell.collect();
        self.running.retain(|id| told.contains(id) || to_tell.contains(id));
    }

    /// A restart that preserves work: asks are forgotten, and containers that nobody was told of are gone.
    fn restart(&mut self, told: &BTreeSet<ContainerId>) {
        self.registered = false;
        self.rows.clear();
        self.blacklist.clear();
        self.grants.clear();
        self.running.retain(|id| told.contains(id));
        // Nodes report again what ended before the restart.
        self.ends = told.iter().filter(|id| !self.running.contains(id)).copied().collect();
    }

    fn register(&mut self) {
        self.registered = true;
        self.response_id = 0;
        self.is_ahead = false;
    }
}

#[derive(Clone, Debug)]
enum Step {
    Ask {
        priority: i32,
        count: u32,
        /// On [`HERE`], if that has room.
        is_named: bool,
    },
    Blacklist(bool),
    Release(usize),
    Grant(u8),
    End(usize),
    Restart,
    RunAhead,
    Beat {
        request_lost: bool,
        answer_lost: bool,
        repeated: bool,
    },
    /// An old request arrives late.
    Late(usize),
    /// What was told is told again.
    TellAgain(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..4, 0_u32..5, any::<bool>())
            .prop_map(|(priority, count, is_named)| Step::Ask { priority, count, is_named }),
        1 => any::<bool>().prop_map(Step::Blacklist),
        2 => any::<usize>().prop_map(Step::Release),
        4 => (1_u8..6).prop_map(Step::Grant),
        2 => any::<usize>().prop_map(Step::End),
        1 => Just(Step::Restart),
        1 => Just(Step::RunAhead),
        8 => (prop::bool::weighted(0.2), prop::bool::weighted(0.2), prop::bool::weighted(0.2))
            .prop_map(|(request_lost, answer_lost, repeated)| Step::Beat { request_lost, answer_lost, repeated }),
        1 => any::<usize>().prop_map(Step::Late),
        1 => any::<usize>().prop_map(Step::TellAgain),
    ]
}

#[derive(Default)]
struct History {
    model: Model,
    client: Exchange,
    requests: Vec<AllocateRequestProto>,
    /// What is outstanding by the program's own count.
    wanted: BTreeMap<i32, u32>,
    owned: BTreeSet<ContainerId>,
    /// Every container ever told.
    seen: BTreeSet<ContainerId>,
    released: BTreeSet<ContainerId>,
    completed: BTreeSet<ContainerId>,
}

impl History {
    fn new() -> Self {
        let mut history = Self::default();
        history.model.register();
        history
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Ask {
                priority,
                count,
                is_named,
            } => self.ask(priority, count, is_named),
            Step::Blacklist(on) => self
                .client
                .set_blacklist(on.then(|| "bad".to_owned()).into_iter().collect()),
            Step::Release(which) => {
                if let Some(id) = nth(&self.owned, which) {
                    self.release(id);
                }
            }
            Step::Grant(most) => self.model.grant(most),
            Step::End(which) => {
                if let Some(id) = nth(&self.model.running, which) {
                    self.model.end(id);
                }
            }
            Step::Restart => self.model.restart(&self.seen),
            Step::RunAhead => self.model.run_ahead(&self.seen),
            Step::Beat {
                request_lost,
                answer_lost,
                repeated,
            } => self.beat(request_lost, answer_lost, repeated),
            Step::Late(which) => {
                if !self.requests.is_empty() {
                    let old = self.requests[which % self.requests.len()].clone();
                    if old.response_id() != self.model.response_id {
                        let _ = self.model.heartbeat(&old);
                    }
                }
            }
            Step::TellAgain(which) => {
                if let Some(id) = nth(&self.seen, which) {
                    self.model.grants.push(granted(id.sequence(), 1));
                }
            }
        }
    }

    fn ask(&mut self, priority: i32, count: u32, is_named: bool) {
        let (host, rack) = HERE;
        let place = match is_named {
            true => Locality::Nodes {
                nodes: vec![(host.to_owned(), rack.to_owned())],
                relax: true,
            },
            false => Locality::Anywhere,
        };
        let before = self.client.asks.outstanding_at(AskKey::priority(priority), &place);
        self.client.ask(ask(priority, count).at(place)).unwrap();
        let wanted = self.wanted.entry(priority).or_default();
        *wanted = *wanted - before + count;
    }

    fn release(&mut self, id: ContainerId) {
        self.client.release(id);
        self.owned.remove(&id);
        self.released.insert(id);
    }

    fn beat(&mut self, request_lost: bool, answer_lost: bool, repeated: bool) {
        let request = self.client.request();
        if request_lost {
            return;
        }
        self.requests.push(request.clone());
        let mut heard = self.model.heartbeat(&request);
        if repeated {
            heard = self.model.heartbeat(&request);
        }
        match heard {
            _ if answer_lost => {}
            Heard::Answer(answer) => self.hear(*answer),
            Heard::NotRegistered => {
                self.model.register();
                self.client.resync();
            }
            Heard::WrongId => {
                let is_ahead = std::mem::take(&mut self.model.is_ahead);
                assert!(is_ahead, "the client sent the wrong id {}", request.response_id());
                self.client.fall_in_step(self.model.response_id);
            }
        }
    }

    fn hear(&mut self, answer: AllocateResponseProto) {
        let news = self.client.answered(answer).unwrap();
        for status in news.completed {
            assert!(self.completed.insert(status.id), "{} ended twice", status.id);
            self.owned.remove(&status.id);
        }
        for granted in news.allocated {
            let id = granted.container.id;
            assert!(self.seen.insert(id), "{id} is owned twice");
            let wanted = self.wanted.entry(granted.container.priority.0).or_default();
            assert_eq!(
                granted.expected,
                *wanted > 0,
                "{id} satisfies an ask that nobody made, or none"
            );
            if granted.expected {
                *wanted -= 1;
                self.owned.insert(id);
            } else {
                self.release(id);
            }
        }
        for (priority, wanted) in &self.wanted {
            let outstanding = self.client.outstanding_under(AskKey::priority(*priority));
            assert_eq!(outstanding, *wanted, "priority {priority}");
        }
    }

    /// Without any failure, everything comes to rest.
    fn settle(&mut self) {
        for _ in 0..4 {
            self.beat(false, false, false);
        }
        let mut wanted: BTreeMap<(i32, String), i32> = BTreeMap::new();
        for ask in self.client.asks.asks() {
            for (place, _) in ask.locality.places() {
                *wanted.entry((ask.key.priority.0, place)).or_default() += i32::try_from(ask.count).unwrap();
            }
        }
        let mut rows = self.model.rows.clone();
        rows.retain(|_, count| *count != 0);
        assert_eq!(rows, wanted, "what is outstanding, at both ends");
        for _ in 0..4 {
            self.model.grant(u8::MAX);
            self.beat(false, false, false);
        }
        let rows = &self.model.rows;
        assert!(rows.values().all(|count| *count == 0), "an ask nobody made: {rows:?}");
        assert_eq!(self.client.outstanding(), 0, "an ask was not satisfied");
        let kept: Vec<_> = self.model.running.intersection(&self.released).collect();
        assert!(kept.is_empty(), "released, and still running: {kept:?}");
        assert!(
            self.model.running.is_subset(&self.owned),
            "a container that nobody holds"
        );
        assert!(!self.client.has_news());
    }
}

fn nth(set: &BTreeSet<ContainerId>, which: usize) -> Option<ContainerId> {
    set.iter().nth(which % set.len().max(1)).copied()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_ask_is_satisfied_once_no_container_is_owned_twice_and_released_means_released(
        steps in prop::collection::vec(step(), 0..120)
    ) {
        let mut history = History::new();
        for step in steps {
            history.take(step);
        }
        history.settle();
    }
}
