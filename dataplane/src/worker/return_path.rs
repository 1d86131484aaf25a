//! Answers of servers to the main core, which asks them from the virtual IPs
//! ([`crate::return_path`]): packets to a virtual IP that open nothing.

use std::net::Ipv4Addr;

use nat::Side;
use nat::policy::{Refusal, Request};
use wire::Protocol;
use wire::tcp::Flags;

use super::answer_limits::AnswerKind;
use super::answers;
use super::io::Io;
use super::slow::Arrival;
use super::view::View;
use crate::handoff_tag::HandoffTag;
use crate::punt::PuntClass;
use crate::return_path::is_asking_port;

/// True for a refused packet that may be an answer.
pub(super) fn is_answer(view: &View, request: &Request<Ipv4Addr>, refusal: Refusal) -> bool {
    let tuple = request.key.tuple();
    let comes_back = request.key.side() == Side::Private
        && view.policy().network(Side::Public).is_floating(tuple.destination);
    match (tuple.protocol, refusal) {
        (Protocol::Tcp, Refusal::NoService) => {
            let answers = request.flags.is_syn_ack() || request.flags.contains(Flags::RST);
            comes_back && answers && is_asking_port(tuple.destination_port)
        }
        (Protocol::Icmp, Refusal::NoConnection) => comes_back && request.is_icmp_reply,
        _ => false,
    }
}

/// Gives it to the main core, which answers it; not more of them than there would be answers
/// from here.
pub(super) fn hand_over(
    io: &mut Io,
    view: &View,
    arrival: Arrival,
    request: &Request<Ipv4Addr>,
    refusal: Refusal,
) {
    if io.limits.take(AnswerKind::Reset, arrival.side, arrival.ip.source, view.now) {
        let side = arrival.side;
        io.punt(PuntClass::Check, side, HandoffTag::ReturnPath(side), arrival.mbuf, view.now);
    } else {
        answers::refuse(io, view, &arrival, request, refusal);
    }
}
