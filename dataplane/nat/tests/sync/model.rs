//! Whatever happens in whatever order, both machines end with the same connections.

use nat::connection::Kind;
use nat::scheduler::Load;
use nat::table::{ConnectionId, Hit, InsertError};
use nat::{Direction, connection::NewConnection};
use proptest::collection::vec;
use proptest::prelude::*;
use std::net::Ipv4Addr;
use wire::Protocol;
use wire::tcp::Flags;

use super::pair::{Pair, at, establish, opening, owner};

#[derive(Clone, Copy, Debug)]
enum Step {
    Open {
        kind: Kind,
        protocol: Protocol,
        number: u8,
        choice: u8,
    },
    Packet {
        which: u16,
        direction: Direction,
        flags: Flags,
    },
    Close {
        which: u16,
    },
    /// Time goes by, and what is over expires on the exporter.
    Wait(u32),
    /// The exporter's workers poll, so many entries a ring go into the stream.
    Export(u8),
    /// The importer takes so many entries.
    Import(u8),
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let kind = prop_oneof![Just(Kind::Service), Just(Kind::Masquerade), Just(Kind::Hairpin)];
    let protocol = prop_oneof![Just(Protocol::Tcp), Just(Protocol::Udp)];
    let flags = [Flags::SYN, Flags::ACK, Flags::RST]
        .into_iter()
        .chain([Flags::SYN, Flags::FIN].map(|flag| Flags::from_bits(flag.bits() | 0x10)));
    let flags = prop::sample::select(flags.collect::<Vec<_>>());
    let direction = prop_oneof![Just(Direction::Original), Just(Direction::Reply)];
    let step = prop_oneof![
        8 => (kind, protocol, 0..12u8, 0..6u8).prop_map(|(kind, protocol, number, choice)| {
            Step::Open { kind, protocol, number, choice }
        }),
        12 => (any::<u16>(), direction, flags)
            .prop_map(|(which, direction, flags)| Step::Packet { which, direction, flags }),
        4 => any::<u16>().prop_map(|which| Step::Close { which }),
        2 => (0..200_000u32).prop_map(Step::Wait),
        4 => (0..20u8).prop_map(Step::Export),
        4 => (0..20u8).prop_map(Step::Import),
        1 => Just(Step::Restart),
    ];
    vec(step, 0..250)
}

struct Run {
    pair: Pair,
    now: u64,
}

impl Run {
    fn open(&mut self, opening: &NewConnection<Ipv4Addr>, remote: Option<Ipv4Addr>) {
        let machine = &mut self.pair.exporter;
        let worker = owner(remote, machine.seed, machine.workers.len());
        let connections = &mut machine.workers[worker].connections;
        let opened = connections.open(opening, at(self.now));
        assert_ne!(opened.err(), Some(InsertError::Full));
    }

    fn pick(&self, which: u16) -> Option<(usize, ConnectionId)> {
        let workers = &self.pair.exporter.workers;
        let all: Vec<_> = workers
            .iter()
            .enumerate()
            .flat_map(|(at, worker)| {
                worker.connections.table().scan(0, usize::MAX).map(move |(id, _)| (at, id))
            })
            .collect();
        all.get(usize::from(which) % all.len().max(1)).copied()
    }

    fn take(&mut self, step: Step) {
        let now = at(self.now);
        match step {
            Step::Open { kind, protocol, number, choice } => {
                let opening = opening(&self.pair.exporter.services, kind, protocol, number, choice);
                let remote = match kind {
                    Kind::Hairpin => None,
                    _ => Some(Ipv4Addr::new(203, 0, 113, number)),
                };
                self.open(&opening, remote);
            }
            Step::Packet { which, direction, flags } => {
                let Some((worker, id)) = self.pick(which) else { return };
                let connections = &mut self.pair.exporter.workers[worker].connections;
                connections.pass(Hit { id, direction }, flags.into(), now);
            }
            Step::Close { which } => {
                let Some((worker, id)) = self.pick(which) else { return };
                self.pair.exporter.workers[worker].connections.close(id);
            }
            Step::Wait(millis) => {
                self.now += u64::from(millis);
                for worker in &mut self.pair.exporter.workers {
                    for _ in 0..200 {
                        worker.connections.expire(at(self.now));
                    }
                }
                for worker in &mut self.pair.importer.workers {
                    for _ in 0..200 {
                        assert_eq!(worker.connections.expire(at(self.now)).closed, 0, "on standby");
                    }
                }
            }
            Step::Export(most) => {
                self.now += 1;
                self.pair.export(now, most.into());
                self.pair.begin_after_overflow(now);
            }
            Step::Import(most) => self.pair.import(now, most.into()),
            Step::Restart => self.pair.begin(now),
        }
    }
}

