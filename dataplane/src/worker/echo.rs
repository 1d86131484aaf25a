//! Echo requests to floating addresses: answered as a host does, those in fragments as well.

use wire::{build, parse};

use super::flows::Flows;
use super::forward;
use super::fragments::{self, Verdict};
use super::io::Io;
use super::slow::Arrival;
use super::view::View;
use crate::drop_reason::DropReason;

/// Answers an echo request, or keeps the first fragment of one.
pub(super) fn answer(io: &mut Io, flows: &mut Flows, view: &View, mut arrival: Arrival) {
    if arrival.ip.fragment.is_some() {
        fragments::first(io, flows, view, &arrival, Verdict::Router);
        return put_together(io, flows, view, arrival);
    }
    if build::echo_reply(arrival.mbuf.data_mut(), &arrival.packet) {
        view.counters.echoes.add(1);
        io.transmit(arrival.side, arrival.mbuf);
    }
}

/// Adds a fragment of an echo request to the others, and answers it when it is whole: in
/// fragments again, back over the link that the last one came by.
pub(super) fn put_together(io: &mut Io, flows: &mut Flows, view: &View, arrival: Arrival) {
    let Some(key) = fragments::key(&arrival) else { return };
    let (side, mac) = (arrival.side, arrival.packet.source_mac);
    let given_up = flows.reassembly.take_given_up();
    view.counters.drops.add(DropReason::FragmentExpired, given_up);
    let added = flows.reassembly.add(key, &arrival.packet, arrival.mbuf.data(), view.now);
    let frame = match added {
        Ok(Some(frame)) => frame,
        Ok(None) => return,
        Err(_) => return io.discard(DropReason::FragmentToRouter),
    };
    let Ok(packet) = parse::frame(frame) else { return io.discard(DropReason::IcmpChecksum) };
    if !build::echo_reply(frame, &packet) {
        return io.discard(DropReason::FragmentToRouter);
    }
    let Ok(reply) = parse::frame(frame) else { return io.discard(DropReason::Truncated) };
    view.counters.echoes.add(1);
    forward::send_in_pieces(io, view, side, arrival.ip.source, Some(mac), frame, &reply);
}
