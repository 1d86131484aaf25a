//! Packets between private hosts that came here by their sender's default route: forwarded
//! back out of the private side as they are, as a router does.

use std::net::Ipv4Addr;

use nat::policy::Refusal;
use nat::{Instant, Side};
use wire::icmpv4::{Error, redirect, unreachable};

use super::flows::Flows;
use super::io::Io;
use super::slow::Arrival;
use super::view::View;
use super::{answers, forward as out};
use crate::drop_reason::DropReason;

/// Senders and destinations that are remembered: a power of two.
const PLACES: usize = 256;
/// After so long a sender is told again.
const AGAIN_MILLIS: u64 = 60_000;

/// Who was told of a better way lately.
pub(super) struct Redirected([Option<Told>; PLACES]);

#[derive(Clone, Copy)]
struct Told {
    source: Ipv4Addr,
    destination: Ipv4Addr,
    at: Instant,
}

impl Redirected {
    /// Nobody yet.
    pub(super) const EMPTY: Redirected = Redirected([None; PLACES]);

    /// Remembers that a sender is told of the way to a destination; false if it was told
    /// already.
    fn tell(&mut self, source: Ipv4Addr, destination: Ipv4Addr, now: Instant) -> bool {
        let at = (source.to_bits() ^ destination.to_bits().rotate_left(4)) as usize % PLACES;
        let Some(place) = self.0.get_mut(at) else { return false };
        let is_known = place.is_some_and(|told| {
            (told.source, told.destination) == (source, destination)
                && now.since(told.at) < AGAIN_MILLIS
        });
        *place = Some(Told { source, destination, at: now }).filter(|_| !is_known).or(*place);
        !is_known
    }
}

/// Sends a packet to another private host, and tells its sender of the better way, if there
/// is one for it (RFC 1812 section 5.2.7.2).
pub(super) fn forward(io: &mut Io, flows: &mut Flows, view: &View, arrival: Arrival) {
    let (source, destination) = (arrival.ip.source, arrival.ip.destination);
    if arrival.ip.ttl <= 1 {
        return answers::expire_ttl(io, view, &arrival);
    }
    let network = view.policy().network(Side::Private);
    // Back to the router that it came from would go to and fro until its time is over.
    let hop = network.next_hop(destination).filter(|&hop| hop != source);
    let Some(hop) = hop else {
        answers::send_error(io, view, &arrival, answers::unreachable(unreachable::HOST));
        return io.discard(Refusal::NoRoute.into());
    };
    if !out::fits(io, view, &arrival, Side::Private) {
        return io.discard(DropReason::TooBig);
    }
    let is_neighbour = network.real.contains(source);
    if is_neighbour && flows.redirected.tell(source, destination, view.now) {
        let error = Error::Redirect { code: redirect::HOST, gateway: hop };
        answers::send_error(io, view, &arrival, error);
    }
    let slot = out::find_hop(flows, view, Side::Private, destination);
    let mac = view.neighbours.mac(slot);
    out::send(io, view, arrival, Side::Private, destination, mac);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_is_told_once_of_each_way_and_again_after_a_minute() {
        let mut redirected = Redirected::EMPTY;
        let host = |last| Ipv4Addr::new(10, 0, 0, last);
        let at = Instant::from_millis;
        assert!(redirected.tell(host(1), host(9), at(5)));
        assert!(!redirected.tell(host(1), host(9), at(6)));
        assert!(redirected.tell(host(2), host(9), at(6)));
        assert!(redirected.tell(host(1), host(9), at(5 + AGAIN_MILLIS)));
    }
}
