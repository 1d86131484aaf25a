//! The table against a plain map that does the same, and its translation against
//! checksums computed anew.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use proptest::collection::vec;
use proptest::prelude::*;
use wire::checksum::{Sum, pseudo_header};
use wire::flow::EthernetAddresses;
use wire::testing::Frame;
use wire::{FiveTuple, MacAddress, Port, Protocol, flow};

use super::*;
use crate::Side;
use crate::room::Capacity;
use crate::time::Instant;

type Tuple = FiveTuple<Ipv4Addr>;

fn udp_tuple(source: (u32, u16), destination: (u32, u16)) -> Tuple {
    FiveTuple {
        source: Ipv4Addr::from(source.0),
        destination: Ipv4Addr::from(destination.0),
        source_port: Port::new(source.1),
        destination_port: Port::new(destination.1),
        protocol: Protocol::Udp,
    }
}

/// A service connection of the client with this number, bound to one of 16 servers.
fn record(client: u32, server: u32) -> Record<Ipv4Addr> {
    let client = (0xc633_6400 + (client >> 12), 20_000 + (client & 0xfff) as u16);
    let original = udp_tuple(client, (0xc633_640a, 53));
    let reply = udp_tuple((0x0a00_0010 + server % 16, 5353), client);
    Record::new(
        Key::new(original, Side::Public),
        Key::new(reply, Side::Private),
        Instant::from_millis(0),
    )
}

/// A table that grows beyond its own part.
fn table(most: usize) -> Table<Ipv4Addr> {
    Table::new(Capacity { own: most.div_ceil(4), most }, &mut |_| ())
}

/// The look-up as a burst does it.
fn staged(table: &Table<Ipv4Addr>, key: &Key<Ipv4Addr>) -> Option<Hit> {
    let probe = table.probe(key);
    table.prefetch(probe);
    let candidate = table.candidate(probe);
    table.prefetch_record(candidate);
    table.confirm(candidate, key).or_else(|| table.look_up(key))
}

