//! Counters that one thread writes and any thread reads.
//!
//! A worker is the only writer of its block, so an increment is a plain load and store;
//! a reader sees each counter whole, and all of them soon.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crossbeam::utils::CachePadded;
use nat::service::{MAXIMUM_SERVERS, ServerId};
use nat::{Direction, Side};

use crate::drop_reason::DropReason;
use crate::punt::PuntClass;
use crate::stage::Stage;

/// A count with one writer.
#[derive(Debug, Default)]
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

/// Packets and bytes.
#[derive(Debug, Default)]
pub struct Traffic {
    pub packets: Counter,
    /// Bytes of IP.
    pub bytes: Counter,
}

impl Traffic {
    /// Counts one packet of so many bytes.
    #[inline(always)]
    pub fn count(&self, bytes: u64) {
        self.packets.add(1);
        self.bytes.add(bytes);
    }
}

/// What one real server had through one worker, on a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct ServerCounters {
    pub towards: Traffic,
    pub from: Traffic,
    /// Connections opened so far.
    pub opened: Counter,
}

impl ServerCounters {
    /// Begins anew, in the thread that owns the counters.
    pub fn restart(&self) {
        let Traffic { packets, bytes } = &self.towards;
        let counters = [packets, bytes, &self.from.packets, &self.from.bytes, &self.opened];
        counters.into_iter().for_each(|counter| counter.set(0));
    }
}

/// What each real server had through one worker.
#[derive(Clone, Copy, Debug)]
pub struct Servers<'a>(&'a [ServerCounters; MAXIMUM_SERVERS]);

impl<'a> Servers<'a> {
    /// That of one of them; `None` for masqueraded traffic.
    #[inline(always)]
    pub fn get(self, server: ServerId) -> Option<&'a ServerCounters> {
        self.0.get(server.index())
    }

    /// Counts a packet for its real server: towards it in the original direction. Of a
    /// masqueraded packet there is none.
    #[inline(always)]
    pub fn count(self, server: ServerId, direction: Direction, length: u16) {
        if let Some(server) = self.get(server) {
            let traffic = match direction {
                Direction::Original => &server.towards,
                Direction::Reply => &server.from,
            };
            traffic.count(u64::from(length));
        }
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
#[derive(Debug)]
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
    servers: Box<[ServerCounters; MAXIMUM_SERVERS]>,
}

/// A worker's counters, on cache lines that no other worker writes.
pub type WorkerBlock = CachePadded<WorkerCounters>;

impl Default for WorkerCounters {
    fn default() -> Self {
        WorkerCounters {
            received: Default::default(),
            sent: Default::default(),
            refused_since: Default::default(),
            handed_off: Counter::default(),
            punted: Default::default(),
            punt_dropped: Default::default(),
            overflows: Default::default(),
            fast: Counter::default(),
            slow: Counter::default(),
            connections: Counter::default(),
            opened: Counter::default(),
            closed: Counter::default(),
            evicted: Counter::default(),
            icmp_errors: Counter::default(),
            icmp_limited: Counter::default(),
            resets: Counter::default(),
            resets_limited: Counter::default(),
            echoes: Counter::default(),
            moved: Counter::default(),
            cut: Counter::default(),
            polls: Counter::default(),
            busy_cycles: Counter::default(),
            cycles: Counter::default(),
            timed: Counter::default(),
            stages: Default::default(),
            drops: Drops::default(),
            servers: Box::new(core::array::from_fn(|_| ServerCounters::default())),
        }
    }
}

impl WorkerCounters {
    /// The counters of one real server; `None` for masqueraded traffic.
    #[inline(always)]
    pub fn server(&self, server: ServerId) -> Option<&ServerCounters> {
        self.servers().get(server)
    }

    /// The counters of all real servers.
    #[inline(always)]
    pub fn servers(&self) -> Servers<'_> {
        Servers(&self.servers)
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
