//! What senders are told by the router itself: ICMP errors and resets.

use std::net::Ipv4Addr;

use nat::Side;
use nat::policy::{Answer, Refusal, Request};
use nat::service::Unserved;
use wire::build;
use wire::icmpv4::{self, Error, exceeded, unreachable};

use super::answer_limits::AnswerKind;
use super::io::Io;
use super::slow::Arrival;
use super::view::View;
use crate::clock::Tsc;
use crate::drop_reason::DropReason;

/// Room for an error: Ethernet, and 576 bytes (RFC 1812 section 4.3.2.3).
pub(super) const ERROR_FRAME: usize = 14 + 576;

/// An ICMP error "destination unreachable".
pub(super) const fn unreachable(code: u8) -> Error {
    Error::DestinationUnreachable { code, next_hop_mtu: 0 }
}

/// Drops a packet that opens nothing, and tells its sender what there is to tell.
pub(super) fn refuse(
    io: &mut Io,
    view: &View,
    arrival: &Arrival,
    request: &Request<Ipv4Addr>,
    refusal: Refusal,
) {
    io.discard(refusal.into());
    let answer = view.policy().answer(request, refusal);
    // The other machine may know the flow that the datagram belongs to, and be back in a moment.
    if answer == Answer::PortUnreachable && refusal == Refusal::NoService && is_quiet(view) {
        return;
    }
    let error = match answer {
        Answer::Silence => return,
        Answer::Reset => return send_reset(io, view, arrival),
        Answer::NetworkUnreachable => unreachable(unreachable::NETWORK),
        Answer::HostUnreachable => unreachable(unreachable::HOST),
        Answer::PortUnreachable => unreachable(unreachable::PORT),
        Answer::Prohibited => unreachable(unreachable::PROHIBITED),
        Answer::TimeExceeded => Error::TimeExceeded { code: exceeded::TRANSIT },
    };
    send_error(io, view, arrival, error);
}

/// A packet that has come to the end of its time: says so to its sender.
pub(super) fn expire_ttl(io: &mut Io, view: &View, arrival: &Arrival) {
    send_error(io, view, arrival, Error::TimeExceeded { code: exceeded::TRANSIT });
    io.discard(DropReason::TtlExpired);
}

/// A protocol that is not translated: a private host is told (RFC 1812 section
/// 5.2.7.1), and who asks a floating address for it (RFC 1122 section 3.2.2.1).
pub(super) fn refuse_protocol(io: &mut Io, view: &View, arrival: &Arrival) {
    io.discard(DropReason::Protocol);
    if view.policy().unserved == Unserved::Drop {
        return;
    }
    let code = match arrival.side {
        _ if view.policy().is_floating_from(arrival.side, arrival.ip.destination) => {
            unreachable::PROTOCOL
        }
        Side::Private => unreachable::PROHIBITED,
        Side::Public => return,
    };
    send_error(io, view, arrival, unreachable(code));
}

/// Resets a connection that is not known, as a host would (RFC 9293 section 3.10.7.1): or the
/// sender of the segment, whose connection has outlived its state here, would wait for
/// minutes. Not so soon after a takeover, but for a SYN: the connection may be the peer's,
/// which might be there again in a moment.
fn send_reset(io: &mut Io, view: &View, arrival: &Arrival) {
    // In this order: whose role has just begun is not taken for one of long ago.
    if !view.role.answers(Tsc::now()) || (!arrival.flags().is_syn_only() && is_quiet(view)) {
        return;
    }
    let Some(reset) = build::tcp_reset(arrival.mbuf.data(), &arrival.packet) else { return };
    if !io.limits.take(AnswerKind::Reset, arrival.side, arrival.ip.source, view.now) {
        return view.counters.resets_limited.add(1);
    }
    let Some(mut mbuf) = io.mempool.alloc() else { return };
    if let Some(room) = mbuf.append(reset.len()) {
        room.copy_from_slice(&reset);
        view.counters.resets.add(1);
        io.transmit(arrival.side, mbuf);
    }
}

/// True for so long after a takeover that connections of the other machine may come back with it
/// ([`crate::snapshot::Snapshot::quiet`]).
fn is_quiet(view: &View) -> bool {
    Tsc::now() < view.clock.rate().after(view.role.claimed(), view.snapshot.quiet)
}

/// Sends an error of the router's own about a packet, to its sender, back over the link it
/// came by; not for every packet, and not too often. True if it was sent.
pub(super) fn send_error(io: &mut Io, view: &View, arrival: &Arrival, error: Error) -> bool {
    let from = source(view, arrival, error);
    let Some(mbuf) = build_error(io, view, arrival, error, from) else { return false };
    view.counters.icmp_errors.add(1);
    io.transmit(arrival.side, mbuf);
    true
}

/// A frame with an error about a packet, if one may be sent about it now. What is never
/// answered uses up nothing.
pub(super) fn build_error(
    io: &mut Io,
    view: &View,
    arrival: &Arrival,
    error: Error,
    from: Ipv4Addr,
) -> Option<dpdk::mbuf::Mbuf> {
    build::may_send_error(&arrival.packet).ok()?;
    if !io.limits.take(kind(error), arrival.side, arrival.ip.source, view.now) {
        view.counters.icmp_limited.add(1);
        return None;
    }
    let mut mbuf = io.mempool.alloc()?;
    let room = mbuf.append(ERROR_FRAME)?;
    let frame = arrival.mbuf.data();
    let length = build::icmp_error(frame, &arrival.packet, error, from, room).ok()?;
    mbuf.truncate(length);
    Some(mbuf)
}

/// The address that an error comes from: a floating address that refuses a port or a protocol
/// speaks for itself, as a host does; a redirect is believed only from the gateway address
/// (RFC 1122 section 3.2.2.2); of everything else the router tells.
fn source(view: &View, arrival: &Arrival, error: Error) -> Ipv4Addr {
    if let Error::Redirect { .. } = error {
        return view.policy().hairpin;
    }
    let is_hosts_own = matches!(
        error,
        Error::DestinationUnreachable { code: unreachable::PORT | unreachable::PROTOCOL, .. }
    );
    match is_hosts_own && view.policy().is_floating(arrival.ip.destination) {
        true => arrival.ip.destination,
        false => view.policy().network(arrival.side).real.address,
    }
}

fn kind(error: icmpv4::Error) -> AnswerKind {
    match error {
        Error::DestinationUnreachable { code: unreachable::FRAGMENTATION_NEEDED, .. } => {
            AnswerKind::FragmentationNeeded
        }
        Error::TimeExceeded { .. } => AnswerKind::TimeExceeded,
        Error::Redirect { .. } => AnswerKind::Redirect,
        Error::DestinationUnreachable { .. }
        | Error::SourceQuench
        | Error::ParameterProblem { .. } => AnswerKind::Unreachable,
    }
}
