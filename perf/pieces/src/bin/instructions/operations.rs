//! What is counted, each in a known number.

use std::net::Ipv4Addr;

use nat::scheduler::{HashOptions, Kind};
use nat::sync::{Export, Session, ring};
use nat::timeouts::Timeouts;
use nat::{Connections, Instant};
use wire::Protocol;
use wire::flow::Rewrite;

use pieces::capture;
use pieces::connections::{self, OPENED};
use pieces::frames;
use pieces::schedulers::{self, Picker};

/// How often each operation is done.
pub(crate) const TIMES: u32 = 4096;
/// Connections in the table while single ones are looked up.
const CONNECTIONS: u32 = 65_536;
/// Bytes of what is summed up.
const MESSAGE: usize = 1480;
const SEED: u64 = 1;
/// Servers to pick from.
const SERVERS: u32 = 256;

/// Name and meaning, in the order in which [`run`] does them.
pub(crate) const OPERATIONS: [(&str, &str); 33] = [
    ("read_tcp", "a plain TCP frame to its flow: wire::flow::read"),
    ("read_udp", "a plain UDP frame to its flow: wire::flow::read"),
    ("rewrite_tcp", "a plain TCP frame translated in place: wire::flow::rewrite"),
    ("rewrite_udp", "a plain UDP frame translated in place: wire::flow::rewrite"),
    ("checksum", "the checksum of 1,480 bytes: wire::checksum"),
    ("parse", "a SYN with options read in full: wire::parse::frame"),
    ("translate", "a SYN that was parsed, translated and forwarded: wire::translate"),
    ("hash", "the hash of a key"),
    ("hit", "a look-up that finds its connection, in the stages of a burst of 32"),
    ("miss", "a look-up that finds none, in the stages of a burst of 32"),
    ("forward", "the fast path without DPDK, in bursts of 32: read, look up, follow TCP, rewrite"),
    ("capture_off", "the same with the looks at a capture that a burst takes while none runs"),
    ("filter", "a frame that the filter of a trace looks at: tcp port 80, IPv4"),
    ("pass", "a look-up and a packet that passes, one by one"),
    ("open", "a connection into table and wheel"),
    ("open_told", "a connection into table and wheel, told to the other machine"),
    ("close", "a look-up, and the connection out of the table"),
    ("revisit", "a connection that the wheel finds still in use, and arms anew"),
    ("expire", "a connection that the wheel finds over, and closes"),
    ("pick_rr", "a server of 256 for a new connection, which replaces another: rr"),
    ("pick_wrr", "a server of 256 for a new connection, which replaces another: wrr"),
    ("pick_lc", "a server of 256 for a new connection, which replaces another: lc"),
    ("pick_wlc", "a server of 256 for a new connection, which replaces another: wlc"),
    ("pick_sed", "a server of 256 for a new connection, which replaces another: sed"),
    ("pick_nq", "a server of 256 for a new connection, which replaces another: nq"),
    ("pick_sh", "a server of 256 for a new connection, which replaces another: sh, new clients"),
    ("pick_dh", "a server of 256 for a new connection, which replaces another: dh"),
    ("pick_mh", "a server of 256 for a new connection, which replaces another: mh"),
    ("pick_fo", "a server of 256 for a new connection, which replaces another: fo"),
    ("pick_ovf", "a server of 256 for a new connection, which replaces another: ovf"),
    ("pick_twos", "a server of 256 for a new connection, which replaces another: twos"),
    ("pick_mh_bound", "the same: mh with a bound of 125"),
    ("pick_sh_known", "the same: sh, clients that were here before"),
];

/// Does every operation within its own call of `count`.
pub(crate) fn run(mut count: impl FnMut(&mut dyn FnMut())) {
    wire(&mut count);
    look_ups(&mut count);
    life(&mut count);
    picks(&mut count);
}

fn wire(count: &mut impl FnMut(&mut dyn FnMut())) {
    let [tcp, udp] = [Protocol::Tcp, Protocol::Udp].map(|protocol| {
        let flow = frames::flow(protocol, 1, 40_000);
        (flow, vec![frames::plain(flow); TIMES as usize])
    });
    for (_, frames) in [&tcp, &udp] {
        count(&mut || frames::read(frames));
    }
    for (flow, mut frames) in [tcp, udp] {
        let rewrite = Rewrite::between(&flow, &frames::translated(flow));
        count(&mut || frames::rewrite(&mut frames, &rewrite));
    }
    let messages = vec![vec![0xa5; MESSAGE]; TIMES as usize];
    count(&mut || frames::checksum(&messages));
    let flow = frames::flow(Protocol::Tcp, 1, 40_000);
    let mut frames = vec![frames::syn(flow); TIMES as usize];
    count(&mut || frames::parse(&frames));
    let packet = frames.first().and_then(|frame| wire::parse::frame(frame).ok());
    let packet = packet.expect("the frame is right");
    count(&mut || frames::translate(&mut frames, &packet, frames::translated(flow)));
}

