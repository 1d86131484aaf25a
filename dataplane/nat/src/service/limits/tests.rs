use core::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::net::Ipv4Addr;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use wire::{Port, Protocol};

use super::*;
use crate::scheduler::Kind;
use crate::service::{
    Listen, Registry, ServerSpecification, ServiceSpecification, Services, WhenFull,
};

const KEY: crate::scheduler::ClientKey = crate::scheduler::ClientKey::from_bits([1, 2]);

/// A service with two servers, of which the first has a limit.
fn specification(server: Option<Limit>, service: Option<Limit>) -> ServiceSpecification<Ipv4Addr> {
    let one = |last, limit| {
        let address = Ipv4Addr::new(10, 0, 0, last);
        ServerSpecification { address, port: Port::new(80), weight: 1, limit }
    };
    ServiceSpecification {
        name: "web".to_owned(),
        listens: vec![Listen::at(Ipv4Addr::new(198, 51, 100, 10), Port::new(80), Protocol::Tcp)],
        scheduler: Kind::RoundRobin,
        hash: crate::scheduler::HashOptions::default(),
        servers: vec![one(11, server), one(12, None)],
        sorry: Vec::new(),
        limit: service,
        when_full: WhenFull::default(),
        one_packet: false,
        unserved: None,
        persistence: None,
        cuts: false,
    }
}

/// Workers that keep to the limits of one service.
struct Machine {
    registry: Registry<Ipv4Addr>,
    services: Services<Ipv4Addr>,
    limits: Arc<Limits>,
    workers: Vec<Budgets>,
}

impl Machine {
    fn new(workers: usize) -> Self {
        let mut registry = Registry::default();
        let services = registry.build(&[], KEY).unwrap();
        let limits = Arc::new(Limits::default());
        let workers =
            (0..workers).map(|at| Budgets::new(Arc::clone(&limits), at, workers)).collect();
        Machine { registry, services, limits, workers }
    }

    fn limited(workers: usize, server: Option<Limit>, service: Option<Limit>) -> Self {
        let mut machine = Machine::new(workers);
        machine.reload(server, service);
        machine
    }

    fn reload(&mut self, server: Option<Limit>, service: Option<Limit>) {
        self.take(&[specification(server, service)]);
    }

    fn take(&mut self, specifications: &[ServiceSpecification<Ipv4Addr>]) {
        self.registry.release(&[&self.services], |server| {
            self.workers.iter().any(|worker| worker.held(server) > 0)
        });
        let next = self.registry.build(specifications, KEY).unwrap();
        self.workers.iter().for_each(|worker| worker.follow(&self.services, &next));
        let workers: Vec<_> = self.workers.iter().collect();
        self.limits.follow(&self.services, &next, &workers);
        self.services = next;
    }

    fn service(&self) -> &Service<Ipv4Addr> {
        self.services.iter().next().unwrap()
    }

    fn server(&self, at: usize) -> ServerId {
        self.service().servers[at].id
    }

    fn open(&self, worker: usize, server: usize) -> bool {
        let (budgets, server) = (&self.workers[worker], self.server(server));
        let opens = budgets.has_room(self.service().id)
            && budgets.has_room(server)
            && budgets.reserve(server);
        if opens {
            budgets.opened(server);
        }
        opens
    }

    fn settle(&self) {
        self.workers.iter().for_each(|worker| worker.settle(&self.services));
    }

    fn held(&self, server: usize) -> u32 {
        let server = self.server(server);
        self.workers.iter().map(|worker| worker.held(server)).sum()
    }
}

fn limit(most: u32, resume_below: u32) -> Option<Limit> {
    Some(Limit::new(most, resume_below))
}

#[test]
fn a_limit_is_reached_exactly_by_workers_that_keep_permits() {
    for workers in [1, 2, 8] {
        for most in [1, 2, 7, 100, 1000] {
            let machine = Machine::limited(workers, limit(most, most), None);
            let mut opened = 0;
            let mut refused = 0;
            while refused < 3 {
                let any = (0..workers).filter(|&at| machine.open(at, 0)).count();
                opened += any as u32;
                refused = if any == 0 { refused + 1 } else { 0 };
                machine.settle();
            }
            assert_eq!((opened, machine.held(0)), (most, most), "{workers} workers");
            assert!(machine.limits.is_full(machine.server(0)));
            assert!(machine.open(0, 1), "the other server has no limit");
        }
    }
}

