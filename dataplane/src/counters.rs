//! Counters that one thread writes and any thread reads.
//!
//! A worker is the only writer of its block, so an increment is a plain load and store;
//! a reader sees each counter whole, and all of them soon.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crossbeam::utils::CachePadded;
use nat::service::{MAXIMUM_SERVERS, ServerId};
use nat::{Direction, Side};
use zerocopy::FromZeros;

use crate::drop_reason::DropReason;
use crate::punt::PuntClass;
use crate::stage::Stage;

/// A count with one writer.
#[derive(Debug, Default, FromZeros)]
#[repr(transparent)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds, in the thread that owns the counter.
    #[inline(always)]
    pub fn add(&self, count: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(count), Relaxed);
    }

    /// Takes away, in the thread that owns the counter: for gauges.
    #[inline(always)]
    pub fn sub(&self, count: u64) {
        self.0.store(self.0.load(Relaxed).saturating_sub(count), Relaxed);
    }

    /// Replaces the value: for gauges.
    #[inline(always)]
    pub fn set(&self, value: u64) {
        self.0.store(value, Relaxed);
    }

    /// The value, in any thread.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Counters of a real server: a cache line of them.
const LINE: usize = 64 / size_of::<Counter>();

/// What one real server had through one worker, on a cache line of its own.
#[derive(Clone, Copy, Debug)]
pub struct ServerCounters<'a>(&'a [Counter; LINE]);

impl ServerCounters<'_> {
    /// Packets and bytes sent to it.
    pub fn towards(&self) -> [&Counter; 2] {
        let [packets, bytes, ..] = self.0;
        [packets, bytes]
    }

    /// Packets and bytes received from it.
    pub fn from(&self) -> [&Counter; 2] {
        let [_, _, packets, bytes, ..] = self.0;
        [packets, bytes]
    }

    /// Connections opened so far.
    #[inline(always)]
    pub fn opened(&self) -> &Counter {
        let [_, _, _, _, opened, ..] = self.0;
        opened
    }

    /// Begins anew, in the thread that owns the counters.
    pub fn restart(self) {
        self.0.iter().for_each(|counter| counter.set(0));
    }
}

/// What each real server had through one worker: a line for each, by number.
#[derive(Clone, Copy, Debug)]
pub struct Servers<'a>(&'a [Counter]);

impl<'a> Servers<'a> {
    /// That of one of them; `None` for masqueraded traffic.
    #[inline(always)]
    pub fn get(self, server: ServerId) -> Option<ServerCounters<'a>> {
        self.0.get(server.index() * LINE..)?.first_chunk().map(ServerCounters)
    }

    /// Counts a packet for its real server: towards it in the original direction. Of a
    /// masqueraded packet there is none.
    #[inline(always)]
    pub fn count(self, server: ServerId, direction: Direction, length: u16) {
        if let Some(server) = self.get(server) {
            let [packets, bytes] = match direction {
                Direction::Original => server.towards(),
                Direction::Reply => server.from(),
            };
            packets.add(1);
            bytes.add(u64::from(length));
        }
    }
}

/// The lines of all servers. The kernel gives the pages of those that have numbers.
#[derive(Debug)]
struct Lines {
    counters: Box<[Counter]>,
    /// Where the first line begins.
    first: usize,
}

impl Default for Lines {
    fn default() -> Self {
        // A line more, and one beside which nothing of others is.
        let counters = nat::memory::zeroed::<Counter>((MAXIMUM_SERVERS + 2) * LINE);
        let bytes = LINE * size_of::<Counter>();
        let beyond = counters.as_ptr() as usize % bytes;
        Lines { first: (bytes - beyond) / size_of::<Counter>(), counters }
    }
}

impl Lines {
    #[inline(always)]
    fn servers(&self) -> Servers<'_> {
        let lines = self.counters.get(self.first..).unwrap_or_default();
        Servers(lines.get(..MAXIMUM_SERVERS * LINE).unwrap_or_default())
    }
}

/// Packets dropped, by reason.
#[derive(Debug)]
pub struct Drops([Counter; DropReason::COUNT]);

impl Default for Drops {
    fn default() -> Self {
        Drops([const { Counter(AtomicU64::new(0)) }; DropReason::COUNT])
    }
}

impl Drops {
    /// Counts packets dropped for this reason.
    #[inline(always)]
    pub fn add(&self, reason: DropReason, count: u64) {
        if let Some(counter) = self.0.get(reason.index()) {
            counter.add(count);
        }
    }

    /// Packets dropped for this reason so far.
    pub fn get(&self, reason: DropReason) -> u64 {
        self.0.get(reason.index()).map_or(0, Counter::get)
    }

    /// Packets dropped for any reason.
    pub fn total(&self) -> u64 {
        self.0.iter().map(Counter::get).sum()
    }
}

