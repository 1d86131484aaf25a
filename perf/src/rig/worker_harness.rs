//! The harness polls a worker by hand, on the thread that makes its packets.
//!
//! ```text
//!  frames written --> ring  --> poll, poll, ... --> ring  --> buffers used again
//!                               '-- the clock --'
//! ```
//!
//! The clock runs while the worker polls and at no other time. A round is as many packets
//! as the rings hold, so that what the worker reads was written some hundred packets
//! before, as by a NIC; buffers take turns, as they do in a NIC's queue.

use std::collections::VecDeque;
use std::sync::Arc;

use dataplane::counters::WorkerBlock;
use dataplane::mailbox::Mailbox;
use dataplane::snapshot::Snapshot;
use dataplane::worker::{BURST, Worker};
use dpdk::burst::Burst;
use dpdk::clock::tsc;
use dpdk::mbuf::Mbuf;
use dpdk::mempool::Mempool;
use dpdk::ring::Consumer;
use nat::Side;

use super::frames::{Flow, Template, server_of};
use super::ring_pair::{End, PLACES};
use super::test_bed::{Lifetime, SERVERS, TestBed, WorkerFixture};
use crate::Error;

/// Packets that are offered before the worker polls: whole bursts.
pub(crate) const ROUND: usize = PLACES / BURST * BURST;
/// Buffers that take turns.
pub(crate) const BUFFERS: usize = 4096;
/// Polls that any work may take.
const PATIENCE: u32 = 100_000_000;

/// A packet to be offered.
#[derive(Clone, Copy)]
pub(crate) struct Packet<'a> {
    pub(crate) template: &'a Template,
    pub(crate) flow: Flow,
}

/// A worker, and the buffers and rings that packets for it go through.
pub(crate) struct WorkerHarness {
    worker: Worker,
    near: [End; 2],
    waiting: [Burst<BURST>; 2],
    mempool: Mempool,
    spare: VecDeque<Mbuf>,
    pub(crate) counters: Arc<WorkerBlock>,
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) mailbox: Arc<Mailbox>,
    for_main: Vec<Consumer>,
}

/// The clients of a service, whose connections were opened one after the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Flows {
    first_server: u32,
}

impl Flows {
    /// As the first of all translated packets tells.
    pub(crate) fn begun_by(frame: &[u8]) -> Option<Self> {
        server_of(frame).map(|first_server| Flows { first_server })
    }

    /// The flow of a client: the servers take turns.
    #[inline]
    pub(crate) fn of(self, client: u32) -> Flow {
        Flow { client, server: (self.first_server + client) % SERVERS }
    }

    /// A packet of each of these clients.
    pub(crate) fn packets<'a>(
        self,
        template: &'a Template,
        clients: impl IntoIterator<Item = u32> + 'a,
    ) -> impl Iterator<Item = Packet<'a>> {
        clients.into_iter().map(move |client| Packet { template, flow: self.of(client) })
    }
}

/// What came of packets that were offered.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Turn {
    pub(crate) packets: u64,
    /// Packets that came out again.
    pub(crate) sent: u64,
    /// Cycles of the polls.
    pub(crate) cycles: u64,
}

/// What it took until something was done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Polls {
    pub(crate) polls: u32,
    pub(crate) cycles: u64,
}

impl Turn {
    /// Cycles of a packet.
    pub(crate) fn cycles_each(&self) -> f64 {
        self.cycles as f64 / self.packets.max(1) as f64
    }

    fn add(&mut self, other: Turn) {
        self.packets += other.packets;
        self.sent += other.sent;
        self.cycles += other.cycles;
    }
}

impl WorkerHarness {
    /// The only worker of a process, with room for so many connections.
    pub(crate) fn new(test_bed: &TestBed, room: u32, lifetime: Lifetime) -> Result<Self, Error> {
        Ok(WorkerHarness::of(test_bed.fixture(room, lifetime)?))
    }