#[test]
fn permits_of_an_idle_worker_are_others_at_its_next_look() {
    let machine = Machine::limited(2, limit(100, 100), None);
    assert!(machine.open(0, 0));
    let spare = 25 - 1;
    let mut opened = 1;
    while machine.open(1, 0) {
        opened += 1;
    }
    assert!(opened < 100 && opened >= 100 - spare, "{opened}");
    assert!(!machine.open(1, 0), "until the idle worker looks");
    assert!(!machine.limits.is_full(machine.server(0)), "the limit is not reached");
    machine.settle();
    while machine.open(1, 0) {
        opened += 1;
    }
    assert_eq!(opened, 100);
}

#[test]
fn a_full_server_gets_connections_again_below_the_lower_mark() {
    let machine = Machine::limited(2, limit(8, 6), None);
    (0..8).for_each(|at| {
        assert!(machine.open(at % 2, 0));
        machine.settle();
    });
    for closes in 1..=2 {
        machine.workers[0].closed(machine.server(0));
        machine.settle();
        assert!(!machine.open(closes % 2, 0), "{closes} closed: 6 or more are left");
    }
    machine.workers[1].closed(machine.server(0));
    assert!(machine.open(0, 0) && machine.held(0) == 6);
}

#[test]
fn a_service_counts_its_servers_together() {
    let mut machine = Machine::limited(2, None, limit(3, 3));
    assert!(machine.open(0, 0) && machine.open(1, 1) && machine.open(1, 0));
    assert!(!machine.open(0, 1) && !machine.open(1, 0));
    machine.workers[1].closed(machine.server(1));
    machine.settle();
    assert!(machine.open(0, 0));
    // Lifted, and set again: what is there counts.
    machine.reload(None, None);
    assert!(machine.open(0, 0) && machine.open(1, 1));
    machine.reload(None, limit(6, 6));
    assert!(machine.open(0, 0) && !machine.open(0, 1) && !machine.open(1, 1));
}

#[test]
fn a_number_that_is_given_again_has_nothing_of_the_one_before() {
    let mut machine = Machine::limited(2, limit(1, 1), limit(1, 1));
    let before = machine.server(1);
    machine.take(&[]);
    machine.take(&[]);
    let named = |name: &str, limit| ServiceSpecification {
        name: name.to_owned(),
        ..specification(None, limit)
    };
    // The first of them takes the service's number, the second those of the servers.
    let [mut first, second] = [named("first", None), named("second", limit(3, 3))];
    first.servers.clear();
    (first.listens[0].port, first.listens[0].last) = (Port::new(81), Port::new(81));
    machine.take(&[first, second]);
    let second = machine.services.iter().nth(1).unwrap();
    assert!(second.servers.iter().any(|server| server.id == before));
    let opens = |server: ServerId| {
        let budgets = &machine.workers[0];
        let opens = budgets.has_room(second.id) && budgets.reserve(server);
        if opens {
            budgets.opened(server);
        }
        opens
    };
    let opened = (0..10).filter(|at| opens(second.servers[at % 2].id)).count();
    assert_eq!(opened, 3);
    assert!(!machine.limits.is_full(before) && machine.limits.is_full(second.id));
}

#[test]
fn an_edit_counts_at_once() {
    let mut machine = Machine::limited(2, limit(10, 8), None);
    (0..10).for_each(|at| {
        assert!(machine.open(at % 2, 0));
        machine.settle();
    });
    machine.reload(limit(12, 9), None);
    assert!(machine.open(0, 0) && machine.open(1, 0) && !machine.open(0, 0));
    machine.reload(limit(4, 3), None);
    for _ in 0..9 {
        assert!(!machine.open(0, 0) && !machine.open(1, 0));
        let at = usize::from(machine.workers[0].held(machine.server(0)) == 0);
        machine.workers[at].closed(machine.server(0));
        machine.settle();
    }
    assert_eq!(machine.held(0), 3);
    assert!(!machine.open(0, 0), "not before fewer than three are left");
    let at = usize::from(machine.workers[0].held(machine.server(0)) == 0);
    machine.workers[at].closed(machine.server(0));
    machine.settle();
    assert!(machine.open(0, 0));
}