fn run(exporters: usize, importers: usize, ring: usize, steps: &[Step]) -> Run {
    let mut run = Run { pair: Pair::new(exporters, importers, ring), now: 1 };
    run.pair.begin(at(1));
    for &step in steps {
        run.take(step);
    }
    run
}

fn check_bookkeeping(pair: &Pair) -> Result<(), TestCaseError> {
    prop_assert_eq!(pair.exporter.loads(), pair.importer.loads());
    for worker in &pair.importer.workers {
        for server in pair.importer.services.iter().flat_map(|service| &service.servers) {
            let Load { active, inactive } = worker.connections.loads().of(server.id);
            let records = worker.connections.table().scan(0, usize::MAX);
            let bound = records.filter(|(_, record)| record.server() == server.id).count();
            prop_assert_eq!((active + inactive) as usize, bound);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// With rings from too small to ample, sessions begun anew at any time, and other
    /// numbers of workers on either side: the same connections, the same tallies, the same
    /// loads, each port owned, nothing stale.
    #[test]
    fn both_machines_end_with_the_same(
        exporters in 1..5usize, importers in 1..5usize,
        ring in prop_oneof![Just(4usize), Just(16), Just(4096)], steps in steps(),
    ) {
        let mut run = run(exporters, importers, ring, &steps);
        let end = run.pair.settle(run.now);
        prop_assert!(run.pair.is_equal(), "tallies differ");
        prop_assert_eq!(run.pair.exporter.seen(), run.pair.importer.seen());
        check_bookkeeping(&run.pair)?;
        // A mapping owns its port: nobody else can have it after a takeover.
        for worker in &mut run.pair.importer.workers {
            worker.connections.set_standby(false, at(end));
            let records: Vec<_> =
                worker.connections.table().scan(0, usize::MAX).map(|(_, record)| *record).collect();
            for record in records {
                let key = *record.key(Direction::Reply);
                let thief = NewConnection {
                    original: nat::table::Key::new(key.tuple().reversed(), key.side().other()),
                    reply: key,
                    ..opening(&run.pair.importer.services, Kind::Masquerade, Protocol::Udp, 1, 1)
                };
                let taken = worker.connections.open(&thief, at(end));
                prop_assert!(matches!(taken, Err(InsertError::Taken(_))), "{:?}", taken);
            }
        }
    }

    /// The comparison is no formality: when an event is lost it finds the machines equal
    /// exactly if they are.
    #[test]
    fn a_lost_event_is_noticed(
        exporters in 1..4usize, importers in 1..4usize, steps in steps(), lose in 1..60usize,
    ) {
        let mut run = Run { pair: Pair::new(exporters, importers, 4096), now: 1 };
        run.pair.lose = Some(lose);
        run.pair.begin(at(1));
        for &step in &steps {
            run.take(step);
        }
        run.pair.settle(run.now);
        let same = run.pair.exporter.seen() == run.pair.importer.seen();
        prop_assert_eq!(run.pair.is_equal(), same);
    }
}

#[test]
fn one_lost_put_among_many_is_noticed_and_a_new_session_mends_it() {
    let mut run = Run { pair: Pair::new(2, 3, 4096), now: 1 };
    run.pair.lose = Some(7);
    run.pair.begin(at(1));
    for number in 0..20 {
        let opening =
            opening(&run.pair.exporter.services, Kind::Service, Protocol::Tcp, number, number);
        run.open(&opening, Some(Ipv4Addr::new(203, 0, 113, number)));
    }
    // Past the walk, which would put it again.
    for worker in &mut run.pair.exporter.workers {
        let ids: Vec<_> =
            worker.connections.table().scan(0, usize::MAX).map(|(id, _)| id).collect();
        for id in ids {
            establish(&mut worker.connections, Hit { id, direction: Direction::Original }, at(2));
        }
    }
    run.pair.lose = None;
    run.pair.settle(2);
    assert!(run.pair.is_equal());

    run.pair.lose = Some(run.pair.carried + 1);
    let late = opening(&run.pair.exporter.services, Kind::Masquerade, Protocol::Udp, 40, 0);
    run.open(&late, Some(Ipv4Addr::new(203, 0, 113, 40)));
    run.pair.settle(20_000);
    assert!(!run.pair.is_equal(), "an event was lost");
    run.pair.begin(at(40_000));
    run.pair.settle(40_000);
    assert!(run.pair.is_equal());
    assert_eq!(run.pair.exporter.seen(), run.pair.importer.seen());
}
