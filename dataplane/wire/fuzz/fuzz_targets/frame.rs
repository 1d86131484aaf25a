//! Any bytes as a frame, through everything that takes one. Besides not to panic:
//! both paths read the same, and a translated packet can be read and translated back.
//!
//! `tests/sanitize.sh` builds and runs it.

#![no_main]

use std::net::Ipv4Addr;

use libfuzzer_sys::fuzz_target;
use wire::checksum::Sum;
use wire::parse::{self, Payload};
use wire::{FiveTuple, Port, build, flow, icmpv4, tcp, translate};

/// Makes the IPv4 header checksum of an untagged frame right, which no fuzzer guesses.
fn repair(frame: &mut [u8]) {
    let length = frame.get(14).map_or(0, |byte| usize::from(byte & 15) * 4);
    if let Some(header) = frame.get_mut(14..14 + length) {
        wire::ipv4::fill_checksum(header);
    }
    let total = match frame.get(16..18) {
        Some(&[a, b]) => usize::from(u16::from_be_bytes([a, b])),
        _ => return,
    };
    if frame.get(23) != Some(&1) {
        return;
    }
    let Some(message) = frame.get_mut(14 + length..14 + total.max(length)) else { return };
    if let Some(field) = message.get_mut(2..4) {
        field.fill(0);
        let checksum = Sum::of_bytes(message).checksum().to_bytes();
        message[2..4].copy_from_slice(&checksum);
    }
}

fuzz_target!(|data: &[u8]| {
    let mut frame = data.to_vec();
    repair(&mut frame);
    let _ = tcp::clamp_mss(&mut frame.clone(), 1000);
    let fast = flow::read(&frame);
    let Ok(packet) = parse::frame(&frame) else { return };
    let Some(ip) = packet.ipv4() else { return };
    if let Ok(flow) = fast {
        assert_eq!(ip.flow(), Some(flow));
    }
    let mut output = [0; 600];
    let error = icmpv4::Error::TimeExceeded { code: 0 };
    let _ = build::icmp_error(&frame, &packet, error, Ipv4Addr::new(10, 0, 0, 1), &mut output);
    for piece in build::pieces(ip, 100).into_iter().flatten() {
        let _ = build::fragment(&frame, &packet, piece, &mut output);
    }
    let _ = build::echo_reply(&mut frame.clone(), &packet);
    let new = |old: FiveTuple<Ipv4Addr>| FiveTuple {
        source: Ipv4Addr::new(10, 0, 0, 1),
        destination: Ipv4Addr::new(10, 0, 0, 2),
        source_port: Port::new(1),
        destination_port: Port::new(2),
        ..old
    };
    if let Some(old) = ip.tuple() {
        assert_eq!(translate::packet(&mut frame, &packet, new(old)), Ok(()));
        let translated = parse::frame(&frame).expect("a translated packet is whole");
        assert_eq!(translate::packet(&mut frame, &translated, old), Ok(()));
        assert_eq!(parse::frame(&frame), Ok(packet));
    }
    if let Payload::IcmpError { embedded, .. } = ip.payload {
        let (source, destination, old) = (ip.source, ip.destination, embedded.tuple);
        let inside = new(old);
        let done = translate::icmp_error(&mut frame, &packet, inside.source, destination, inside);
        assert_eq!(done, Ok(()));
        let translated = parse::frame(&frame).expect("a translated error is whole");
        let back = translate::icmp_error(&mut frame, &translated, source, destination, old);
        assert_eq!(back, Ok(()));
        assert_eq!(parse::frame(&frame), Ok(packet));
    }
});