#[test]
fn a_permit_that_was_not_used_is_others() {
    let machine = Machine::limited(2, limit(2, 2), None);
    assert!(machine.open(0, 0));
    assert!(machine.workers[0].reserve(machine.server(0)), "and nothing opens");
    assert!(!machine.open(1, 0));
    machine.settle();
    assert!(machine.open(1, 0) && !machine.open(0, 0) && !machine.open(1, 0));
}

#[test]
fn a_limit_may_hold_instead_of_the_configurations() {
    let mut machine = Machine::limited(2, Some(Limit::NONE), None);
    let instead = |machine: &Machine, most| {
        let workers: Vec<_> = machine.workers.iter().collect();
        machine.limits.limit_instead(machine.server(0), most, &machine.services, &workers);
        machine.settle();
    };
    (0..50).for_each(|at| assert!(machine.open(at % 2, 0), "without a limit"));
    let configured = Limit::NONE;
    assert_eq!(machine.limits.in_force(machine.server(0), configured), None);
    instead(&machine, Some(8));
    assert!(!machine.open(0, 0) && !machine.open(1, 0));
    (0..45).for_each(|at| machine.workers[at % 2].closed(machine.server(0)));
    assert_eq!(machine.held(0), 5);
    machine.settle();
    for _ in 0..3 {
        assert!(machine.open(0, 0) || machine.open(1, 0));
        machine.settle();
    }
    assert!(!machine.open(0, 0) && !machine.open(1, 0));
    // It stays over a reload, and a server that has no limit at all any more forgets it.
    machine.reload(Some(Limit::NONE), None);
    assert!(!machine.open(0, 0) && machine.limits.is_full(machine.server(0)));
    assert_eq!(machine.limits.in_force(machine.server(0), configured), limit(8, 6));
    instead(&machine, None);
    assert!(machine.open(0, 0) && machine.open(1, 0), "without one again");
    instead(&machine, Some(1));
    machine.reload(None, None);
    assert!(machine.open(0, 0));
    machine.reload(limit(20, 20), None);
    assert!(machine.open(0, 0) && machine.open(1, 0));
    assert_eq!(machine.limits.in_force(machine.server(0), Limit::new(20, 20)), limit(20, 20));
}

#[derive(Clone, Debug)]
enum Step {
    Open(usize),
    Reserve(usize),
    Close(usize),
    /// Without a permit.
    Appear(usize),
    Settle(usize),
    Limit(Option<(u32, u32)>),
}

fn steps(with_debts: bool) -> impl Strategy<Value = Vec<Step>> {
    let worker = || 0usize..4;
    let limits = (1u32..12).prop_flat_map(|most| (Just(most), 1..=most));
    let rare = u32::from(with_debts);
    vec(
        prop_oneof![
            12 => worker().prop_map(Step::Open),
            1 => worker().prop_map(Step::Reserve),
            8 => worker().prop_map(Step::Close),
            4 => worker().prop_map(Step::Settle),
            rare => worker().prop_map(Step::Appear),
            rare => prop::option::weighted(0.8, limits).prop_map(Step::Limit),
        ],
        1..200,
    )
}

/// The rules once more: one number, and whether it has reached the limit.
#[derive(Debug)]
struct Model {
    held: [u32; 4],
    limit: Option<(u32, u32)>,
    is_full: bool,
}

impl Model {
    fn total(&self) -> u32 {
        self.held.iter().sum()
    }

    fn look(&mut self) {
        self.is_full = match self.limit {
            Some((most, _)) if self.total() >= most => true,
            Some((_, resume_below)) => self.is_full && self.total() >= resume_below,
            None => false,
        };
    }
}