#[allow(clippy::disallowed_methods, reason = "a count that repeats takes a hash that repeats")]
fn table_for(capacity: u32) -> Connections<Ipv4Addr> {
    Connections::from_seed(SEED, capacity as usize, Timeouts::default(), OPENED)
}

fn look_ups(count: &mut impl FnMut(&mut dyn FnMut())) {
    let openings = connections::openings(CONNECTIONS);
    let mut connections = table_for(CONNECTIONS);
    connections::open(&mut connections, &openings, OPENED);
    let openings = openings.get(..TIMES as usize).unwrap_or_default();
    connections::establish(&mut connections, openings, OPENED);
    let (known, unknown) = (connections::keys(openings), connections::unknown_keys(openings));
    let all = TIMES as usize;
    count(&mut || connections::hash(connections.table(), &known));
    count(&mut || assert_eq!(connections::look_up(connections.table(), &known), all));
    count(&mut || assert_eq!(connections::look_up(connections.table(), &unknown), 0));
    let mut packets = connections::packets(openings);
    let mut forwarded = 0;
    count(&mut || forwarded = connections::forward(&mut connections, &mut packets, OPENED, &None));
    // The others have their entry in the second bucket or behind another with their tag.
    assert!(forwarded > all * 99 / 100, "{forwarded} of {all} packets took the fast path");
    let program = frames::port_80();
    let mut matched = 0;
    let translated = core::mem::replace(&mut packets, connections::packets(openings));
    let mut beside = 0;
    count(&mut || beside = capture::forward(&mut None, &mut connections, &mut packets, OPENED));
    assert_eq!(beside, forwarded);
    count(&mut || matched = connections::filter(&program, &translated));
    // They have been translated, most of them to another port.
    assert!(matched < all, "{matched} of {all} frames match");
    count(&mut || connections::refresh(&mut connections, openings, OPENED));
}

fn life(count: &mut impl FnMut(&mut dyn FnMut())) {
    let openings = &connections::openings(TIMES);
    let mut told = table_for(TIMES);
    let (producer, _consumer) = ring::ring(TIMES as usize * 4);
    told.set_session(Session::Export(Box::new(Export::new(producer))));
    let mut connections = table_for(TIMES);
    count(&mut || connections::open(&mut connections, openings, OPENED));
    count(&mut || connections::open(&mut told, openings, OPENED));
    count(&mut || connections::close(&mut told, openings));
    assert!(told.table().is_empty());

    connections::establish(&mut connections, openings, OPENED);
    let at = |seconds: u64| Instant::from_millis(OPENED.millis() + seconds * 1000);
    // Their handshake armed them for its own, shorter times.
    connections::turn(&mut connections, at(200));
    connections::refresh(&mut connections, openings, at(800));
    connections::turn(&mut connections, at(898));
    let armed = connections.table().len();
    count(&mut || connections::expire(&mut connections, at(905)));
    assert_eq!(connections.table().len(), armed);
    connections::turn(&mut connections, at(1698));
    count(&mut || connections::expire(&mut connections, at(1705)));
    assert!(connections.table().is_empty());
}

fn picks(count: &mut impl FnMut(&mut dyn FnMut())) {
    let clients = schedulers::clients(TIMES);
    let usual = Kind::ALL.iter().map(|&kind| (kind, HashOptions::default()));
    let bounded = (Kind::Maglev, HashOptions { bound: 125, ..HashOptions::default() });
    for (kind, hash) in usual.chain([bounded]) {
        let mut picker = Picker::new(kind, hash, SERVERS);
        // The first look is at all servers.
        picker.pick(clients.get(..1).unwrap_or_default());
        count(&mut || picker.pick(&clients));
    }
    let mut picker = Picker::new(Kind::SourceHash, HashOptions::default(), SERVERS);
    let (known, rounds) = (schedulers::clients(TIMES / 8), 8);
    picker.pick(&known);
    count(&mut || (0..rounds).for_each(|_| picker.pick(&known)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_its_name() {
        let mut calls = 0;
        run(|operation| {
            operation();
            calls += 1;
        });
        assert_eq!(calls, OPERATIONS.len());
    }
}
