//! What connection sync adds to a new connection in the table, counted in instructions:
//!
//! ```text
//! cargo build --release -p nat --example sync_cost
//! for mode in off on; do valgrind --tool=callgrind --callgrind-out-file=/dev/null \
//!     --toggle-collect='sync_cost::open_all' target/release/examples/sync_cost $mode; done
//! ```

use core::hint::black_box;
use std::net::Ipv4Addr;

use nat::connection::{Kind, Opening};
use nat::service::{ServerId, ServiceId};
use nat::sync::{Export, Session, ring};
use nat::table::Key;
use nat::timeouts::Timeouts;
use nat::{Connections, Instant, Side};
use wire::tcp::Flags;
use wire::{FiveTuple, Port, Protocol};

const CONNECTIONS: u32 = 10_000;

fn main() {
    let now = Instant::from_millis(1);
    let mut connections =
        Connections::new(CONNECTIONS as usize, Timeouts::default(), now, &mut |_| ());
    let (producer, consumer) = ring::ring(1 << 16);
    if std::env::args().nth(1).as_deref() == Some("on") {
        connections.set_session(Session::Export(Box::new(Export::new(producer))));
    }
    let openings: Vec<_> = (0..CONNECTIONS).map(opening).collect();
    open_all(&mut connections, &openings, now);
    println!("{} connections, overflow: {}", connections.table().len(), consumer.has_overflowed());
}

#[inline(never)]
fn open_all(connections: &mut Connections<Ipv4Addr>, openings: &[Opening<Ipv4Addr>], now: Instant) {
    for opening in openings {
        let _ = black_box(connections.open(opening, now));
    }
}

fn opening(number: u32) -> Opening<Ipv4Addr> {
    let client = (Ipv4Addr::from_bits(0xc900_0000 + number), 40_000);
    let tuple = |source: (Ipv4Addr, u16), destination: (Ipv4Addr, u16)| FiveTuple {
        source: source.0,
        destination: destination.0,
        source_port: Port::new(source.1),
        destination_port: Port::new(destination.1),
        protocol: Protocol::Tcp,
    };
    let original = tuple(client, (Ipv4Addr::new(198, 18, 0, 1), 80));
    let reply = tuple((Ipv4Addr::new(10, 0, 0, 11), 80), client);
    Opening {
        kind: Kind::Service,
        original: Key::new(original, Side::Public),
        reply: Key::new(reply, Side::Private),
        service: ServiceId::NONE,
        server: ServerId::NONE,
        flags: Flags::SYN,
    }
}
