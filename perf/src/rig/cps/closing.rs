//! How connections end: by time, by both ends' FIN, by a reset.
//!
//! Time passes as it does in service: connections live for some seconds, and nobody polls
//! until all of them are due. Then the worker finds them all at once.

use dataplane::counters::WorkerCounters;
use nat::Side;
use serde::Serialize;
use wire::tcp::Flags;

use super::{PARTS, cycles, in_parts};
use crate::Error;
use crate::packets::FRAME;
use crate::record::Figure;
use crate::rig::frames::Template;
use crate::rig::test_bed::{Lifetime, TestBed};
use crate::rig::worker_harness::{Flows, Packet, WorkerHarness};
use crate::statistics::Summary;

/// Polls that say what one costs that has nothing to do.
const EMPTY_POLLS: u32 = 100_000;

/// The result, in cycles a connection.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Closing {
    /// A poll that finds nothing to do.
    pub empty_poll: f64,
    /// UDP: its time is over.
    pub udp: Ending,
    /// TCP: FIN, FIN and ACK, and then its time is over.
    pub fin: Ending,
    /// TCP: a reset, and then its time is over.
    pub reset: Ending,
}

/// One way to end.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Ending {
    /// Connections that ended so.
    pub connections: u32,
    /// Cycles of the packets that end it, all together; none for UDP.
    pub packets: Option<Summary>,
    /// Cycles of the polls that find it over and close it, fourteen at most in each, less
    /// those of polls with nothing to do.
    pub expiry: Summary,
    /// The same with all cycles of the polls.
    pub polls: Summary,
}

/// Measures with so many connections; all samples go to `figures`.
pub(super) fn measure(
    test_bed: &TestBed,
    connections: u32,
    figures: &mut Vec<Figure>,
    progress: &dyn Fn(&str),
) -> Result<Closing, Error> {
    let lifetime = Lifetime::to_open(connections);
    let harness = || WorkerHarness::new(test_bed, connections, lifetime);
    let mut idle = harness()?;
    idle.poll();
    let empty = idle.poll_times(EMPTY_POLLS) as f64 / f64::from(EMPTY_POLLS);
    drop(idle);
    let waiting = format!("waiting {} s until all are due", lifetime.until_due().as_secs());
    let mut ending = |name: &str, mut harness: WorkerHarness, packets: Option<Vec<f64>>| {
        progress(&waiting);
        std::thread::sleep(lifetime.until_due());
        let [polls, expiry] = expire(&mut harness, connections, empty)?;
        let mut put = |kind, samples| cycles(format!("{name}: {kind}"), samples).put(figures);
        Ok::<_, Error>(Ending {
            connections,
            packets: packets.map(|samples| put("packets", samples)).transpose()?,
            expiry: put("expiry", expiry)?,
            polls: put("expiry and polls", polls)?,
        })
    };

    progress("tearing UDP down");
    let mut udp = harness()?;
    udp.open(&Template::udp(Side::Public, FRAME), connections)?;
    let udp = ending("UDP, time over", udp, None)?;

    progress("tearing TCP down by FIN");
    let mut fin = harness()?;
    let flows = establish(&mut fin, connections)?;
    let end = Flags::FIN | Flags::ACK;
    let ends = [(Side::Public, end), (Side::Private, end), (Side::Public, Flags::ACK)];
    let packets = end_by(&mut fin, flows, connections, &ends)?;
    let fin = ending("TCP, FIN both ways", fin, Some(packets))?;

    progress("tearing TCP down by reset");
    let mut reset = harness()?;
    let flows = establish(&mut reset, connections)?;
    let packets = end_by(&mut reset, flows, connections, &[(Side::Public, Flags::RST)])?;
    let reset = ending("TCP, reset", reset, Some(packets))?;
    Ok(Closing { empty_poll: empty, udp, fin, reset })
}

/// Opens TCP connections with the whole handshake.
pub(crate) fn establish(harness: &mut WorkerHarness, connections: u32) -> Result<Flows, Error> {
    let syn = Template::tcp(Side::Public, Flags::SYN);
    let flows = harness.open(&syn, connections)?;
    let answer = Template::tcp(Side::Private, Flags::SYN | Flags::ACK);
    harness.run(flows.packets(&answer, 0..connections));
    let ack = Template::tcp(Side::Public, Flags::ACK);
    harness.run(flows.packets(&ack, 0..connections));
    Ok(flows)
}

/// Cycles of the packets that end a connection, part by part. All packets of a part are
/// of one kind at a time: those of one connection come in order.
fn end_by(
    harness: &mut WorkerHarness,
    flows: Flows,
    connections: u32,
    ends: &[(Side, Flags)],
) -> Result<Vec<f64>, Error> {
    let templates: Vec<_> = ends.iter().map(|&(side, flags)| Template::tcp(side, flags)).collect();
    Ok(in_parts(0, connections, |first, last| {
        let turns = templates.iter().map(|template| {
            let flow = |client| Packet { template, flow: flows.of(client) };
            harness.run((first..last).map(flow)).cycles
        });
        turns.sum::<u64>() as f64 / f64::from(last - first)
    }))
}

/// Cycles to find a connection over and close it, part by part: of all polls, and less
/// what empty ones would have cost.
fn expire(
    harness: &mut WorkerHarness,
    connections: u32,
    empty: f64,
) -> Result<[Vec<f64>; 2], Error> {
    let left = |counters: &WorkerCounters| counters.connections.get();
    if left(&harness.counters) != u64::from(connections) {
        return Err(Error::dataplane("connections ended before their time"));
    }
    let part = u64::from((connections / PARTS).max(1));
    let (mut polls, mut expiry) = (Vec::new(), Vec::new());
    while left(&harness.counters) > 0 {
        let before = left(&harness.counters);
        let spent = harness.poll_until(|counters| left(counters) <= before.saturating_sub(part))?;
        let closed = (before - left(&harness.counters)) as f64;
        polls.push(spent.cycles as f64 / closed);
        expiry.push((spent.cycles as f64 - f64::from(spent.polls) * empty) / closed);
    }
    Ok([polls, expiry])
}
