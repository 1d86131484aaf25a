//! Packets between private hosts that came here by their sender's default route: forwarded
//! back out of the private side as they are, as a router does.

use std::net::Ipv4Addr;

use ahash::RandomState;
use nat::policy::Refusal;
use nat::service::Unserved;
use nat::{Instant, Side};
use wire::icmpv4::{Error, redirect, unreachable};

use super::flows::Flows;
use super::io::Io;
use super::slow::Arrival;
use super::view::View;
use super::{answers, forward as out};
use crate::drop_reason::DropReason;

/// Senders and destinations that are remembered.
const PLACES: usize = 1024;
/// After so long a sender is told again.
const AGAIN_MILLIS: u64 = 60_000;

/// Who was told of a better way lately.
pub(super) struct Redirected {
    told: Vec<Option<Told>>,
    /// Nobody outside can choose addresses that meet in one place.
    places: RandomState,
}

#[derive(Clone, Copy)]
struct Told {
    source: Ipv4Addr,
    destination: Ipv4Addr,
    at: Instant,
}

impl Default for Redirected {
    fn default() -> Self {
        Redirected { told: vec![None; PLACES], places: RandomState::new() }
    }
}

impl Redirected {
    fn place(&mut self, source: Ipv4Addr, destination: Ipv4Addr) -> Option<&mut Option<Told>> {
        let at = self.places.hash_one((source, destination)) as usize % PLACES;
        self.told.get_mut(at)
    }

    /// True if the sender was told of the way to this destination lately.
    fn knows(&mut self, source: Ipv4Addr, destination: Ipv4Addr, now: Instant) -> bool {
        let told = self.place(source, destination).and_then(|place| *place);
        told.is_some_and(|told| {
            (told.source, told.destination) == (source, destination)
                && now.since(told.at) < AGAIN_MILLIS
        })
    }

    /// Remembers that the sender has been told.
    fn tell(&mut self, source: Ipv4Addr, destination: Ipv4Addr, now: Instant) {
        if let Some(place) = self.place(source, destination) {
            *place = Some(Told { source, destination, at: now });
        }
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
    let Some(hop) = network.next_hop(destination) else { return refuse(io, view, &arrival) };
    let slot = out::find_hop(flows, view, Side::Private, destination);
    let mac = view.neighbours.receiver(slot);
    // Back to the router that it came from it would go to and fro until its time is over.
    if hop == source || mac == Some(arrival.packet.source_mac) {
        return refuse(io, view, &arrival);
    }
    if !out::fits(io, view, &arrival, Side::Private) {
        return io.discard(DropReason::TooBig);
    }
    let is_neighbour = network.real.contains(source);
    if is_neighbour && !flows.redirected.knows(source, destination, view.now) {
        let error = Error::Redirect { code: redirect::HOST, gateway: hop };
        if answers::send_error(io, view, &arrival, error) {
            flows.redirected.tell(source, destination, view.now);
        }
    }
    out::send(io, view, arrival, Side::Private, destination, mac);
}

/// Drops a packet for which there is no way, and tells its sender.
fn refuse(io: &mut Io, view: &View, arrival: &Arrival) {
    io.discard(Refusal::NoRoute.into());
    if view.policy().unserved == Unserved::Reject {
        answers::send_error(io, view, arrival, answers::unreachable(unreachable::HOST));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_is_told_once_of_each_way_and_again_after_a_minute() {
        let mut redirected = Redirected::default();
        let host = |last| Ipv4Addr::new(10, 0, 0, last);
        let at = Instant::from_millis;
        assert!(!redirected.knows(host(1), host(9), at(5)));
        redirected.tell(host(1), host(9), at(5));
        assert!(redirected.knows(host(1), host(9), at(6)));
        assert!(!redirected.knows(host(2), host(9), at(6)));
        assert!(!redirected.knows(host(1), host(9), at(5 + AGAIN_MILLIS)));
    }
}