#[test]
fn an_ipv4_record_is_one_cache_line() {
    assert_eq!(size_of::<Record<Ipv4Addr>>(), 64);
    assert_eq!(align_of::<Record<Ipv4Addr>>(), 64);
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Insert { client: u32, server: u32 },
    Remove { client: u32 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // More clients than the table holds, so that it is full at times, and few enough
    // that one comes again while it is there.
    let insert = (0..96u32, 0..16u32).prop_map(|(client, server)| Step::Insert { client, server });
    let remove = (0..96u32).prop_map(|client| Step::Remove { client });
    vec(prop_oneof![3 => insert, 1 => remove], 1..400)
}

const CAPACITY: usize = 64;

/// What the table ought to hold: the hit of every key, and the record behind it.
#[derive(Default)]
struct Model {
    hits: HashMap<Key<Ipv4Addr>, Hit>,
}

impl Model {
    fn expected(&self, record: &Record<Ipv4Addr>) -> Result<(), InsertError> {
        for direction in [Direction::Original, Direction::Reply] {
            if self.hits.contains_key(record.key(direction)) {
                return Err(InsertError::Taken(direction));
            }
        }
        if self.hits.len() == 2 * CAPACITY { Err(InsertError::Full) } else { Ok(()) }
    }

    fn insert(&mut self, id: ConnectionId, record: &Record<Ipv4Addr>) {
        for direction in [Direction::Original, Direction::Reply] {
            self.hits.insert(*record.key(direction), Hit { id, direction });
        }
    }

    fn check(&self, table: &Table<Ipv4Addr>) -> Result<(), TestCaseError> {
        prop_assert_eq!(table.len() * 2, self.hits.len());
        prop_assert_eq!(table.is_empty(), self.hits.is_empty());
        prop_assert_eq!(table.scan(0, usize::MAX).count(), table.len());
        for (key, hit) in &self.hits {
            prop_assert_eq!(table.look_up(key), Some(*hit));
            prop_assert_eq!(staged(table, key), Some(*hit));
            let record = table.get(hit.id).expect("a hit's record is live");
            prop_assert_eq!(record.key(hit.direction), key);
        }
        for (id, record) in table.scan(0, usize::MAX) {
            prop_assert_eq!(
                self.hits.get(record.key(Direction::Original)).map(|hit| hit.id),
                Some(id)
            );
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn does_what_a_map_does(steps in steps()) {
        let mut table = table(CAPACITY);
        let mut model = Model::default();
        for step in steps {
            match step {
                Step::Insert { client, server } => {
                    let record = record(client, server);
                    let inserted = table.insert(record);
                    prop_assert_eq!(inserted.map(|_| ()), model.expected(&record));
                    if let Ok(id) = inserted {
                        model.insert(id, &record);
                    }
                }
                Step::Remove { client } => {
                    let key = *record(client, 0).key(Direction::Original);
                    let hit = table.look_up(&key);
                    prop_assert_eq!(hit, model.hits.get(&key).copied());
                    let Some(hit) = hit else { continue };
                    let removed = table.remove(hit.id).expect("it was there");
                    for direction in [Direction::Original, Direction::Reply] {
                        model.hits.remove(removed.key(direction));
                    }
                    prop_assert!(table.remove(hit.id).is_none(), "removed twice");
                }
            }
        }
        model.check(&table)?;
    }

    /// No two connections share what their packets leave with: otherwise replies to one
    /// would reach the other.
    #[test]
    fn translated_tuples_are_unique(clients in vec((0..40u32, 0..16u32), 1..200)) {
        let mut table = table(CAPACITY);
        for (client, server) in clients {
            let _ = table.insert(record(client, server));
        }
        let mut leaving = HashMap::new();
        for (id, record) in table.scan(0, usize::MAX) {
            for direction in [Direction::Original, Direction::Reply] {
                let out = (record.exit(direction), record.translated(direction));
                prop_assert_eq!(leaving.insert(out, id), None);
            }
        }
    }

    /// Through the table and back: the frame comes out as it went in but for TTL, MAC
    /// addresses and checksums, and both checksums are right at every station.
    #[test]
    fn translation_and_back_is_identity(
        client: u32, server: u32, port: u16, vip: u32, ports: (u16, u16),
        payload in vec(any::<u8>(), 0..64),
    ) {
        let sent = udp_tuple((client & 0x00ff_ffff | 0x1400_0000, ports.0), (vip, 53));
        let to_server = udp_tuple((client & 0x00ff_ffff | 0x1400_0000, ports.1), (server, port));
        let record = Record::new(
                Key::new(sent, Side::Public),
            Key::new(to_server.reversed(), Side::Private),
            Instant::from_millis(0),
        );
        let mut frame = Frame::of_flow(sent).macs(MAC, MAC).payload(&payload).build();
        let frame = frame.as_mut_slice();
        let original = frame.to_vec();

        pass(frame, &record.rewrite(Direction::Original));
        prop_assert_eq!(tuple_of(frame), record.translated(Direction::Original));
        prop_assert_eq!(tuple_of(frame), to_server);
        prop_assert!(checksums_verify(frame));

        // The way back of the very bytes: the reply's deltas, with the ends not swapped.
        let deltas = record.rewrite(Direction::Reply).deltas;
        let back = flow::Rewrite { deltas, ..flow::Rewrite::between(&to_server, &sent) };
        pass(frame, &back);
        prop_assert!(checksums_verify(frame));
        prop_assert_eq!(&frame[26..], &original[26..]);
    }
}

const MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);

fn pass(frame: &mut [u8], rewrite: &flow::Rewrite<Ipv4Addr>) {
    assert!(flow::rewrite(frame, rewrite, EthernetAddresses::new(MAC, MAC)));
}

fn tuple_of(frame: &[u8]) -> Tuple {
    let address = |at: usize| Ipv4Addr::from(<[u8; 4]>::try_from(&frame[at..at + 4]).unwrap());
    let port = |at: usize| Port::from_bytes([frame[at], frame[at + 1]]);
    FiveTuple {
        source: address(26),
        destination: address(30),
        source_port: port(34),
        destination_port: port(36),
        protocol: Protocol::Udp,
    }
}

/// Both checksums, summed over all bytes that they cover.
fn checksums_verify(frame: &[u8]) -> bool {
    let tuple = tuple_of(frame);
    let datagram = &frame[34..];
    let pseudo = pseudo_header(tuple.source, tuple.destination, 17, datagram.len() as u16);
    Sum::of_bytes(&frame[14..34]).verifies() && (pseudo + Sum::of_bytes(datagram)).verifies()
}

#[test]
fn every_record_of_a_full_table_is_found_and_replaced() {
    let capacity = 20_000;
    let mut table = table(capacity as usize);
    let mut ids = HashMap::new();
    for client in 0..capacity {
        ids.insert(client, table.insert(record(client, client)).expect("room for all"));
    }
    assert_eq!(table.len(), table.capacity());
    assert_eq!(table.insert(record(capacity, 0)), Err(InsertError::Full));
    for (&client, &id) in &ids {
        for direction in [Direction::Original, Direction::Reply] {
            let key = *record(client, client).key(direction);
            assert_eq!(staged(&table, &key), Some(Hit { id, direction }));
        }
    }
    // Everyone goes and another comes, twice over: nothing of the old ones stays behind.
    for client in 0..2 * capacity {
        let old = record(client, client);
        let hit = table.look_up(old.key(Direction::Original)).expect("it is there");
        table.remove(hit.id);
        let new = record(client + capacity, client + capacity);
        assert_eq!(table.insert(new).err(), None, "room was made for {client}");
        assert_eq!(table.look_up(old.key(Direction::Reply)), None);
    }
    assert_eq!(table.len(), table.capacity());
}

#[test]
fn a_taken_key_is_refused_and_changes_nothing() {
    let mut table = table(8);
    let id = table.insert(record(1, 1)).unwrap();
    assert_eq!(table.insert(record(1, 2)), Err(InsertError::Taken(Direction::Original)));
    // Another client address whose replies would carry the key of the first.
    let mut thief = record(2, 1);
    thief.keys[1] = record(1, 1).keys[1];
    assert_eq!(table.insert(thief), Err(InsertError::Taken(Direction::Reply)));
    assert_eq!(table.len(), 1);
    assert_eq!(table.look_up(thief.key(Direction::Original)), None);
    let hit = table.look_up(record(1, 1).key(Direction::Reply));
    assert_eq!(hit, Some(Hit { id, direction: Direction::Reply }));
}

#[test]
fn one_key_for_both_directions_is_refused() {
    let mut table = table(8);
    let mut both = record(1, 1);
    both.keys[1] = both.keys[0];
    assert_eq!(table.insert(both), Err(InsertError::Taken(Direction::Reply)));
    assert!(table.is_empty());
}

#[test]
fn the_other_side_meets_no_connection() {
    let mut table = table(8);
    table.insert(record(1, 1)).unwrap();
    let forged = Key::new(record(1, 1).key(Direction::Original).tuple(), Side::Private);
    assert_eq!(table.look_up(&forged), None);
}

#[test]
fn a_table_of_one_works() {
    let mut table = table(1);
    for client in 0..100 {
        let id = table.insert(record(client, 1)).unwrap();
        assert_eq!(table.insert(record(client + 1, 1)), Err(InsertError::Full));
        assert!(table.remove(id).is_some());
    }
    assert!(table.is_empty());
}

#[test]
fn listings_go_page_by_page() {
    let mut table = table(100);
    for client in 0..50 {
        table.insert(record(client, 1)).unwrap();
    }
    let pages: Vec<_> = (0..10).flat_map(|page| table.scan(page * 10, 10)).collect();
    assert_eq!(pages.len(), 50);
    assert_eq!(table.scan(1000, 10).count(), 0);
    assert_eq!(table.scan(usize::MAX, usize::MAX).count(), 0);
}
