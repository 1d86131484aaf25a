//! Connections, a page at a time.

use std::net::{Ipv4Addr, SocketAddr};

use api::{Connection, ConnectionKind, Connections, Cursor, Endpoints, Failure, Page};
use nat::Direction;
use nat::connection::Kind;
use nat::tcp::State;
use wire::{FiveTuple, Protocol};

use super::Admin;
use crate::mailbox::FoundConnection;
use crate::snapshot::Snapshot;

impl Admin {
    pub(super) fn connections(&self, page: &Page) -> Result<Connections, Failure> {
        let limit = page.limit.clamp(1, Page::LIMIT) as usize;
        let snapshot = self.snapshot.read().clone();
        let mut entries = Vec::new();
        let mut at = page.cursor.unwrap_or(Cursor { worker: 0, index: 0 });
        while let Some(worker) = self.workers.get(at.worker as usize) {
            let walk = self.walk(worker, at.index as usize, limit - entries.len())?;
            let core = u32::from(worker.core);
            let found = walk.found.iter().map(|found| connection(&snapshot, found, core));
            entries.extend(found.filter(|connection| page.filter.matches(connection)));
            at = match walk.next {
                Some(index) => Cursor { index: index as u64, ..at },
                None => Cursor { worker: at.worker + 1, index: 0 },
            };
            if entries.len() >= limit {
                break;
            }
        }
        let more = (at.worker as usize) < self.workers.len();
        Ok(Connections { entries, next: more.then_some(at), generation: snapshot.generation })
    }
}

fn connection(snapshot: &Snapshot, found: &FoundConnection, worker: u32) -> Connection {
    let FoundConnection { record, idle_seconds, expires_seconds } = found;
    Connection {
        kind: match record.kind() {
            Kind::Service => ConnectionKind::Service,
            Kind::Masquerade => ConnectionKind::Masquerade,
            Kind::Hairpin => ConnectionKind::Hairpin,
        },
        protocol: record.protocol().to_string(),
        state: match (record.protocol(), record.state()) {
            (Protocol::Tcp, state) | (_, state @ (State::Unreplied | State::Replied)) => {
                state.name()
            }
            // Both ends have answered each other.
            _ => "ASSURED",
        }
        .to_owned(),
        service: snapshot.policy.service_of(record).map(|service| service.name.clone()),
        original: endpoints(record.key(Direction::Original).tuple()),
        translated: endpoints(record.translated(Direction::Original)),
        idle_seconds: *idle_seconds,
        expires_seconds: *expires_seconds,
        worker,
    }
}

fn endpoints(tuple: FiveTuple<Ipv4Addr>) -> Endpoints {
    Endpoints {
        source: SocketAddr::new(tuple.source.into(), tuple.source_port.number()),
        destination: SocketAddr::new(tuple.destination.into(), tuple.destination_port.number()),
    }
}