/// The counters of one worker.
#[derive(Debug, Default)]
pub struct WorkerCounters {
    /// Frames received on each side.
    pub received: [Counter; 2],
    /// Frames sent on each side.
    pub sent: [Counter; 2],
    /// Time stamp counter since which the transmit queue of each side takes nothing; 0: it
    /// does, or nothing waits.
    pub refused_since: [Counter; 2],
    /// Frames handed to other workers.
    pub handed_off: Counter,
    /// Frames handed to the main core, by [`PuntClass`].
    pub punted: [Counter; PuntClass::COUNT],
    /// The same that had no room, or came too fast.
    pub punt_dropped: [Counter; PuntClass::COUNT],
    /// Bursts of each side's receive queue in a row that was full: it may have lost frames.
    pub overflows: [Counter; 2],
    /// Packets that the fast path forwarded.
    pub fast: Counter,
    /// Packets that took the slow path.
    pub slow: Counter,
    pub connections: Counter,
    /// Connections opened so far.
    pub opened: Counter,
    /// Connections that ended so far.
    pub closed: Counter,
    /// Connections among them that were never answered and made room for others.
    pub evicted: Counter,
    /// ICMP errors sent by the router itself.
    pub icmp_errors: Counter,
    /// ICMP errors not sent, to keep their rate.
    pub icmp_limited: Counter,
    /// Resets sent about TCP connections that are not known.
    pub resets: Counter,
    /// Resets not sent, to keep their rate.
    pub resets_limited: Counter,
    pub echoes: Counter,
    /// Flows that left a server that is down.
    pub moved: Counter,
    /// Connections that were reset because their server is down.
    pub cut: Counter,
    /// Connections that an operator has ended.
    pub killed: Counter,
    /// Polls of all queues.
    pub polls: Counter,
    /// TSC cycles in polls that found packets.
    pub busy_cycles: Counter,
    /// TSC cycles in all polls.
    pub cycles: Counter,
    /// Packets and entries of connection sync that polls found which were timed by stage.
    pub timed: Counter,
    /// TSC cycles in those polls, by [`Stage`].
    pub stages: [Counter; Stage::COUNT],
    pub drops: Drops,
    /// Real servers by [`ServerId`].
    servers: Lines,
}

/// A worker's counters, on cache lines that no other worker writes.
pub type WorkerBlock = CachePadded<WorkerCounters>;

impl WorkerCounters {
    /// The counters of one real server; `None` for masqueraded traffic.
    #[inline(always)]
    pub fn server(&self, server: ServerId) -> Option<ServerCounters<'_>> {
        self.servers().get(server)
    }

    /// The counters of all real servers.
    #[inline(always)]
    pub fn servers(&self) -> Servers<'_> {
        self.servers.servers()
    }

    /// The named counters as operators see them.
    pub fn named(&self) -> Vec<(&'static str, u64)> {
        let [public, private] = Side::ALL.map(Side::index);
        let stage = |stage: Stage| self.stages.get(stage as usize).map_or(0, Counter::get);
        let mut named = vec![
            ("rx_public_packets", self.received[public].get()),
            ("rx_private_packets", self.received[private].get()),
            ("tx_public_packets", self.sent[public].get()),
            ("tx_private_packets", self.sent[private].get()),
            ("handed_off_packets", self.handed_off.get()),
            ("rx_public_overflows", self.overflows[public].get()),
            ("rx_private_overflows", self.overflows[private].get()),
            ("fast_path_packets", self.fast.get()),
            ("slow_path_packets", self.slow.get()),
            ("connections", self.connections.get()),
            ("connections_opened", self.opened.get()),
            ("connections_closed", self.closed.get()),
            ("connections_evicted", self.evicted.get()),
            ("icmp_errors_sent", self.icmp_errors.get()),
            ("icmp_errors_limited", self.icmp_limited.get()),
            ("resets_sent", self.resets.get()),
            ("resets_limited", self.resets_limited.get()),
            ("echo_replies_sent", self.echoes.get()),
            ("connections_moved", self.moved.get()),
            ("connections_cut", self.cut.get()),
            ("connections_killed", self.killed.get()),
            ("polls", self.polls.get()),
            ("busy_cycles", self.busy_cycles.get()),
            ("cycles", self.cycles.get()),
            ("timed_packets", self.timed.get()),
            ("stage_receive_cycles", stage(Stage::Receive)),
            ("stage_read_cycles", stage(Stage::Read)),
            ("stage_match_cycles", stage(Stage::Match)),
            ("stage_forward_cycles", stage(Stage::Forward)),
            ("stage_dispatch_cycles", stage(Stage::Dispatch)),
            ("stage_other_cycles", stage(Stage::Other)),
            ("stage_transmit_cycles", stage(Stage::Transmit)),
        ];
        for ((class, punted), dropped) in
            PuntClass::ALL.into_iter().zip(&self.punted).zip(&self.punt_dropped)
        {
            let [packets, lost] = class.counters();
            named.extend([(packets, punted.get()), (lost, dropped.get())]);
        }
        named
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_server_has_a_cache_line() {
        let counters = WorkerCounters::default();
        let Servers(lines) = counters.servers();
        assert_eq!((lines.as_ptr() as usize % 64, lines.len()), (0, MAXIMUM_SERVERS * LINE));
        assert!(counters.server(ServerId::NONE).is_none());
    }
}
