//! The lease of the active role: what tandem-control orders, and how the dataplane answers.
//!
//! The dataplane holds the active role for the length of a lease. tandem-control claims the
//! lease, renews it at every heartbeat, and gives it back; one that nobody renews ends by
//! itself. Without a `[peer]` in the configuration there is no lease: the dataplane is active
//! for good, and these orders are refused.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Role;

/// An order about the lease. Times are in microseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case")]
pub enum LeaseOrder {
    /// Changes nothing; the answer tells the state of the dataplane.
    Watch,
    /// The dataplane becomes active: it answers ARP for the floating addresses, forwards, and
    /// announces the floating addresses.
    Claim {
        /// The number of this takeover. The claim is not granted when the dataplane has seen a
        /// higher one.
        term: u64,
        /// How many microseconds the lease lasts without a renewal.
        lease: u64,
        /// When the lease begins: [`monotonic_micros`] at the time of the decision, which may be
        /// long before the order is read. 0 stands for the time at which the order is read.
        #[serde(default)]
        at: u64,
    },
    /// The dataplane stays active. The order is not granted, and changes nothing, when the lease
    /// has ended or was claimed with another term.
    Renew {
        /// The term that the lease was claimed with.
        term: u64,
        /// How many microseconds the lease lasts from `at` without a further renewal.
        lease: u64,
        /// When the renewed lease begins, as in a claim.
        #[serde(default)]
        at: u64,
    },
    /// The dataplane becomes standby at once: it neither answers for the floating addresses nor
    /// forwards.
    Release,
    /// The dataplane becomes standby, but still forwards what reaches it during a grace period. A
    /// handover uses this when the peer answers for the floating addresses already.
    Retire {
        /// The length of the grace period in microseconds.
        grace: u64,
    },
    /// The dataplane announces the floating addresses again, because another station has claimed
    /// one.
    Announce,
    /// Connection sync is to confirm that everything that has happened up to now is installed at
    /// the peer. The answer's [`SyncStatus::draining`] is the number of this order; it is done when
    /// [`SyncStatus::drained`] has reached that number. The order is not granted when this
    /// dataplane exports nothing.
    Drain,
    /// The dataplane asks every next hop of the configuration now. The answer's
    /// [`LeaseStatus::probing`] is the number of this order; it is done when
    /// [`LeaseStatus::probed`] has reached that number.
    Probe,
}

impl LeaseOrder {
    /// The same order as read at `now`, a time of [`monotonic_micros`]: its lease is shorter by its
    /// age. `None` when the lease is over already.
    #[must_use]
    pub fn at(self, now: u64) -> Option<LeaseOrder> {
        let left = |lease: u64, at: u64| {
            let age = if at == 0 { 0 } else { now.saturating_sub(at) };
            lease.checked_sub(age).filter(|left| *left > 0)
        };
        Some(match self {
            LeaseOrder::Claim { term, lease, at } => {
                LeaseOrder::Claim { term, lease: left(lease, at)?, at: 0 }
            }
            LeaseOrder::Renew { term, lease, at } => {
                LeaseOrder::Renew { term, lease: left(lease, at)?, at: 0 }
            }
            other => other,
        })
    }
}

/// Microseconds of the machine's monotonic clock, the same in every process.
#[must_use]
pub fn monotonic_micros() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let (seconds, nanos) = (now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs());
    seconds * 1_000_000 + nanos / 1000
}

