//! Lives of connections against a plain model of when each must end.

use super::*;

const CAPACITY: usize = 16;

#[derive(Clone, Copy, Debug)]
enum Event {
    Open {
        number: u16,
        kind: Kind,
        protocol: Protocol,
    },
    Packet {
        number: u16,
        direction: Direction,
        flags: Flags,
        forged: bool,
    },
    Close {
        number: u16,
    },
    /// The machine hands over, or takes over again.
    Standby(bool),
}

fn events() -> impl Strategy<Value = Vec<(u64, Event)>> {
    let kind = prop_oneof![Just(Kind::Service), Just(Kind::Masquerade)];
    let protocol = prop_oneof![Just(Protocol::Tcp), Just(Protocol::Udp), Just(Protocol::Icmp)];
    let direction = prop_oneof![Just(O), Just(R)];
    let flags = prop_oneof![Just(SYN), Just(SYN_ACK), Just(ACK), Just(FIN_ACK), Just(RST)];
    // A few that go through many states, and more than the table has room for.
    let number = prop_oneof![3 => 0..2u16, 2 => 0..24u16];
    let event = prop_oneof![
        3 => (number.clone(), kind, protocol)
            .prop_map(|(number, kind, protocol)| Event::Open { number, kind, protocol }),
        8 => (number.clone(), direction, flags, proptest::bool::weighted(0.2)).prop_map(
            |(number, direction, flags, forged)| Event::Packet { number, direction, flags, forged },
        ),
        2 => number.prop_map(|number| Event::Close { number }),
        1 => any::<bool>().prop_map(Event::Standby),
    ];
    // From bursts within a tick to silences beyond the horizon of the wheel.
    let gap = prop_oneof![6 => 0..2_000u64, 3 => 0..200_000u64, 1 => 0..9_000_000u64];
    vec((gap, event), 1..300)
}

/// What the model knows of a connection.
#[derive(Clone, Copy, Debug)]
struct Life {
    id: ConnectionId,
    kind: Kind,
    protocol: Protocol,
    server: ServerId,
    state: State,
    /// Where the end that sends packets of each direction is, as far as that is known: what it has
    /// acknowledged, or is about to as the answer to a SYN.
    expects: [Option<u32>; 2],
    last_seen: u64,
}

impl Life {
    fn deadline(&self) -> u64 {
        let class = if self.kind == Kind::Masquerade { Class::Masquerade } else { Class::Service };
        self.last_seen + Timeouts::default().of(class, self.protocol, self.state).millis()
    }

    /// A packet comes by. It acknowledges zero if anything.
    fn pass(&mut self, direction: Direction, flags: Flags, sequence: u32, now: u64) {
        let is_checked = self.state.is_checked(direction, flags);
        let receiver = &mut self.expects[direction.flipped().index()];
        let is_believed = !is_checked || *receiver == Some(sequence);
        let asks = self.state == State::SynReceived && direction == O && flags == SYN;
        match is_believed {
            true if asks => *receiver = Some(sequence),
            true => {}
            false => *receiver = None,
        }
        if flags.contains(ACK) {
            self.expects[direction.index()] = Some(0);
        }
        if !is_believed {
            return;
        }
        let next = self.state.next(direction, flags);
        if next.reopened {
            // What a SYN opens here is another connection, which is decided anew.
            return;
        }
        let next = next.state;
        if (self.state, next) != (State::Close, State::Close) {
            self.last_seen = now;
        }
        self.state = next;
    }

    fn is_active(&self) -> bool {
        self.protocol != Protocol::Tcp || self.state == State::Established
    }
}

fn check_loads(
    connections: &Connections<Ipv4Addr>,
    lives: &HashMap<u16, Life>,
) -> Result<(), TestCaseError> {
    for number in 0..4 {
        let server = ServerId::numbered(number);
        let count = |active| {
            lives
                .values()
                .filter(|life| life.server == server && life.is_active() == active)
                .count() as u32
        };
        let expected = Load { active: count(true), inactive: count(false) };
        prop_assert_eq!(connections.loads().of(server), expected);
    }
    Ok(())
}

