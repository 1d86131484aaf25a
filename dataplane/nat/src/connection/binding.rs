//! Connections of services that this machine's configuration did not have when they came.
//!
//! The other machine of a pair may be ahead: it has a service already, and tells of its
//! connections. They are kept, bound to no real server. When a configuration comes that
//! has their service, they are looked for, some records in each poll, and count from then
//! on for their server like any other.

use std::net::Ipv4Addr;

use super::Connections;
use crate::Direction;
use crate::record::{Bound, Record};
use crate::service::{ServerId, Services};

/// Records that the search looks at in one poll.
const PER_POLL: usize = 32;

impl Record<Ipv4Addr> {
    /// Binds the connection by what service and server are called in this machine's
    /// configuration: numbers are each process's own. Without the server it has not the service
    /// either: the number of a service is in use only as long as one of its servers is.
    pub(super) fn bind(&mut self, services: &Services<Ipv4Addr>) {
        let original = self.key(Direction::Original).tuple();
        let reply = self.key(Direction::Reply).tuple();
        let found =
            services.find(original.destination, original.destination_port, original.protocol);
        let bound = found.and_then(|service| {
            let asked = original.destination_port;
            let server = service.server_at(reply.source, reply.source_port, asked)?;
            Some(Bound::new(service.id, server.id))
        });
        self.bound = bound.unwrap_or(Bound::NONE);
    }
}

impl Connections<Ipv4Addr> {
    /// There is another configuration: the services given to [`Connections::bind_on`] from
    /// now on are its own.
    pub fn services_changed(&mut self) {
        self.binding = (self.unbound > 0).then_some(0);
    }

    /// A step of the search for connections that the configuration has a real server for by
    /// now. Returns how many records it has looked at, none when nothing is to be found.
    #[inline(always)]
    pub fn bind_on(&mut self, services: &Services<Ipv4Addr>) -> usize {
        match self.binding {
            Some(start) => self.bind_from(start, services),
            None => 0,
        }
    }

    #[cold]
    fn bind_from(&mut self, start: usize, services: &Services<Ipv4Addr>) -> usize {
        let end = (start + PER_POLL).min(self.table.places());
        for at in start..end {
            let Some((id, record)) = self.table.at_mut(at) else { continue };
            if !record.is_unbound() {
                continue;
            }
            record.bind(services);
            if record.server() != ServerId::NONE {
                self.unbound -= 1;
                self.accounting.bound(record);
                let share = self.accounting.shares.of(record);
                self.accounting.shares.opened(id, share);
            }
        }
        let goes_on = end < self.table.places() && self.unbound > 0;
        self.binding = goes_on.then_some(end);
        end - start
    }
}
