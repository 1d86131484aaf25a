//! Connections: listed a page at a time, counted, ended.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};

use api::{
    Connection, ConnectionCounts, ConnectionGroup, ConnectionKind, Connections, CountConnections,
    Endpoints, Failure, FailureKind, Filter, Kill, Killed, Page, Role,
};
use nat::Direction;
use nat::connection::Kind;
use nat::tcp::State;
use wire::{FiveTuple, Protocol};

use super::Admin;
use super::survey::{Copied, Survey};
use crate::clock::Tsc;
use crate::mailbox::FoundConnection;
use crate::snapshot::Snapshot;

impl Admin {
    pub(super) fn connections(&self, page: &Page) -> Result<Connections, Failure> {
        let limit = page.limit.clamp(1, Page::LIMIT) as usize;
        let snapshot = self.snapshot.read().clone();
        check(&page.filter, &snapshot)?;
        let takes_all = page.filter.is_empty() && page.order.is_none();
        let mut entries = Vec::new();
        let mut survey = Survey::new(self, page.cursor);
        let most = |entries: &Vec<_>| if takes_all { limit - entries.len() } else { usize::MAX };
        while let Some(copied) = survey.next(most(&entries))? {
            for (found, connection) in matching(&copied, &snapshot, &page.filter) {
                entries.push(connection);
                if page.order.is_none() && entries.len() >= limit {
                    survey.stop_behind(&copied, found);
                    break;
                }
            }
            if let Some(order) = page.order {
                order.keep_first(&mut entries, limit);
            }
        }
        Ok(Connections { entries, next: survey.cursor(), generation: snapshot.generation })
    }

    pub(super) fn count_connections(
        &self,
        count: &CountConnections,
    ) -> Result<ConnectionCounts, Failure> {
        let snapshot = self.snapshot.read().clone();
        check(&count.filter, &snapshot)?;
        let mut survey = Survey::new(self, count.cursor);
        let (mut connections, mut groups) = (0, HashMap::new());
        while let Some(copied) = survey.next(usize::MAX)? {
            for (_, connection) in matching(&copied, &snapshot, &count.filter) {
                connections += 1;
                if let Some(by) = count.by {
                    *groups.entry(by.group(&connection)).or_default() += 1;
                }
            }
        }
        let group = |(name, connections)| ConnectionGroup { name, connections };
        Ok(ConnectionCounts {
            connections,
            groups: groups.into_iter().map(group).collect(),
            next: survey.cursor(),
            generation: snapshot.generation,
        })
    }

    pub(super) fn kill(&self, kill: &Kill) -> Result<Killed, Failure> {
        if kill.filter.is_empty() && !kill.all {
            let message = "a filter without any part would end every connection: say that all are \
                           meant";
            return Err(Failure::new(FailureKind::Malformed, message));
        }
        if self.role.role(Tsc::now()) != Role::Active {
            let message = "this machine is on standby, and has copies of the connections: end them \
                           on the active machine, and the copies end, too";
            return Err(Failure::new(FailureKind::NotNow, message));
        }
        let snapshot = self.snapshot.read().clone();
        check(&kill.filter, &snapshot)?;
        let mut survey = Survey::new(self, kill.cursor);
        let mut connections = 0;
        while let Some(copied) = survey.next(usize::MAX)? {
            let targets: Vec<_> = matching(&copied, &snapshot, &kill.filter)
                .map(|(found, _)| (found.id, *found.record.key(Direction::Original)))
                .collect();
            if !targets.is_empty() {
                connections += self.have_killed(copied.worker, targets)?;
            }
        }
        if connections > 0 {
            let filter = &kill.filter;
            tracing::info!("{connections} connections were ended by an operator: {filter}");
        }
        Ok(Killed { connections, next: survey.cursor(), generation: snapshot.generation })
    }
}

/// A name that means nothing selects nothing, and is most likely misspelt.
fn check(filter: &Filter, snapshot: &Snapshot) -> Result<(), Failure> {
    let Some(service) = &filter.service else { return Ok(()) };
    if snapshot.policy.services.iter().any(|known| known.name == *service) {
        return Ok(());
    }
    let message = format!("there is no service {service:?}; tandem services shows those there are");
    Err(Failure::new(FailureKind::NotFound, message))
}

/// The connections that match the filter.
fn matching<'a>(
    copied: &'a Copied<'_>,
    snapshot: &'a Snapshot,
    filter: &'a Filter,
) -> impl Iterator<Item = (&'a FoundConnection, Connection)> {
    let worker = u32::from(copied.worker.core);
    let each = copied.found.iter().map(move |found| (found, connection(snapshot, found, worker)));
    each.filter(|(_, connection)| filter.matches(connection))
}

fn connection(snapshot: &Snapshot, found: &FoundConnection, worker: u32) -> Connection {
    let FoundConnection { record, age_seconds, idle_seconds, expires_seconds, .. } = found;
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
        age_seconds: *age_seconds,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_know_every_state() {
        let names = State::ALL.map(State::name);
        assert!(names.iter().all(|name| api::connections::STATES.contains(name)), "{names:?}");
        assert!(api::connections::STATES.contains(&"ASSURED"));
        assert_eq!(api::connections::STATES.len(), names.len() + 1);
    }
}
