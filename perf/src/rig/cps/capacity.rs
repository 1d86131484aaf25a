//! How many connections a table holds (RFC 9693 section 4.8): more are offered than it has
//! room for, and then each is asked for.

use dataplane::drop_reason::DropReason;
use nat::Side;
use serde::Serialize;

use crate::Error;
use crate::packets::FRAME;
use crate::rig::frames::Template;
use crate::rig::test_bed::{Lifetime, TestBed};
use crate::rig::worker_harness::WorkerHarness;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Capacity {
    /// Connections that the configuration has room for.
    pub room: u32,
    /// Connections offered, more than that.
    pub offered: u32,
    /// Connections that were opened and stayed.
    pub held: u64,
    /// Connections that were refused, counted as drops under their reason.
    pub refused: u64,
    /// Connections through which a packet passed when the table was full.
    pub passing: u64,
}

/// Fills a table with room for so many.
pub(super) fn measure(test_bed: &TestBed, room: u32) -> Result<Capacity, Error> {
    let mut harness = WorkerHarness::new(test_bed, room, Lifetime::LONG)?;
    let request = Template::udp(Side::Public, FRAME);
    let offered = room + room / 10 + 1;
    let flows = harness.begin(&request)?;
    harness.run(flows.packets(&request, 1..room));
    // Whose ends have not answered each other would make room for others.
    harness.run(flows.packets(&Template::udp(Side::Private, FRAME), 0..room));
    harness.run(flows.packets(&request, 0..room));
    harness.run(flows.packets(&request, room..offered));
    let held = harness.counters.opened.get() - harness.counters.closed.get();
    let refused = harness.counters.drops.get(DropReason::TableFull);
    // None of those refused is let in now: whatever passes has its connection.
    let passing = harness.run(flows.packets(&request, 0..offered)).sent;
    let opened = harness.counters.opened.get() - harness.counters.closed.get();
    if opened != held {
        return Err(Error::dataplane("a full table took another connection"));
    }
    Ok(Capacity { room, offered, held, refused, passing })
}
