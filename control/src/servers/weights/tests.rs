//! Each rule by itself, and all of them against a model that remembers nothing but the past.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use core::time::Duration;

use proptest::prelude::*;

use super::*;

const UP: Input = Input {
    weight: 1,
    dynamic: None,
    is_down: false,
    is_waiting: false,
    administrative: Administrative::Ready,
};
const DOWN: Input = Input { is_down: true, ..UP };
const DRAINED: Input = Input { administrative: Administrative::Drain, ..UP };

fn rules() -> PoolRules {
    PoolRules::default()
}

/// A service, one decision after the other.
struct Service {
    rules: PoolRules,
    sorry: Vec<Input>,
    memory: Memory,
    now: Instant,
}

impl Service {
    fn new(rules: PoolRules) -> Self {
        Service { rules, sorry: Vec::new(), memory: Memory::default(), now: Instant(0) }
    }

    fn decide(&mut self, servers: &[Input]) -> Decision {
        let (decision, memory) =
            decide(&self.rules, Units::Shares, servers, &self.sorry, &self.memory, self.now);
        self.memory = memory;
        decision
    }

    /// The weights that the dataplane is told.
    fn weights(&mut self, servers: &[Input]) -> Vec<u16> {
        self.decide(servers).servers.iter().map(|share| share.weight).collect()
    }

    fn after(&mut self, seconds: u64) -> &mut Self {
        self.now = self.now.plus(Duration::from_secs(seconds));
        self
    }
}

#[test]
fn what_is_down_or_taken_out_has_no_weight() {
    let maintenance = Input { administrative: Administrative::Maintenance, is_down: true, ..UP };
    let mut service = Service::new(rules());
    let decision = service.decide(&[UP, DOWN, DRAINED, maintenance]);
    let told: Vec<_> = decision.servers.iter().map(|one| (one.weight, one.is_down)).collect();
    assert_eq!(told, [(1, false), (0, true), (0, false), (0, false)]);
    assert_eq!(decision.mode, PoolMode::Normal);
}

#[test]
fn a_server_that_waits_for_its_first_check_gets_nothing_and_loses_nothing() {
    let waiting = Input { is_down: true, is_waiting: true, ..UP };
    let decision = Service::new(rules()).decide(&[UP, waiting]);
    assert_eq!((decision.servers[1].weight, decision.servers[1].is_down), (0, false));
}

#[test]
fn an_agents_weight_is_a_share_or_takes_its_place() {
    let with = |dynamic| Input { weight: 4, dynamic: Some(dynamic), ..UP };
    let mut service = Service::new(rules());
    let all = [
        UP,
        with(DynamicWeight::Percent(50)),
        with(DynamicWeight::Percent(0)),
        with(DynamicWeight::Absolute(7)),
        Input { weight: 0, ..with(DynamicWeight::Absolute(7)) },
    ];
    assert_eq!(service.weights(&all), [1, 2, 0, 7, 0]);
    let all = [UP, Input { dynamic: Some(DynamicWeight::Percent(35)), ..UP }];
    assert_eq!(service.weights(&all), [100, 35], "in finer units");
    let huge = Input { weight: u16::MAX, dynamic: Some(DynamicWeight::Percent(u16::MAX)), ..UP };
    assert_eq!(service.weights(&[huge, UP]), [u16::MAX, 1]);
}