/// How the dataplane is after an order about the lease.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LeaseStatus {
    /// True when the order was carried out.
    pub granted: bool,
    /// The role of the dataplane after the order.
    pub role: Role,
    /// The term of the last claim that was granted; 0 before the first.
    pub term: u64,
    /// Microseconds until the lease ends; 0 when the dataplane is not active.
    pub lease_left: u64,
    /// True while the dataplane still forwards in the grace period of a handover.
    pub retiring: bool,
    /// Whether the link of the public and of the private NIC is up.
    pub links: [bool; 2],
    /// What has become of the public and of the private NIC.
    pub nics: [NicState; 2],
    /// Whether a transmit queue of the public and of the private NIC has taken nothing for a while
    /// though packets waited for it.
    pub stuck: [bool; 2],
    /// True when every worker has polled within the last second.
    pub workers_run: bool,
    /// Which next hops answer on the public and on the private side.
    pub reach: [Reach; 2],
    /// The number of the last [`LeaseOrder::Probe`], counted from 1.
    pub probing: u64,
    /// The number of the last [`LeaseOrder::Probe`] that is done: every next hop has answered
    /// since, or is known not to.
    pub probed: u64,
    /// ARP frames sent since the start to announce floating addresses.
    pub announcements: u64,
    /// How often another station was seen claiming an address of this machine.
    pub conflicts: u64,
    /// How often of these the peer claimed a floating address, or a station of which it is not
    /// known whether it is the peer: two machines may be active.
    pub disputes: u64,
    /// A number that is another one after each start of the dataplane.
    pub start: u64,
    /// Connection sync as the dataplane sees it.
    pub sync: SyncStatus,
}

/// What has become of a NIC since the dataplane was started.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NicState {
    /// The NIC is there, with or without its link.
    #[default]
    Present,
    /// The NIC was reset from outside, as a virtual function is by its physical one. It has to be
    /// set up anew.
    Reset,
    /// The NIC is being removed, or gone.
    Removed,
}

/// Which next hops of one side answer the dataplane's ARP requests.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Reach {
    /// A number that stands for their addresses, the same on every machine that asks the same
    /// ones; 0: none are asked, or some neither answered nor failed to yet.
    pub set: u64,
    /// How many next hops are asked.
    pub asked: u16,
    /// How many of the next hops answer.
    pub answering: u16,
    /// The first few next hops that do not answer.
    pub silent: Vec<IpAddr>,
}

/// Connection sync as the dataplane sees it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SyncStatus {
    /// How far the stream is, if one is open.
    pub state: SyncState,
    /// Every connection of the active machine is installed here and compared equal, while
    /// the stream is up; of an exporting dataplane, the peer has said so.
    pub complete: bool,
    /// Events written to the stream (exporting) or installed (importing) so far.
    pub events: u64,
    /// Events that the peer has not confirmed yet, when exporting.
    pub lag: u64,
    /// Times that a ring overflowed and all connections were sent again.
    pub overflows: u64,
    /// Comparisons of count and digest that failed, when importing.
    pub mismatches: u64,
    /// Events that did not fit into this machine's table.
    pub refused: u64,
    /// Connections of the active machine for which this one has no room, as they were compared
    /// last.
    pub missing: u64,
    /// Connections of the active machine, as they were compared last.
    pub expected: u64,
    /// Connections installed whose service or real server this machine's configuration
    /// lacks: the two configurations differ.
    pub unserved: u64,
    /// Connections removed because the active machine no longer has them, and the event
    /// that would have said so was lost.
    pub swept: u64,
    /// The number of the last [`LeaseOrder::Drain`]; they are counted from 1.
    pub draining: u64,
    /// The last one that is done: all that had happened before it is at the peer.
    pub drained: u64,
}

/// What a dataplane does about connection sync.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SyncState {
    /// No stream is open in either direction.
    #[default]
    Off,
    /// All connections are being sent for the first time on this stream.
    Bulk,
    /// All connections were sent once; events follow as they happen.
    Following,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_counts_from_when_it_was_decided() {
        let renew = |lease, at| LeaseOrder::Renew { term: 3, lease, at };
        assert_eq!(renew(120, 1000).at(1000), Some(renew(120, 0)));
        assert_eq!(renew(120, 1000).at(1090), Some(renew(30, 0)));
        assert_eq!(renew(120, 1000).at(1120), None, "it had ended before it was read");
        assert_eq!(renew(120, 0).at(5000), Some(renew(120, 0)), "as it is read");
        assert_eq!(LeaseOrder::Release.at(9), Some(LeaseOrder::Release));
        let claim = LeaseOrder::Claim { term: 1, lease: 50, at: 10 };
        assert_eq!(claim.at(200), None);
    }
}
