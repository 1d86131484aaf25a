use std::net::Ipv4Addr;

use wire::tcp::Flags;
use wire::{FiveTuple, Port, Protocol};

use super::*;
use crate::Side;
use crate::connection::{Connections, NewConnection};
use crate::record::Key;
use crate::room::Room;
use crate::table::{Hit, InsertError};
use crate::time::Instant;
use crate::timeouts::Timeouts;

const NOW: Instant = Instant::from_millis(0);
const ROOM: usize = 100;
const GUESTS: u8 = 10;
const STAFF: u8 = 11;

/// Two masquerade rules: guests may take as much as there is, or `most`, staff is sure of `reserved`.
fn rules(counts: &Arc<Counts>, most: Option<u32>, reserved: u32) -> Arc<Rules<Ipv4Addr>> {
    let mut rules = Rules::new(Arc::clone(counts));
    let network = |second| Cidr { address: Ipv4Addr::new(10, second, 0, 0), prefix: 16 };
    rules.set(ShareId(1), Share { most, reserved: 0 });
    rules.set(ShareId(2), Share { most: None, reserved });
    rules.of_masquerade(vec![network(GUESTS)], ShareId(1));
    rules.of_masquerade(vec![network(STAFF)], ShareId(2));
    Arc::new(rules)
}

struct Machine {
    connections: Connections<Ipv4Addr>,
    room: Arc<Room>,
    rules: Arc<Rules<Ipv4Addr>>,
}

impl Machine {
    fn new(rules: Arc<Rules<Ipv4Addr>>) -> Self {
        let room = Arc::new(Room::new(ROOM.into()));
        let mut connections =
            Connections::new(ROOM, Timeouts::default(), NOW, &mut |_| ()).within(Arc::clone(&room));
        connections.set_share_rules(&rules);
        Machine { connections, room, rules }
    }

    /// As the main core does from time to time.
    fn withhold(&self) {
        self.room.withhold(Counts::withheld(&self.rules, 1));
    }

    /// A connection of a private host's, answered, so that it makes room for nobody.
    fn open(&mut self, network: u8, number: u16) -> Result<Hit, InsertError> {
        self.withhold();
        let host = Ipv4Addr::new(10, network, (number >> 8) as u8, number as u8);
        let asked = FiveTuple {
            source: host,
            destination: Ipv4Addr::new(203, 0, 113, 9),
            source_port: Port::new(4000),
            destination_port: Port::new(53),
            protocol: Protocol::Udp,
        };
        let key = Key::new(asked, Side::Private);
        let port = Port::new(1024 + u16::from(network) * 256 + number);
        let new =
            NewConnection::masqueraded(key, Ipv4Addr::new(198, 51, 100, 10), port, Flags::EMPTY);
        let hit = self.connections.open(&new, NOW)?;
        for direction in [Direction::Reply, Direction::Original] {
            self.connections.pass(Hit { direction, ..hit }, Flags::EMPTY.into(), NOW).unwrap();
        }
        Ok(hit)
    }

    fn fill(&mut self, network: u8) -> usize {
        (0..ROOM as u16 + 10).filter(|number| self.open(network, *number).is_ok()).count()
    }

    fn held(&self) -> [u32; 2] {
        [1, 2].map(|id| self.rules.counts().held(ShareId(id)))
    }
}

#[test]
fn others_leave_what_a_share_is_sure_of() {
    let counts = Arc::new(Counts::default());
    let mut machine = Machine::new(rules(&counts, None, 30));
    assert_eq!(machine.fill(GUESTS), 70);
    assert_eq!(machine.fill(STAFF), 30);
    assert_eq!(machine.held(), [70, 30]);
    // What it has beyond that it has like others.
    assert_eq!(machine.fill(GUESTS), 0);
    // Without a floor others take everything.
    let mut machine = Machine::new(rules(&counts, Some(1000), 0));
    assert_eq!((machine.fill(GUESTS), machine.fill(STAFF)), (100, 0));
}

#[test]
fn who_has_more_than_its_floor_competes_for_the_rest() {
    let mut machine = Machine::new(rules(&Arc::default(), None, 30));
    assert_eq!(machine.fill(STAFF), 100, "nobody else is there");
    assert_eq!(machine.fill(GUESTS), 0);
}

#[test]
fn a_rule_takes_no_more_than_it_may() {
    let mut machine = Machine::new(rules(&Arc::default(), Some(2), 0));
    let guest = Ipv4Addr::new(10, GUESTS, 0, 77);
    let hits = [0, 1].map(|number| machine.open(GUESTS, number).unwrap());
    assert_eq!(machine.connections.admits_host(guest), Err(Refusal::MasqueradeFull));
    assert_eq!(machine.connections.admits_host(Ipv4Addr::new(10, STAFF, 0, 77)), Ok(()));
    machine.connections.close(hits[0].id).unwrap();
    assert_eq!(machine.connections.admits_host(guest), Ok(()));
}

#[test]
fn what_is_open_is_counted_by_new_rules_on_all_workers_together() {
    let counts = Arc::new(Counts::default());
    let nothing = || Arc::new(Rules::new(Arc::clone(&counts)));
    let mut machines = [Machine::new(nothing()), Machine::new(nothing())];
    for (machine, number) in machines.iter_mut().zip([0, 50]) {
        for more in 0..20 {
            machine.open(GUESTS, number + more).unwrap();
            machine.open(STAFF, number + more).unwrap();
        }
    }
    assert_eq!(machines[0].held(), [0, 0]);
    let set = |machines: &mut [Machine; 2], rules: Arc<Rules<Ipv4Addr>>| {
        for machine in machines {
            machine.connections.set_share_rules(&rules);
            machine.rules = Arc::clone(&rules);
            while machine.connections.count_on() > 0 {}
        }
    };
    set(&mut machines, rules(&counts, Some(100), 5));
    assert_eq!(machines[0].held(), [40, 40]);
    set(&mut machines, nothing());
    assert_eq!(machines[0].held(), [0, 0]);
}