#[test]
fn a_server_that_comes_up_rises_from_a_tenth() {
    let mut service = Service::new(PoolRules { slow_start: Duration::from_secs(30), ..rules() });
    assert_eq!(service.weights(&[UP, UP, UP]), [1, 1, 1], "not at the start");
    assert_eq!(service.after(1).weights(&[UP, UP, DOWN]), [1, 1, 0]);
    let mut thirds = Vec::new();
    for _ in 0..4 {
        let decision = service.after(10).decide(&[UP, UP, UP]);
        thirds.push(decision.servers[2].thousandths);
        assert_eq!(decision.next.is_some(), thirds.len() < 4, "{thirds:?}");
        assert_eq!(decision.servers[0].thousandths, 1000);
    }
    assert_eq!(thirds, [100, 400, 700, 1000]);
    // An operator's enable is the same; and one that was down on its way begins anew.
    assert_eq!(service.weights(&[UP, UP, DRAINED]), [1, 1, 0]);
    assert_eq!(service.weights(&[UP, UP, UP]), [100, 100, 10]);
    assert_eq!(service.after(15).weights(&[UP, UP, UP]), [100, 100, 55]);
    assert_eq!(service.weights(&[UP, UP, DOWN]), [1, 1, 0]);
    assert_eq!(service.weights(&[UP, UP, UP]), [100, 100, 10]);
}

#[test]
fn nobody_rises_when_more_than_half_of_the_weight_comes_up_together() {
    let rules = PoolRules { slow_start: Duration::from_secs(30), ..rules() };
    let mut service = Service::new(rules);
    service.weights(&[UP, DOWN, DOWN]);
    assert_eq!(service.weights(&[UP, UP, DOWN]), [100, 10, 0]);
    assert_eq!(service.after(2).weights(&[UP, UP, UP]), [1, 1, 1]);
    // Half of it does.
    let mut service = Service::new(rules);
    service.weights(&[UP, UP, DOWN, DOWN]);
    assert_eq!(service.weights(&[UP, UP, UP, UP]), [100, 100, 10, 10]);
}

#[test]
fn connections_are_counted_in_whole_units() {
    let rules = PoolRules { slow_start: Duration::from_secs(30), ..rules() };
    let ten = Input { weight: 10, ..UP };
    let decide_at = |memory: &Memory, servers: &[Input]| {
        decide(&rules, Units::Connections, servers, &[], memory, Instant(0))
    };
    let (_, memory) = decide_at(&Memory::default(), &[ten, Input { is_down: true, ..ten }]);
    let (decision, _) = decide_at(&memory, &[ten, ten]);
    let told: Vec<_> = decision.servers.iter().map(|share| share.weight).collect();
    assert_eq!(told, [10, 1]);
}

#[test]
fn where_weights_are_compared_with_the_configured_ones_they_are_told_in_parts() {
    let rules = PoolRules { slow_start: Duration::from_secs(30), ..rules() };
    let decide_at = |memory: &Memory, servers: &[Input]| {
        decide(&rules, Units::Parts, servers, &[], memory, Instant(0))
    };
    let part = Input { weight: 7, dynamic: Some(DynamicWeight::Percent(33)), ..UP };
    let (_, memory) = decide_at(&Memory::default(), &[UP, UP, DOWN, part]);
    let (decision, _) = decide_at(&memory, &[UP, UP, UP, part]);
    let told: Vec<_> = decision.servers.iter().map(|one| (one.weight, one.part)).collect();
    assert_eq!(told, [(1, 1000), (1, 1000), (1, 100), (3, 770)]);
}

#[test]
fn servers_that_wait_for_their_first_check_at_the_start_do_not_rise() {
    let rules = PoolRules { slow_start: Duration::from_secs(30), ..rules() };
    let waits = Input { is_down: true, is_waiting: true, ..UP };
    let mut service = Service::new(rules);
    let decision = service.decide(&[UP, UP, UP, waits]);
    assert!(decision.servers.iter().all(|one| !one.is_down), "nobody was found down");
    assert_eq!(service.weights(&[UP, UP, UP, UP]), [1, 1, 1, 1]);
    // The control: one that comes later rises.
    service.decide(&[UP, UP, UP, DOWN]);
    assert_eq!(service.weights(&[UP, UP, UP, UP]), [100, 100, 100, 10]);
}

