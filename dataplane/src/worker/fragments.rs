//! Fragments: translated with their first one, whatever order they come in.

use std::net::Ipv4Addr;

use dpdk::mbuf::Mbuf;
use nat::Side;
use nat::fragment::{Key, Later, Refusal};
use wire::parse::{self, Network};
use wire::{FiveTuple, Protocol};

use super::flows::Flows;
use super::io::Io;
use super::slow::Arrival;
use super::view::View;
use super::{answers, echo, forward};
use crate::drop_reason::DropReason;

/// What became of a first fragment, for those that follow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It was translated and sent on.
    Translated(Translated),
    /// It was an echo request to a floating address, which is put together here.
    Router,
}

/// How the fragments of a datagram are translated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Translated {
    /// The new addresses; ports are in the first fragment alone.
    pub tuple: FiveTuple<Ipv4Addr>,
    /// The side on which they leave.
    pub exit: Side,
    /// The new identification, if they leave with an address that others use as well.
    pub identification: Option<u16>,
}

/// What the fragments of the arrival's datagram have in common; `None` for a packet that
/// is no fragment.
pub(super) fn key(arrival: &Arrival) -> Option<Key<Ipv4Addr>> {
    let fragment = arrival.ip.fragment?;
    Some(Key {
        source: arrival.ip.source,
        destination: arrival.ip.destination,
        protocol: arrival.ip.protocol,
        identification: u32::from(fragment.identification),
        side: arrival.side,
    })
}

/// Remembers what became of a first fragment, and lets those follow that came before.
pub(super) fn first(
    io: &mut Io,
    flows: &mut Flows,
    view: &View,
    arrival: &Arrival,
    verdict: Verdict,
) {
    let Some(key) = key(arrival) else { return };
    let side = arrival.side;
    // Without room the packet itself goes on; those that follow wait in vain, and are
    // counted then.
    let Ok(mut held) = flows.fragments.first(key, view.now, verdict) else { return };
    let ending = io.ending.get();
    while let Some(mbuf) = flows.fragments.next_held(&mut held) {
        follow_held(io, flows, view, side, mbuf, &verdict);
    }
    // What became of those is not what becomes of this one.
    io.ending.set(ending);
}

/// The identification of a packet that leaves in fragments with an address that others
/// use, too. A first fragment that comes again keeps the one that its datagram has, or
/// the receiver could not put the datagram together (RFC 6864 section 4.3).
pub(super) fn identification(
    flows: &mut Flows,
    view: &View,
    arrival: &Arrival,
    tuple: FiveTuple<Ipv4Addr>,
    exit: Side,
) -> u16 {
    let known = key(arrival).and_then(|key| flows.fragments.decided(&key, view.now));
    let same = match known {
        Some(Verdict::Translated(known)) if (known.tuple, known.exit) == (tuple, exit) => {
            known.identification
        }
        _ => None,
    };
    same.unwrap_or_else(|| flows.next_identification())
}

fn follow_held(
    io: &mut Io,
    flows: &mut Flows,
    view: &View,
    side: Side,
    mbuf: Mbuf,
    verdict: &Verdict,
) {
    let Ok(packet) = parse::frame(mbuf.data()) else { return };
    if let Network::Ipv4(ip) = packet.network {
        follow(io, flows, view, Arrival { mbuf, packet, ip, side }, verdict);
    }
}

/// Lets a later fragment go the way of the first.
fn follow(io: &mut Io, flows: &mut Flows, view: &View, arrival: Arrival, verdict: &Verdict) {
    match verdict {
        Verdict::Translated(translated) => {
            forward::send_translated(io, flows, view, arrival, translated);
        }
        Verdict::Router => echo::put_together(io, flows, view, arrival),
    }
}

/// A fragment without ports: goes the way of the first, or waits for it.
pub(super) fn later(io: &mut Io, flows: &mut Flows, view: &View, arrival: Arrival) {
    let Some(key) = key(&arrival) else { return io.discard(DropReason::Protocol) };
    if Protocol::from_number(key.protocol).is_none() {
        // Its first fragment is not translated either.
        return answers::refuse_protocol(io, view, &arrival);
    }
    let Arrival { mbuf, packet, ip, side } = arrival;
    match flows.fragments.later(key, mbuf, view.now) {
        Later::Known(verdict, mbuf) => {
            follow(io, flows, view, Arrival { mbuf, packet, ip, side }, &verdict);
        }
        Later::Held => {}
        Later::Refused(_, Refusal::Table) => io.discard(DropReason::FragmentTable),
        Later::Refused(..) => io.discard(DropReason::FragmentEarly),
    }
}
