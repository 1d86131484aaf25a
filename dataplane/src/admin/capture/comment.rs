//! What is known of a captured packet, in words.

use core::fmt::Write;
use std::net::Ipv4Addr;

use ::capture::{Course, Ending, PacketCopy};
use nat::Direction;
use nat::table::Record;
use wire::FiveTuple;

use crate::drop_reason::DropReason;
use crate::snapshot::Snapshot;

/// The comment of a copy that the worker on a core has made.
pub(super) fn comment(copy: &PacketCopy, core: u16, snapshot: &Snapshot) -> String {
    let mut text = match (copy.course, copy.ending) {
        (_, Ending::Dropped(reason)) => dropped(reason),
        (Course::Sent, _) if copy.connection.is_some() => "sent, after translation".to_owned(),
        (Course::Sent, _) => "sent".to_owned(),
        (_, Ending::MainCore) => "received, for the main core (kernel, ARP, neighbour)".to_owned(),
        _ if copy.connection.is_some() => "received, before translation".to_owned(),
        _ => "received".to_owned(),
    };
    // Writing into a text does not fail.
    let _ = write!(text, "; packet {}; worker {core}", copy.number);
    if let Some((id, record)) = &copy.connection {
        let _ = write!(text, "; connection {}: ", id.index());
        connection(&mut text, record, snapshot);
    }
    text
}

fn dropped(number: u8) -> String {
    match DropReason::ALL.get(usize::from(number)) {
        Some(reason) => {
            let why = reason.description().trim_end_matches('.');
            format!("dropped: {}: {why}", reason.name())
        }
        None => "dropped".to_owned(),
    }
}

fn connection(text: &mut String, record: &Record<Ipv4Addr>, snapshot: &Snapshot) {
    let _ = write!(text, "{} ", record.protocol());
    tuple(text, record.key(Direction::Original).tuple());
    text.push_str(", sent on as ");
    tuple(text, record.translated(Direction::Original));
    if let Some(service) = snapshot.policy.service_of(record) {
        let _ = write!(text, ", service {}", service.name);
    }
}

fn tuple(text: &mut String, tuple: FiveTuple<Ipv4Addr>) {
    let FiveTuple { source, destination, source_port, destination_port, .. } = tuple;
    let (from, to) = (source_port.number(), destination_port.number());
    let _ = write!(text, "{source}:{from} > {destination}:{to}");
}