#[test]
fn all_down_keeps_those_that_were_the_last() {
    let mut service = Service::new(rules());
    service.decide(&[UP, UP, DOWN]);
    let decision = service.decide(&[DOWN, DOWN, DOWN]);
    assert_eq!(decision.mode, PoolMode::AllDownKeep);
    let told: Vec<_> = decision.servers.iter().map(|one| (one.weight, one.is_down)).collect();
    assert_eq!(told, [(1, false), (1, false), (0, true)]);
    // What an operator takes out stays out, and if that was the last good one, all are tried.
    assert_eq!(service.weights(&[DOWN, Input { is_down: true, ..DRAINED }, DOWN]), [1, 0, 0]);
    let drained = Input { is_down: true, ..DRAINED };
    assert_eq!(service.weights(&[drained, drained, DOWN]), [0, 0, 1]);
    assert_eq!(service.weights(&[drained, drained, drained]), [0, 0, 0]);
    assert_eq!(service.weights(&[DOWN, DOWN, UP]), [0, 0, 1]);
    // All down at the start: all are tried.
    assert_eq!(Service::new(rules()).weights(&[DOWN, DOWN]), [1, 1]);
}

#[test]
fn all_down_refuses_or_apologizes_as_it_is_told() {
    let refuse = PoolRules { when_all_down: Some(WhenAllDown::Refuse), ..rules() };
    let decision = Service::new(refuse).decide(&[DOWN, DOWN]);
    assert_eq!((decision.mode, decision.sorry_only), (PoolMode::AllDownRefuse, false));
    assert!(decision.servers.iter().all(|share| share.weight == 0 && share.is_down));
    let mut sorry = Service { sorry: vec![UP], ..Service::new(rules()) };
    let decision = sorry.decide(&[DOWN, DOWN]);
    assert_eq!((decision.mode, decision.sorry_only), (PoolMode::AllDownSorry, true));
    assert_eq!(decision.sorry[0].weight, 1);
    let keep = PoolRules { when_all_down: Some(WhenAllDown::Keep), ..rules() };
    let mut keep = Service { sorry: vec![UP], ..Service::new(keep) };
    assert_eq!(keep.decide(&[DOWN, DOWN]).mode, PoolMode::AllDownKeep);
    assert!(!keep.decide(&[DOWN, DOWN]).sorry_only);
}

#[test]
fn sorry_servers_are_used_though_all_of_them_are_down() {
    let mut service = Service { sorry: vec![UP, DOWN], ..Service::new(rules()) };
    let weights = |decision: Decision| -> Vec<u16> {
        decision.sorry.iter().map(|share| share.weight).collect()
    };
    assert_eq!(weights(service.decide(&[UP])), [1, 0]);
    service.sorry = vec![DOWN, DOWN];
    assert_eq!(weights(service.decide(&[UP])), [1, 1]);
    service.sorry = vec![DRAINED, DOWN];
    assert_eq!(weights(service.decide(&[UP])), [0, 1]);
}

#[test]
fn a_lost_quorum_sends_clients_to_the_sorry_servers_until_it_is_well_reached() {
    let rules = PoolRules { quorum: 3, hysteresis: 1, ..rules() };
    let mut service = Service { sorry: vec![UP], ..Service::new(rules) };
    let pool = |up: usize| [[UP].repeat(up), [DOWN].repeat(5 - up)].concat();
    let mut seen = Vec::new();
    for up in [3, 2, 1, 2, 3, 4, 3, 2, 0] {
        let decision = service.decide(&pool(up));
        assert_eq!(decision.sorry_only, !decision.has_quorum);
        seen.push(decision.has_quorum);
    }
    assert_eq!(seen, [true, true, false, false, false, true, true, true, false]);
    // Without sorry servers it is only said.
    let mut service = Service::new(rules);
    let decision = service.decide(&pool(1));
    assert!(!decision.has_quorum && !decision.sorry_only);
    assert_eq!(decision.servers[0].weight, 1);
}