/// `is_exact`: also the lower mark is kept to, whatever happens.
fn run(steps: &[Step], is_exact: bool, of_service: bool) -> Result<(), TestCaseError> {
    let places = |limit: Option<(u32, u32)>| {
        let limit = limit.map(|(most, resume_below)| Limit::new(most, resume_below));
        if of_service { (None, limit) } else { (limit, None) }
    };
    let first = Some((8, 6));
    let (server, service) = places(first);
    let mut machine = Machine::limited(4, server, service);
    let mut model = Model { held: [0; 4], limit: first, is_full: false };
    for step in steps {
        match *step {
            Step::Open(worker) => {
                if machine.open(worker, 0) {
                    let may = model.limit.is_none_or(|(most, _)| model.total() < most);
                    prop_assert!(may, "{model:?}");
                    prop_assert!(!is_exact || !model.is_full, "{model:?}");
                    model.held[worker] += 1;
                }
            }
            Step::Reserve(worker) => _ = machine.workers[worker].reserve(machine.server(0)),
            Step::Close(worker) if model.held[worker] > 0 => {
                machine.workers[worker].closed(machine.server(0));
                model.held[worker] -= 1;
            }
            Step::Close(_) => {}
            Step::Appear(worker) => {
                machine.workers[worker].opened(machine.server(0));
                model.held[worker] += 1;
            }
            Step::Settle(worker) => machine.workers[worker].settle(&machine.services),
            Step::Limit(limit) => {
                let (server, service) = places(limit);
                machine.reload(server, service);
                // A reload that leaves the limit as it was changes nothing.
                if model.limit != limit {
                    (model.limit, model.is_full) = (limit, false);
                }
            }
        }
        model.look();
        prop_assert_eq!(machine.held(0), model.total());
    }
    // Nothing stays stuck: after a turn of each worker there is what the model says.
    for worker in 0..4 {
        let mut opened = false;
        for _ in 0..3 {
            opened = opened || machine.open(worker, 0);
            machine.settle();
        }
        // A permit that was spare while what opened without one was counted hides for a while that
        // fewer were held.
        let may = model.limit.is_none_or(|(most, resume_below)| match is_exact {
            true => !model.is_full && model.total() < most,
            false => model.total() < resume_below,
        });
        prop_assert!(opened || !may, "worker {worker}: {model:?}");
        if opened {
            model.held[worker] += 1;
            model.look();
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn whatever_workers_do_the_limit_is_kept(steps in steps(false), of_service: bool) {
        run(&steps, true, of_service)?;
    }

    #[test]
    fn edits_and_debts_let_nobody_pass_the_limit(steps in steps(true), of_service: bool) {
        run(&steps, false, of_service)?;
    }
}

/// The counts of real threads, which interleave as they like.
#[test]
fn threads_never_pass_the_limit_together() {
    const MOST: i64 = 20;
    let machine = Machine::limited(4, limit(MOST as u32, 18), None);
    let (open, most) = (AtomicI64::new(0), AtomicI64::new(0));
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let (machine, open, most) = (&machine, &open, &most);
            scope.spawn(move || {
                let mut own = 0;
                for round in 0..20_000u32 {
                    if machine.open(worker, 0) {
                        own += 1;
                        most.fetch_max(open.fetch_add(1, SeqCst) + 1, SeqCst);
                    }
                    // In phases, so that permits pass between workers.
                    if own > 0 && (round / 64 + worker as u32) % 3 != 0 {
                        own -= 1;
                        open.fetch_sub(1, SeqCst);
                        machine.workers[worker].closed(machine.server(0));
                    }
                    machine.workers[worker].settle(&machine.services);
                }
                for _ in 0..own {
                    open.fetch_sub(1, SeqCst);
                    machine.workers[worker].closed(machine.server(0));
                }
            });
        }
    });
    let most = most.into_inner();
    assert!((1..=MOST).contains(&most), "{most}");
    // And none was lost.
    machine.settle();
    let mut opened = 0;
    for _ in 0..3 {
        opened += (0..4).map(|at| (0..100).filter(|_| machine.open(at, 0)).count()).sum::<usize>();
        machine.settle();
    }
    assert_eq!(opened, MOST as usize);
}
