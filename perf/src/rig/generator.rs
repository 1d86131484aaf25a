//! The generator sends to a worker on another core, and takes what comes from it.

use core::time::Duration;
use std::collections::VecDeque;
use std::time::Instant;

use dataplane::worker::BURST;
use dpdk::burst::Burst;
use dpdk::clock::tsc;
use dpdk::mbuf::Mbuf;
use dpdk::mempool::Mempool;
use nat::Side;

use super::frames::{self, Template, stamp_of};
use super::ring_pair::End;
use super::worker_harness::{BUFFERS, Flows, Packet, ROUND, WorkerHarness, buffer};
use crate::Error;

/// The longest that a round of packets may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The near ends of a worker's rings, and buffers that take turns.
pub(crate) struct Generator {
    near: [End; 2],
    mempool: Mempool,
    spare: VecDeque<Mbuf>,
}

impl Generator {
    pub(crate) fn new(near: [End; 2], mempool: &Mempool) -> Self {
        let spare = core::iter::from_fn(|| mempool.alloc()).take(BUFFERS).collect();
        Generator { near, mempool: mempool.clone(), spare }
    }

    /// Sends these packets of UDP with time stamps, in bursts; returns how many the rings
    /// took.
    #[inline]
    pub(crate) fn send<'a>(&mut self, packets: impl IntoIterator<Item = Packet<'a>>) -> u64 {
        let mut packets = packets.into_iter().peekable();
        let mut sent = 0;
        while let Some(side) = packets.peek().map(|packet| packet.template.side()) {
            let same = core::iter::from_fn(|| packets.next_if(|p| p.template.side() == side));
            let mut burst = Burst::<BURST>::new();
            for packet in same.take(BURST) {
                let length = packet.template.length();
                let Some(mut mbuf) = buffer(&mut self.spare, &self.mempool, length) else { break };
                packet.template.write(packet.flow, mbuf.data_mut());
                // It is sent as soon as it is full, so there is always room.
                drop(burst.push(mbuf));
            }
            if burst.is_empty() {
                break;
            }
            let time = tsc();
            burst.as_mut_slice().iter_mut().for_each(|mbuf| frames::stamp(mbuf.data_mut(), time));
            sent += self.near[side.index()].tx.transmit(&mut burst) as u64;
            self.spare.extend(burst.drain());
        }
        sent
    }

    /// Takes what has come so far; `each` is told how many cycles each packet was under
    /// way, and sees it. Returns how many there were.
    #[inline]
    pub(crate) fn receive(&mut self, mut each: impl FnMut(u64, &[u8])) -> u64 {
        let mut count = 0;
        let mut burst = Burst::<BURST>::new();
        for side in Side::ALL {
            if self.near[side.index()].rx.receive(&mut burst) == 0 {
                continue;
            }
            let now = tsc();
            count += burst.len() as u64;
            // The other core has written to them: their ways here overlap.
            burst.as_slice().iter().for_each(Mbuf::prefetch_data);
            for mbuf in burst.drain() {
                if let Some(sent) = stamp_of(mbuf.data()) {
                    each(now.wrapping_sub(sent), mbuf.data());
                }
                self.spare.push_back(mbuf);
            }
        }
        count
    }

    /// Opens the connections of these clients by a packet of each, a round at a time; those
    /// are the first of the service. Returns which server each client has.
    pub(crate) fn open(&mut self, request: &Template, clients: &[u32]) -> Result<Flows, Error> {
        let mut flows = None;
        let Some((first, others)) = clients.split_first() else { return Ok(Flows::default()) };
        for round in core::iter::once([*first].as_slice()).chain(others.chunks(ROUND)) {
            self.send(Flows::default().packets(request, round.iter().copied()));
            self.take_each(round.len() as u64, |_, frame| {
                flows = flows.or_else(|| Flows::begun_by(frame));
            })?;
        }
        flows.ok_or_else(|| Error::dataplane("the first connection did not open"))
    }

    /// Takes so many packets, and waits for them.
    pub(crate) fn take(&mut self, count: u64) -> Result<(), Error> {
        self.take_each(count, |_, _| ())
    }

    fn take_each(&mut self, count: u64, mut each: impl FnMut(u64, &[u8])) -> Result<(), Error> {
        let (start, mut taken) = (Instant::now(), 0);
        while taken < count {
            taken += self.receive(&mut each);
            if start.elapsed() > PATIENCE {
                return Err(Error::Dataplane(format!("{taken} of {count} packets came back")));
            }
        }
        Ok(())
    }

    /// Gives so many buffers to another worker's harness.
    pub(crate) fn give_buffers(&mut self, to: &mut WorkerHarness, count: usize) {
        let first = self.spare.len().saturating_sub(count);
        to.take_buffers(self.spare.drain(first..));
    }
}