#[test]
fn panic_ignores_checks_below_its_share() {
    let mut service = Service::new(PoolRules { panic: 50, ..rules() });
    assert_eq!(service.decide(&[UP, UP, DOWN, DOWN]).mode, PoolMode::Normal);
    let decision = service.decide(&[UP, DOWN, DOWN, DRAINED]);
    assert_eq!(decision.mode, PoolMode::Panic);
    let told: Vec<_> = decision.servers.iter().map(|one| (one.weight, one.is_down)).collect();
    assert_eq!(told, [(1, false), (1, false), (1, false), (0, false)]);
    assert_eq!(Service::new(rules()).decide(&[UP, DOWN, DOWN]).mode, PoolMode::Normal, "off");
}

fn any_input() -> impl Strategy<Value = Input> {
    let dynamic = prop_oneof![
        3 => Just(None),
        1 => (0u16..250).prop_map(|percent| Some(DynamicWeight::Percent(percent))),
        1 => (0u16..20).prop_map(|weight| Some(DynamicWeight::Absolute(weight))),
    ];
    let administrative = prop_oneof![
        5 => Just(Administrative::Ready),
        1 => Just(Administrative::Drain),
        1 => Just(Administrative::Maintenance),
    ];
    (0u16..5, dynamic, any::<bool>(), administrative).prop_map(
        |(weight, dynamic, is_down, administrative)| Input {
            weight,
            dynamic,
            is_down,
            is_waiting: false,
            administrative,
        },
    )
}

fn any_rules() -> impl Strategy<Value = PoolRules> {
    let all_down = prop_oneof![
        Just(None),
        Just(Some(WhenAllDown::Keep)),
        Just(Some(WhenAllDown::Refuse)),
        Just(Some(WhenAllDown::Sorry)),
    ];
    (0u64..40, 0u8..100, all_down, 1u32..8, 0u32..8).prop_map(
        |(slow, panic, when_all_down, quorum, hysteresis)| PoolRules {
            slow_start: Duration::from_secs(slow),
            panic,
            when_all_down,
            quorum,
            hysteresis: hysteresis % quorum,
        },
    )
}

/// What the rules say in plain words, from the whole past and without any memory of their own.
struct Model {
    past: Vec<(Instant, Vec<Input>)>,
}

fn usable(input: &Input) -> bool {
    input.administrative == Administrative::Ready && full(input) > 0.0
}

fn well(input: &Input) -> bool {
    usable(input) && !input.is_down
}

fn full(input: &Input) -> f64 {
    match input.dynamic {
        _ if input.weight == 0 => 0.0,
        Some(DynamicWeight::Absolute(weight)) => weight.into(),
        Some(DynamicWeight::Percent(percent)) => {
            f64::from(input.weight) * f64::from(percent) / 100.0
        }
        None => input.weight.into(),
    }
}

impl Model {
    fn quorum(&self, rules: &PoolRules) -> bool {
        let (quorum, hysteresis) = (f64::from(rules.quorum), f64::from(rules.hysteresis));
        let live = |servers: &[Input]| -> f64 {
            servers.iter().filter(|server| well(server)).map(full).sum()
        };
        let mut has = live(&self.past[0].1) >= quorum;
        for (_, servers) in &self.past {
            let live = live(servers);
            if live >= quorum + hysteresis {
                has = true;
            } else if live < quorum - hysteresis || live == 0.0 {
                has = false;
            }
        }
        has
    }

    /// The servers that were well when the last one was.
    fn last_good(&self) -> Vec<bool> {
        let good = self.past.iter().rev().find(|(_, servers)| servers.iter().any(well));
        let count = self.past[0].1.len();
        good.map_or(vec![false; count], |(_, servers)| servers.iter().map(well).collect())
    }

