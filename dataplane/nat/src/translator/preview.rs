//! What would become of a packet, and nothing done about it.
//!
//! The choice is made by the functions that decide about packets, told that they only look: no
//! permit, trial or place in a table is taken, and the scheduler is afterwards what it was before.

use std::net::Ipv4Addr;

use super::{Decision, Elsewhere, Translator, other_ports};
use crate::connection::NewConnection;
use crate::persistence;
use crate::policy::{Destination, Policy, Refusal, Request};
use crate::scheduler::Scheduler;
use crate::service::{ServerId, Service};
use crate::table::{ConnectionId, Hit};
use crate::time::Instant;

/// What would become of a packet.
#[derive(Clone, Copy, Debug)]
pub enum Preview {
    /// It belongs to a connection.
    Known(Hit),
    /// It would open this connection.
    Opens {
        /// The connection.
        connection: NewConnection<Ipv4Addr>,
        /// The connection that would end, since it has been closed and another one needs its port.
        replaces: Option<ConnectionId>,
        /// The table is full, and a connection that was never answered would make room.
        evicts: bool,
    },
    /// It is an echo request to the router.
    Router,
    /// It goes to another private host as it is.
    PrivateHost,
    /// It would open nothing.
    Refused(Refusal),
}

impl Translator<Ipv4Addr> {
    /// What [`Translator::decide`] would decide about a packet of no known connection if it came
    /// now. Afterwards all is as before. It copies the service's scheduler, so it takes memory:
    /// it is for operators' questions, not for packets.
    pub fn preview(
        &mut self,
        policy: &Policy<Ipv4Addr>,
        request: &Request<Ipv4Addr>,
        now: Instant,
    ) -> Preview {
        let destination = match policy.route(request) {
            Ok(destination) => destination,
            Err(refusal) => return Preview::Refused(refusal),
        };
        let service = match destination {
            Destination::Service { service, .. } => Some(service.id.index()),
            _ => None,
        };
        let kept = service.and_then(|at| Some((at, self.schedulers.get(at)?.clone())));
        let chosen = self.choose::<true>(policy, request, destination, now);
        if let Some((at, kept)) = kept {
            self.put_back(at, kept);
        }
        match chosen {
            Ok(plan) => self.preview_opening(policy, request, &plan, now),
            Err(Decision::Router) => Preview::Router,
            Err(Decision::PrivateHost) => Preview::PrivateHost,
            Err(Decision::Refused(refusal)) => Preview::Refused(refusal),
            Err(Decision::Known(hit) | Decision::Opened { hit, .. }) => Preview::Known(hit),
        }
    }

    /// The server that a persistent client of the service has, if it has one.
    pub fn server_of_client(
        &self,
        policy: &Policy<Ipv4Addr>,
        service: &Service<Ipv4Addr>,
        client: Ipv4Addr,
        now: Instant,
    ) -> Option<ServerId> {
        let persistence = service.persistence.as_ref()?;
        let table = policy.persistence.table()?;
        let key = policy.client_key;
        let at = persistence::server_of(table, persistence, client, key, now)?;
        service.servers.get(at).map(|server| server.id)
    }

    fn put_back(&mut self, at: usize, kept: Option<Scheduler>) {
        if let Some(place) = self.schedulers.get_mut(at) {
            *place = kept;
        }
    }

    fn preview_opening(
        &self,
        policy: &Policy<Ipv4Addr>,
        request: &Request<Ipv4Addr>,
        plan: &super::Plan<Ipv4Addr>,
        now: Instant,
    ) -> Preview {
        if self.is_free(&plan.connection) {
            return self.preview_entering(plan.connection);
        }
        let (plan, rule) = match self.elsewhere(policy, request, plan) {
            Elsewhere::Known(hit) => return Preview::Known(hit),
            Elsewhere::Refused(refusal) => return Preview::Refused(refusal),
            Elsewhere::At(plan, rule) => (plan, rule),
        };
        let random = self.port_number(request.key, now);
        let mut ports = other_ports(policy, rule, request, random);
        let free = ports.find_map(|port| {
            let connection = plan.connection.with_port(port);
            self.is_free(&connection).then_some(connection)
        });
        if let Some(connection) = free {
            return self.preview_entering(connection);
        }
        let ports = other_ports(policy, rule, request, random);
        let closed = rule.and_then(|_| self.oldest_closed(ports, &plan, now));
        match closed {
            Some((id, connection)) => {
                Preview::Opens { connection, replaces: Some(id), evicts: false }
            }
            None => Preview::Refused(Refusal::PortsExhausted),
        }
    }

    /// True if no connection has one of the two keys.
    fn is_free(&self, connection: &NewConnection<Ipv4Addr>) -> bool {
        let table = self.connections.table();
        let keys = [&connection.original, &connection.reply];
        keys.into_iter().all(|key| table.look_up(key).is_none())
            && connection.original != connection.reply
    }

    fn preview_entering(&self, connection: NewConnection<Ipv4Addr>) -> Preview {
        let evicts = self.connections.is_full_for(&connection);
        if evicts && !self.connections.has_evictable() {
            return Preview::Refused(Refusal::TableFull);
        }
        Preview::Opens { connection, replaces: None, evicts }
    }
}