    /// A worker, started here.
    pub(crate) fn of(fixture: WorkerFixture) -> Self {
        let WorkerFixture { parts, near, to_main_core, .. } = fixture;
        let mempool = parts.mempool.clone();
        let (counters, mailbox) = (Arc::clone(&parts.counters), Arc::clone(&parts.mailbox));
        let snapshot = Arc::clone(&parts.snapshot);
        let spare = core::iter::from_fn(|| mempool.alloc()).take(BUFFERS).collect();
        WorkerHarness {
            worker: Worker::new(parts),
            near,
            waiting: [Burst::new(), Burst::new()],
            mempool,
            spare,
            counters,
            snapshot,
            mailbox,
            for_main: to_main_core,
        }
    }

    /// Has the worker take packets, a round at a time.
    pub(crate) fn run<'a>(&mut self, packets: impl IntoIterator<Item = Packet<'a>>) -> Turn {
        self.run_each(packets, |_| ())
    }

    /// The same; `each` is told the cycles of every poll.
    pub(crate) fn run_each<'a>(
        &mut self,
        packets: impl IntoIterator<Item = Packet<'a>>,
        mut each: impl FnMut(u64),
    ) -> Turn {
        let mut packets = packets.into_iter();
        let mut all = Turn::default();
        loop {
            let offered = packets.by_ref().take(ROUND).filter(|packet| self.offer(packet)).count();
            if offered == 0 {
                return all;
            }
            let cycles = self.poll_offered(&mut each);
            let sent = self.collect();
            all.add(Turn { packets: offered as u64, sent, cycles });
        }
    }

    /// The same of a few packets; `each` sees every frame that comes out.
    pub(crate) fn run_seen<'a>(
        &mut self,
        packets: impl IntoIterator<Item = Packet<'a>>,
        each: impl FnMut(&[u8]),
    ) {
        packets.into_iter().take(ROUND).for_each(|packet| {
            self.offer(&packet);
        });
        self.poll_offered(&mut |_| ());
        self.collect_each(each);
    }

    /// A round of packets, as many on each side that has some, with no poll that finds less
    /// than a burst there: the worker sees rings that never run empty. What it has not taken
    /// at the end, it takes first the next time.
    pub(crate) fn run_on<'a>(&mut self, packets: impl IntoIterator<Item = Packet<'a>>) -> Turn {
        let mut offered = [0; 2];
        for packet in packets {
            offered[packet.template.side().index()] += usize::from(self.offer(&packet));
        }
        let [public, private] = offered;
        let start = tsc();
        (0..public.max(private) / BURST).for_each(|_| self.poll());
        let cycles = tsc().wrapping_sub(start);
        Turn { packets: (public + private) as u64, sent: self.collect(), cycles }
    }

    /// Puts a packet on its ring; false if there is no buffer.
    fn offer(&mut self, packet: &Packet) -> bool {
        let length = packet.template.length();
        let Some(mut mbuf) = buffer(&mut self.spare, &self.mempool, length) else { return false };
        packet.template.write(packet.flow, mbuf.data_mut());
        let side = packet.template.side().index();
        // It is put on the ring as soon as it is full, so there is always room.
        drop(self.waiting[side].push(mbuf));
        if self.waiting[side].is_full() {
            self.near[side].tx.transmit(&mut self.waiting[side]);
        }
        true
    }

    /// Polls until the rings to the worker are empty; returns the cycles.
    fn poll_offered(&mut self, each: &mut impl FnMut(u64)) -> u64 {
        for (end, waiting) in self.near.iter_mut().zip(&mut self.waiting) {
            end.tx.transmit(waiting);
        }
        let start = tsc();
        let mut before = start;
        loop {
            let received = self.received();
            self.worker.poll();
            let now = tsc();
            if self.received() == received {
                // The poll that found nothing is not counted.
                return before.wrapping_sub(start);
            }
            each(now.wrapping_sub(before));
            before = now;
        }
    }

    fn received(&self) -> u64 {
        self.counters.received.iter().map(|side| side.get()).sum()
    }

    /// Takes what the worker has sent; returns how many there were.
    pub(crate) fn collect(&mut self) -> u64 {
        self.collect_each(|_| ())
    }

    /// The same; `each` sees every frame.
    fn collect_each(&mut self, mut each: impl FnMut(&[u8])) -> u64 {
        let mut count = 0;
        let mut burst = Burst::<BURST>::new();
        for side in Side::ALL {
            while self.near[side.index()].rx.receive(&mut burst) > 0 {
                count += burst.len() as u64;
                for mbuf in burst.drain() {
                    each(mbuf.data());
                    self.spare.push_back(mbuf);
                }
            }
        }
        count
    }

    /// Takes what is for the main core, as one that keeps up with all of it.
    pub(crate) fn collect_for_main(&mut self) {
        let mut burst = Burst::<BURST>::new();
        for ring in &mut self.for_main {
            while ring.dequeue(&mut burst) > 0 {
                self.spare.extend(burst.drain());
            }
        }
    }

    /// A poll to which nothing was offered.
    pub(crate) fn poll(&mut self) {
        self.worker.poll();
    }

    /// So many of them; returns their cycles.
    pub(crate) fn poll_times(&mut self, polls: u32) -> u64 {
        let before = tsc();
        (0..polls).for_each(|_| self.poll());
        tsc().wrapping_sub(before)
    }

    /// Opens connections by the packets that begin them: UDP, or a SYN. The service must
    /// have had none before.
    pub(crate) fn open(&mut self, template: &Template, clients: u32) -> Result<Flows, Error> {
        let before = self.counters.opened.get();
        let flows = self.begin(template)?;
        self.run(flows.packets(template, 1..clients));
        let opened = self.counters.opened.get() - before;
        if opened != u64::from(clients) {
            return Err(Error::Dataplane(format!("{opened} of {clients} connections opened")));
        }
        Ok(flows)
    }

    /// Opens the connection of the first client of a service, and so learns which server
    /// each of the next gets.
    pub(crate) fn begin(&mut self, template: &Template) -> Result<Flows, Error> {
        self.offer(&Packet { template, flow: Flow { client: 0, server: 0 } });
        self.poll_offered(&mut |_| ());
        let mut flows = None;
        self.collect_each(|frame| flows = Flows::begun_by(frame));
        flows.ok_or_else(|| Error::dataplane("the first connection did not open"))
    }

    /// Polls until `is_done` says so.
    pub(crate) fn poll_until(
        &mut self,
        is_done: impl Fn(&WorkerBlock) -> bool,
    ) -> Result<Polls, Error> {
        let start = tsc();
        for polls in 0..PATIENCE {
            if is_done(&self.counters) {
                return Ok(Polls { polls, cycles: tsc().wrapping_sub(start) });
            }
            self.worker.poll();
        }
        Err(Error::dataplane("the worker does not come to an end"))
    }

    /// Gives so many buffers to the harness of another worker.
    pub(crate) fn give_buffers(&mut self, to: &mut WorkerHarness, count: usize) {
        let first = self.spare.len().saturating_sub(count);
        to.take_buffers(self.spare.drain(first..));
    }

    /// Takes buffers that came out elsewhere.
    pub(crate) fn take_buffers(&mut self, buffers: impl Iterator<Item = Mbuf>) {
        self.spare.extend(buffers);
    }
}

/// The next buffer in turn, with so many bytes in it.
#[inline]
pub(crate) fn buffer(spare: &mut VecDeque<Mbuf>, pool: &Mempool, length: usize) -> Option<Mbuf> {
    let mut mbuf = spare.pop_front().or_else(|| pool.alloc())?;
    mbuf.truncate(length);
    let missing = length - mbuf.len();
    mbuf.append(missing)?;
    Some(mbuf)
}
