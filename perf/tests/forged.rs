//! `tandem-perf forged`, small.

#![allow(clippy::unwrap_used)]

mod record;

use perf::rig::Pages;
use perf::rig::forged::{self, Forged, ForgedSettings};

/// A table that is full a few times in a second, as slow as the machine is: real clients keep
/// their connections once they are open, and open them before the hand has gone round.
#[test]
fn real_clients_are_served_in_a_table_that_forged_packets_fill() {
    let settings = ForgedSettings {
        forged: Forged::Udp,
        room: 50_000,
        rate: 100_000,
        clients: 100,
        round_trip: 5,
        seconds: 2,
        pages: Pages::Ordinary,
    };
    let result = forged::run(&settings, &|_| ()).unwrap();
    assert!(result.evicted.least > 0.0, "the table is full: {:?}", result.evicted);
    assert!(result.clients.least > 0.0, "{:?}", result.clients);
    assert!(result.served_percent.median > 90.0, "{:?}", result.served_percent);
    record::check("forged", &settings, &result.figures, &result);
}
