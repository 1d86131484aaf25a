//! Fragments: translated with their first one, whatever order they come in.

use std::net::Ipv4Addr;

use nat::Side;
use nat::fragment::{Key, Later, Refusal};
use wire::parse::{self, Network};
use wire::{FiveTuple, Protocol};

use super::Worker;
use super::slow::Arrival;
use crate::drop_reason::DropReason;

/// What became of a first fragment, for those that follow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// The new addresses; ports are in the first fragment alone.
    pub tuple: FiveTuple<Ipv4Addr>,
    /// The side on which they leave.
    pub exit: Side,
    /// The new identification, if they leave with an address that others use as well.
    pub identification: Option<u16>,
}

/// What the fragments of the arrival's datagram have in common; `None` for a packet that
/// is no fragment.
fn key(arrival: &Arrival) -> Option<Key<Ipv4Addr>> {
    let fragment = arrival.ip.fragment?;
    Some(Key {
        source: arrival.ip.source,
        destination: arrival.ip.destination,
        protocol: arrival.ip.protocol,
        identification: u32::from(fragment.identification),
        side: arrival.side,
    })
}

impl Worker {
    /// Remembers the translation of a first fragment, and sends those that came before.
    pub(super) fn first_fragment(&mut self, arrival: &Arrival, verdict: Verdict) {
        let Some(key) = key(arrival) else { return };
        let side = arrival.side;
        // Without room the packet itself goes on; those that follow wait in vain, and are
        // counted then.
        let Ok(mut held) = self.fragments.first(key, self.now, verdict) else { return };
        while let Some(mbuf) = self.fragments.next_held(&mut held) {
            self.send_held(side, mbuf, &verdict);
        }
    }

    /// The identification of a packet that leaves in fragments with an address that others
    /// use, too. A first fragment that comes again keeps the one that its datagram has, or
    /// the receiver could not put the datagram together (RFC 6864 section 4.3).
    pub(super) fn identification(
        &mut self,
        arrival: &Arrival,
        tuple: FiveTuple<Ipv4Addr>,
        exit: Side,
    ) -> u16 {
        let known = key(arrival).and_then(|key| self.fragments.decided(&key, self.now));
        let same = known.filter(|known| (known.tuple, known.exit) == (tuple, exit));
        match same.and_then(|known| known.identification) {
            Some(identification) => identification,
            None => self.next_identification(),
        }
    }

    fn send_held(&mut self, side: Side, mbuf: dpdk::mbuf::Mbuf, verdict: &Verdict) {
        let Ok(packet) = parse::frame(mbuf.data()) else { return };
        if let Network::Ipv4(ip) = packet.network {
            self.send_by_verdict(Arrival { mbuf, packet, ip, side }, verdict);
        }
    }

    /// A fragment without ports: goes the way of the first, or waits for it.
    pub(super) fn later_fragment(&mut self, arrival: Arrival) {
        let Some(key) = key(&arrival) else { return self.discard(DropReason::Protocol) };
        if Protocol::from_number(key.protocol).is_none() {
            // Its first fragment is not translated either.
            return self.refuse_protocol(&arrival);
        }
        let Arrival { mbuf, packet, ip, side } = arrival;
        match self.fragments.later(key, mbuf, self.now) {
            Later::Known(verdict, mbuf) => {
                self.send_by_verdict(Arrival { mbuf, packet, ip, side }, &verdict);
            }
            Later::Held => {}
            Later::Refused(_, Refusal::Table) => self.discard(DropReason::FragmentTable),
            Later::Refused(..) => self.discard(DropReason::FragmentEarly),
        }
    }
}