    fn used(&self, rules: &PoolRules, has_sorry: bool) -> (Vec<bool>, bool) {
        let servers = &self.past.last().unwrap().1;
        let count = |of: &dyn Fn(&Input) -> bool| servers.iter().filter(|one| of(one)).count();
        let (usable_count, well_count) = (count(&usable), count(&well));
        if usable_count > 0 && well_count == 0 {
            return match rules.all_down(has_sorry) {
                WhenAllDown::Keep => {
                    let good = self.last_good();
                    let kept: Vec<bool> =
                        servers.iter().zip(&good).map(|(one, good)| usable(one) && *good).collect();
                    let all = servers.iter().map(usable).collect();
                    (if kept.contains(&true) { kept } else { all }, false)
                }
                WhenAllDown::Refuse => (vec![false; servers.len()], false),
                WhenAllDown::Sorry => (vec![false; servers.len()], has_sorry),
            };
        }
        let sorry = has_sorry && !self.quorum(rules);
        let few = well_count * 100 < usable_count * usize::from(rules.panic);
        let used = if few && !sorry { usable } else { well };
        (servers.iter().map(used).collect(), sorry)
    }
}

proptest! {
    #[test]
    fn decisions_are_as_the_model_says(
        rules in any_rules(),
        has_sorry in any::<bool>(),
        states in prop::collection::vec((0u64..20, prop::collection::vec(any_input(), 4)), 1..12),
    ) {
        let mut service = Service::new(rules);
        service.sorry = if has_sorry { vec![UP] } else { Vec::new() };
        let mut model = Model { past: Vec::new() };
        for (pause, servers) in states {
            service.after(pause);
            model.past.push((service.now, servers.clone()));
            let decision = service.decide(&servers);
            prop_assert_eq!(decision.has_quorum, model.quorum(&rules));
            let (used, sorry_only) = model.used(&rules, has_sorry);
            prop_assert_eq!(decision.sorry_only, sorry_only);
            let told: Vec<bool> = decision.servers.iter().map(|one| one.weight > 0).collect();
            prop_assert_eq!(&told, &used);
            for (share, server) in decision.servers.iter().zip(&servers) {
                // Down is told of those alone that checks find down, and never of one in use.
                prop_assert!(!share.is_down || (server.is_down && share.weight == 0));
                let full = full(server) * 1000.0;
                let share_of = f64::from(share.thousandths);
                prop_assert!(share_of <= full + 1.0 && (share.weight == 0 || share_of >= full / 10.0 - 1.0));
                prop_assert!(share.weight == 0 || share.is_rising || share_of > full - 1.0);
            }
            let rising: f64 = servers.iter().zip(&decision.servers)
                .filter(|(_, share)| share.is_rising).map(|(server, _)| full(server)).sum();
            let all: f64 = servers.iter().filter(|one| usable(one)).map(full).sum();
            prop_assert!(rising <= all / 2.0 + 0.01, "{} of {} rises", rising, all);
        }
        // Whatever rises is whole in its time.
        let last = model.past.last().unwrap().1.clone();
        service.after(40);
        prop_assert!(service.decide(&last).servers.iter().all(|share| !share.is_rising));
    }

    #[test]
    fn told_weights_keep_the_proportion(
        servers in prop::collection::vec(any_input(), 1..6),
        scale in 1u16..12_000,
    ) {
        let servers: Vec<Input> =
            servers.iter().map(|one| Input { weight: one.weight * scale, ..*one }).collect();
        let decision = Service::new(rules()).decide(&servers);
        let sum = |of: &dyn Fn(&Share) -> f64| decision.servers.iter().map(of).sum::<f64>();
        let (told, meant) = (sum(&|one| one.weight.into()), sum(&|one| one.thousandths.into()));
        for share in &decision.servers {
            let (told, meant) = (f64::from(share.weight) / told.max(1.0), f64::from(share.thousandths) / meant.max(1.0));
            prop_assert!((told - meant).abs() < 0.05, "{decision:?}");
        }
    }
}
