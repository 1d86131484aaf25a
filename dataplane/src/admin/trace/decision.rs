//! Why a connection got its server, in words.

use std::net::{Ipv4Addr, SocketAddr};

use api::{Step, TraceStage};
use nat::Direction;
use nat::record::Kind;
use nat::service::{Cause, ServerId, Service};
use wire::FiveTuple;

use super::words::Words;
use crate::trace::{Considered, ConsideredServer};

/// A connection that was, or would be, opened.
pub(super) struct Opening<'a> {
    pub(super) kind: Kind,
    pub(super) service: Option<&'a Service<Ipv4Addr>>,
    pub(super) server: ServerId,
    /// The packet's addresses as it arrives, and as it leaves.
    pub(super) asked: FiveTuple<Ipv4Addr>,
    pub(super) translated: FiveTuple<Ipv4Addr>,
    pub(super) direction: Direction,
    pub(super) considered: Option<&'a Considered>,
}

impl Words<'_> {
    /// How a new connection was decided about.
    pub(super) fn opening(&self, opening: &Opening<'_>) -> Step {
        let mut step = match (opening.kind, opening.service) {
            (Kind::Masquerade, _) | (_, None) => self.masqueraded(opening),
            (_, Some(service)) => self.served(opening, service),
        };
        step.service = opening.service.map(|service| service.name.clone());
        step.server = self.server(opening.server);
        step
    }

    fn masqueraded(&self, opening: &Opening<'_>) -> Step {
        let FiveTuple { source, source_port, .. } = opening.translated;
        let asked = opening.asked.source;
        let rule = self.snapshot.policy.masquerades.iter().position(|rule| rule.covers(asked));
        let rule =
            rule.map_or_else(String::new, |at| format!(" (rule {} of [[masquerade]])", at + 1));
        let port = match source_port == opening.asked.source_port {
            true => "its own port",
            false => "another port, as its own is taken or not to be given out",
        };
        let text = format!(
            "a new connection of {asked}, masqueraded as {source}:{source_port}, {port}{rule}"
        );
        Step::new(TraceStage::Decided, "masquerade", text)
    }

    fn served(&self, opening: &Opening<'_>, service: &Service<Ipv4Addr>) -> Step {
        let name = &service.name;
        let chosen = self.server_name(opening.server, service);
        if opening.direction == Direction::Reply {
            let text = format!("service {name}: its server {chosen} speaks first");
            return Step::new(TraceStage::Decided, "server_first", text);
        }
        let is_sorry = service.sorry.iter().any(|server| server.id == opening.server);
        let considered = opening.considered;
        let kept = considered.is_some_and(|one| one.remembered == Some(opening.server));
        let how = match (is_sorry, kept) {
            (true, _) => "sorry",
            (_, true) => "persistence",
            _ => service.scheduler.name(),
        };
        let mut reasons: Vec<String> = Vec::new();
        if considered.is_some_and(|one| one.sorry_only) {
            reasons.push("only sorry servers get new connections".to_owned());
        }
        if let Some(lost) = considered.and_then(|one| one.remembered).filter(|_| !kept) {
            let lost = self.server_name(lost, service);
            reasons.push(format!("the client's server {lost} does not take it"));
        }
        let servers = considered.map(|one| &one.servers[..]).unwrap_or_default();
        let passed = servers.iter().flatten().filter(|one| one.id != opening.server);
        reasons.extend(passed.filter_map(|one| self.passed_over(one, service)));
        let state = servers.iter().flatten().find(|one| one.id == opening.server);
        let state = state.map_or_else(String::new, |one| {
            let connections = one.load.connections();
            let many = if connections == 1 { "" } else { "s" };
            format!(" (weight {}, {connections} connection{many})", one.state.weight())
        });
        let by = match how {
            "sorry" => format!("chosen sorry server {chosen}{state}, as no server takes it"),
            "persistence" => format!("chosen {chosen}{state}, which the client had before"),
            scheduler => format!("chosen {chosen} by {scheduler}{state}"),
        };
        reasons.push(by);
        let hairpin = match opening.kind {
            Kind::Hairpin => ", asked by a private host",
            _ => "",
        };
        let text = format!("service {name}{hairpin}: {}", reasons.join(", "));
        Step::new(TraceStage::Decided, how, text)
    }

    /// Why a server was not chosen; `None` for one that might have been.
    pub(super) fn passed_over(
        &self,
        server: &ConsideredServer,
        service: &Service<Ipv4Addr>,
    ) -> Option<String> {
        let name = self.server_name(server.id, service);
        let state = server.state;
        Some(match () {
            () if state.is_down() => format!("server {name} is down by its check"),
            () if state.is_draining() && state.weight() == 0 => {
                format!("server {name} has weight 0 (it is drained, disabled or configured so)")
            }
            () if state.weight() == 0 => format!("server {name} has weight 0"),
            () if state.is_suspect() => {
                let cause = match state.cause() {
                    Some(Cause::Refused) => "refused",
                    Some(Cause::Unreachable) => "unreachable",
                    Some(Cause::Unanswered) => "unanswered",
                    None => "unknown",
                };
                format!("server {name} is suspect ({cause})")
            }
            () if !server.has_room => format!("server {name} has as many connections as it takes"),
            () => return None,
        })
    }

    /// Why nobody serves: each server with its reason.
    pub(super) fn nobody(&self, considered: &Considered) -> Option<String> {
        let service = self.snapshot.policy.services.get(considered.service)?;
        let servers = considered.servers.iter().flatten();
        let reasons: Vec<_> =
            servers.filter_map(|server| self.passed_over(server, service)).collect();
        let more = service.servers.len().saturating_sub(reasons.len());
        let more = if more > 0 && reasons.len() == considered.servers.len() {
            format!(", and {more} more")
        } else {
            String::new()
        };
        let reasons = match reasons.is_empty() {
            true => "it has no servers that could be chosen".to_owned(),
            false => reasons.join(", "),
        };
        Some(format!("service {}: {reasons}{more}", service.name))
    }

    pub(super) fn server(&self, id: ServerId) -> Option<SocketAddr> {
        let server = self.snapshot.policy.services.server(id)?;
        Some(SocketAddr::new(server.address.into(), server.port.number()))
    }

    /// A server by its address, with its port where another one of the service has the address.
    pub(super) fn server_name(&self, id: ServerId, service: &Service<Ipv4Addr>) -> String {
        let Some(server) = self.snapshot.policy.services.server(id) else {
            return "that is no longer configured".to_owned();
        };
        let alike = service.all_servers().filter(|other| other.address == server.address);
        match alike.count() {
            0 | 1 => server.address.to_string(),
            _ => server.to_string(),
        }
    }
}
