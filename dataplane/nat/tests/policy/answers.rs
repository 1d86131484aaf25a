//! What the senders of refused packets are told.

use std::net::Ipv4Addr;

use nat::Side::{Private, Public};
use nat::policy::{Answer, Refusal, Request};
use nat::service::Unserved;
use nat::translator::Decision;
use nat::{Instant, Side};
use proptest::prelude::*;
use wire::Protocol::{Icmp, Tcp, Udp};
use wire::tcp::Flags;

use crate::world::{CLIENT, GATEWAY, VIP, World, request, requests, server, worlds};

fn told(world: &World, request: &Request<Ipv4Addr>) -> (Refusal, Answer) {
    let policy = world.policy();
    match world.translator(&policy).decide(&policy, request, None, Instant::from_millis(1)) {
        Decision::Refused(refusal) => (refusal, policy.answer(request, refusal)),
        other => panic!("{other:?} is no refusal"),
    }
}

fn drained(unserved: Option<Unserved>) -> World {
    let mut world = World::usual();
    for service in &mut world.services {
        service.unserved = unserved;
    }
    world.weights = vec![vec![0; 2]; 2];
    world
}

#[test]
fn clients_of_a_service_without_servers_are_told_at_once() {
    let world = drained(None);
    let web = request(Public, Tcp, (CLIENT, 4242), (VIP, 80));
    assert_eq!(told(&world, &web), (Refusal::NoServer, Answer::Reset));
    let dns = request(Public, Udp, (CLIENT, 4242), (VIP, 53));
    assert_eq!(told(&world, &dns), (Refusal::NoServer, Answer::PortUnreachable));
    let inside = request(Private, Udp, (server(77), 4242), (VIP, 53));
    assert_eq!(told(&world, &inside), (Refusal::NoServer, Answer::PortUnreachable));
}

#[test]
fn an_operator_may_choose_silence_for_a_service_or_for_the_machine() {
    let web = request(Public, Tcp, (CLIENT, 4242), (VIP, 80));
    let closed = request(Public, Udp, (CLIENT, 4242), (VIP, 9));
    let mut closed_in = World { rules: Vec::new(), unserved: Unserved::Drop, ..World::usual() };
    let out = request(Private, Udp, (server(77), 4242), (CLIENT, 9));
    assert_eq!(told(&closed_in, &out), (Refusal::NotMasqueraded, Answer::Silence));
    closed_in.unserved = Unserved::Reject;
    assert_eq!(told(&closed_in, &out).1, Answer::Prohibited);
    assert_eq!(told(&drained(Some(Unserved::Drop)), &web).1, Answer::Silence);
    let mut silent = drained(None);
    silent.unserved = Unserved::Drop;
    assert_eq!(told(&silent, &web).1, Answer::Silence);
    assert_eq!(told(&silent, &closed).1, Answer::Silence);
    silent.services[0].unserved = Some(Unserved::Reject);
    assert_eq!(told(&silent, &web).1, Answer::Reset);
}

#[test]
fn a_floating_address_answers_as_a_host_does() {
    let world = World::usual();
    for (address, side, from) in [(VIP, Public, CLIENT), (GATEWAY, Private, server(77))] {
        let at = |protocol| request(side, protocol, (from, 4242), (address, 9));
        assert_eq!(told(&world, &at(Tcp)), (Refusal::NoService, Answer::Reset));
        assert_eq!(told(&world, &at(Udp)), (Refusal::NoService, Answer::PortUnreachable));
        let reply = Request { is_icmp_reply: true, ..at(Icmp) };
        assert_eq!(told(&world, &reply).1, Answer::Silence);
    }
}

/// RFC 5382 REQ-4.
#[test]
fn an_unsolicited_syn_to_a_port_for_masquerading_is_not_answered() {
    let world = World::usual();
    let syn = request(Public, Tcp, (CLIENT, 4242), (VIP, 8080));
    assert_eq!(told(&world, &syn), (Refusal::NoService, Answer::Silence));
    let privileged = request(Public, Tcp, (CLIENT, 4242), (VIP, 81));
    assert_eq!(told(&world, &privileged).1, Answer::Reset);
    let datagram = request(Public, Udp, (CLIENT, 4242), (VIP, 33_434));
    assert_eq!(told(&world, &datagram).1, Answer::PortUnreachable);
    let segment = Request { flags: Flags::ACK, ..syn };
    assert_eq!(told(&world, &segment).1, Answer::Reset);
    let inside = request(Private, Tcp, (server(77), 4242), (VIP, 8080));
    assert_eq!(told(&world, &inside).1, Answer::Reset);
}

#[test]
fn private_hosts_are_told_why_they_do_not_get_out() {
    let mut world = World::usual();
    let out = request(Private, Udp, (server(77), 4242), (CLIENT, 9));
    let last = Request { ttl: 1, ..out };
    assert_eq!(told(&world, &last), (Refusal::TtlExpired, Answer::TimeExceeded));
    world.has_gateway = false;
    assert_eq!(told(&world, &out), (Refusal::NoRoute, Answer::NetworkUnreachable));
    world.rules.clear();
    assert_eq!(told(&world, &out), (Refusal::NotMasqueraded, Answer::Prohibited));
}

proptest! {
    /// Nothing that the public side forges makes this machine an amplifier of its own: who
    /// asks for what is none of this machine's business gets no answer.
    #[test]
    fn strangers_to_this_machine_hear_nothing(world in worlds(), request in requests()) {
        let policy = world.policy();
        let decision =
            world.translator(&policy).decide(&policy, &request, None, Instant::from_millis(1));
        let Decision::Refused(refusal) = decision else { return Ok(()) };
        let silent = matches!(refusal, Refusal::Martian | Refusal::Spoofed | Refusal::NotForUs)
            || (request.key.side() == Side::Public && refusal == Refusal::TableFull);
        if silent {
            prop_assert_eq!(policy.answer(&request, refusal), Answer::Silence);
        }
    }
}
