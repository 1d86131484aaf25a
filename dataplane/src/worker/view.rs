//! What a worker looks at to decide and to send: configuration, role, neighbours, time.
//!
//! It is brought up to date at the beginning of a poll and stays as it is until the next.

use std::net::Ipv4Addr;
use std::sync::Arc;

use nat::connection::LAST_EPOCH;
use nat::policy::Policy;
use nat::{Instant, Side};
use wire::MacAddress;
use wire::flow::EthernetAddresses;

use crate::clock::{Clock, Tsc};
use crate::counters::{Servers, WorkerBlock};
use crate::neighbour::{NeighbourTable, Sender};
use crate::role::SharedDeadlines;
use crate::snapshot::{Interface, Snapshot};

/// What a worker looks at.
pub(super) struct View {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) neighbours: Arc<NeighbourTable>,
    neighbour_epoch: u32,
    /// Advances whenever what records remember of next hops may be wrong.
    pub(super) epoch: u16,
    pub(super) macs: [MacAddress; 2],
    /// Those of the floating addresses, often the same.
    pub(super) floating_macs: [MacAddress; 2],
    pub(super) mtus: [u16; 2],
    /// The own addresses as the neighbours' table wants them.
    pub(super) senders: [Sender; 2],
    pub(super) counters: Arc<WorkerBlock>,
    pub(super) role: Arc<SharedDeadlines>,
    /// Whether this machine forwarded at the beginning of the poll.
    pub(super) forwards: bool,
    pub(super) clock: Clock,
    pub(super) now: Instant,
}

impl View {
    pub(super) fn new(
        snapshot: Arc<Snapshot>,
        neighbours: Arc<NeighbourTable>,
        counters: Arc<WorkerBlock>,
        role: Arc<SharedDeadlines>,
        clock: Clock,
    ) -> Self {
        let mut view = View {
            snapshot: Arc::clone(&snapshot),
            neighbours,
            neighbour_epoch: 0,
            epoch: 0,
            macs: [MacAddress::ZERO; 2],
            floating_macs: [MacAddress::ZERO; 2],
            mtus: [0; 2],
            senders: [Sender::new(MacAddress::ZERO); 2],
            counters,
            role,
            // Until the first poll has looked at the role.
            forwards: false,
            clock,
            now: clock.now(),
        };
        view.set_snapshot(snapshot);
        view.advance_epoch();
        view
    }

    /// Looks at another configuration, and returns the one before.
    pub(super) fn set_snapshot(&mut self, snapshot: Arc<Snapshot>) -> Arc<Snapshot> {
        for side in Side::ALL {
            let Interface { mac, floating_mac, mtu, .. } = *snapshot.interface(side);
            self.macs[side.index()] = mac;
            self.floating_macs[side.index()] = floating_mac;
            self.mtus[side.index()] = mtu;
            self.senders[side.index()] = Sender::new(mac);
        }
        core::mem::replace(&mut self.snapshot, snapshot)
    }

    /// The rules about new connections.
    #[inline(always)]
    pub(super) fn policy(&self) -> &Policy<Ipv4Addr> {
        &self.snapshot.policy
    }

    /// When the epoch differs from what they remember, connections find their way anew.
    pub(super) fn advance_epoch(&mut self) {
        // Zero is what a new record carries, so that its first packet looks; those above the last
        // are of connections that were ended.
        self.epoch = if self.epoch < LAST_EPOCH { self.epoch + 1 } else { 1 };
    }

    /// Takes note of neighbours' slots that mean others now; true if there are some.
    #[inline(always)]
    pub(super) fn follow_neighbours(&mut self) -> bool {
        let epoch = self.neighbours.epoch();
        let changed = epoch != self.neighbour_epoch;
        if changed {
            self.neighbour_epoch = epoch;
            self.advance_epoch();
        }
        changed
    }

    /// Takes note of the role; true if it has changed.
    #[inline(always)]
    pub(super) fn follow_role(&mut self, reading: Tsc) -> bool {
        let forwards = self.role.forwards(reading);
        let changed = forwards != self.forwards;
        self.forwards = forwards;
        changed
    }

    /// The Ethernet header of frames to a neighbour, if its address is known.
    #[inline(always)]
    pub(super) fn addresses(
        &self,
        exit: Side,
        hop: nat::connection::NextHop,
    ) -> Option<EthernetAddresses> {
        self.neighbours.reader().addresses(hop, self.senders[exit.index()])
    }

    /// Counters of real servers.
    #[inline(always)]
    pub(super) fn servers(&self) -> Servers<'_> {
        self.counters.servers()
    }

    /// This machine's real addresses are the kernel's, each from its own side, and both
    /// from the private side.
    pub(super) fn is_for_kernel(&self, side: Side, destination: Ipv4Addr) -> bool {
        let real = |side| self.policy().network(side).real.address;
        real(side) == destination || (side == Side::Private && real(Side::Public) == destination)
    }
}