/// Every entry of the wheel belongs to a record that knows of it, and no record has more
/// than two, whatever its connections have been through.
fn check_wheel(connections: &mut Connections<Ipv4Addr>) -> Result<(), TestCaseError> {
    let mut entries = connections.accounting.wheel.entries();
    if let Some(due) = &connections.staged {
        entries.extend(due.ids().map(|id| (due.slot, id)));
    }
    let mut known = Vec::new();
    for id in (0..connections.table.places() as u32).map(ConnectionId) {
        let record = connections.table.slot_mut(id).expect("the table has it");
        known.extend(record.visits.slots().map(|slot| (slot, id)));
        prop_assert!(!record.is_live() || !record.visits.is_empty(), "{id:?} is never visited");
    }
    entries.sort_unstable();
    known.sort_unstable();
    prop_assert_eq!(entries, known);
    Ok(())
}

proptest! {
    /// Nothing ends early, nothing stays, a connection is refused only when the table is full,
    /// and the loads of the servers are those of the connections that are there.
    #[test]
    fn lives_end_when_the_model_says(events in events()) {
        let mut connections = connections(CAPACITY);
        let mut lives: HashMap<u16, Life> = HashMap::new();
        let mut now = 0;
        for (gap, event) in events {
            now += gap;
            for record in drain(&mut connections, at(now)) {
                let number = record.key(O).tuple().source_port.number() - 10_000;
                let life = lives.remove(&number).expect("it was alive");
                prop_assert!(life.deadline() <= now, "early by {} ms", life.deadline() - now);
            }
            for life in lives.values().filter(|_| !connections.is_standby()) {
                prop_assert!(now <= life.deadline() + SLACK, "{life:?} stays at {now}");
            }
            match event {
                Event::Open { number, kind, protocol } => {
                    if lives.contains_key(&number) {
                        continue;
                    }
                    let opening = opening(kind, protocol, number);
                    match connections.open(&opening, at(now)) {
                        Ok(hit) => {
                            let first = State::None.next(O, opening.flags).state;
                            let is_tcp = protocol == Protocol::Tcp;
                            let state = if is_tcp { first } else { State::Unreplied };
                            let life = Life {
                                id: hit.id, kind, protocol, server: opening.server, state,
                                expects: [None; 2], last_seen: now,
                            };
                            lives.insert(number, life);
                        }
                        Err(error) => {
                            prop_assert_eq!(error, InsertError::Full);
                            prop_assert_eq!(lives.len(), CAPACITY);
                        }
                    }
                }
                Event::Packet { number, direction, flags, forged } => {
                    let Some(life) = lives.get_mut(&number) else { continue };
                    let flags = if life.protocol == Protocol::Tcp { flags } else { Flags::EMPTY };
                    let sequence = if forged { 1 << 31 } else { 0 };
                    let segment = Segment { sequence, ..flags.into() };
                    let forwarding = connections.pass(hit(life.id, direction), segment, at(now));
                    prop_assert!(forwarding.is_some());
                    life.pass(direction, flags, sequence, now);
                    let record = connections.table().get(life.id).expect("it is alive");
                    prop_assert_eq!(record.state(), life.state);
                }
                Event::Close { number } => {
                    if let Some(life) = lives.remove(&number) {
                        prop_assert!(connections.close(life.id).is_some());
                    }
                }
                Event::Standby(standby) => {
                    if connections.is_standby() && !standby {
                        lives.values_mut().for_each(|life| life.last_seen = now);
                    }
                    connections.set_standby(standby, at(now));
                }
            }
            prop_assert_eq!(connections.table().len(), lives.len());
            check_loads(&connections, &lives)?;
            check_wheel(&mut connections)?;
        }
        // Long after, nothing is left.
        connections.set_standby(false, at(now));
        drain(&mut connections, at(now + 4_000_000));
        drain(&mut connections, at(now + 20_000_000));
        prop_assert!(connections.table().is_empty());
        check_loads(&connections, &HashMap::new())?;
    }
}
