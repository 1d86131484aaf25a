//! Who serves a new client where servers have limits, or where none can serve.

use std::net::Ipv4Addr;

use wire::FiveTuple;

use super::Translator;
use crate::policy::{Policy, Refusal};
use crate::scheduler::{self, Client};
use crate::service::{Server, Service, View, WhenFull};
use crate::time::Instant;

/// How often a server is picked that is full, or whose last permit another worker then takes.
const ATTEMPTS: usize = 5;

/// No server takes the client.
pub(super) struct Unavailable {
    refusal: Refusal,
    may_be_sorry: bool,
}

impl Unavailable {
    /// No server may get a new connection.
    pub(super) const NOBODY: Self = Unavailable { refusal: Refusal::NoServer, may_be_sorry: true };
}

impl Translator<Ipv4Addr> {
    /// The place of a server that has room, with permits for one connection.
    pub(super) fn pick_with_room<const LOOKS: bool>(
        &mut self,
        policy: &Policy<Ipv4Addr>,
        service: &Service<Ipv4Addr>,
        tuple: FiveTuple<Ipv4Addr>,
        now: Instant,
    ) -> Result<usize, Unavailable> {
        let is_persistent = service.persistence.is_some();
        let skips_full = service.when_full == WhenFull::Next || is_persistent;
        let takes_full = service.persistence.as_ref().is_some_and(|persistence| persistence.over);
        let budgets = self.connections.budgets();
        let has_room =
            if LOOKS { budgets.sees_room(service.id) } else { budgets.has_room(service.id) };
        let attempts = if has_room { ATTEMPTS } else { 0 };
        for attempt in 0..attempts {
            // A scheduler that is shown who has room looks at all servers anew. Mostly all have.
            let skips = skips_full && (is_persistent || attempt > 0);
            let Some(at) = self.pick::<LOOKS>(policy, service, tuple, now, skips) else { break };
            let Some(server) = service.servers.get(at) else { break };
            let budgets = self.connections.budgets();
            let is_reserved = match LOOKS {
                true => budgets.sees_room(server.id),
                false => budgets.reserve(server.id),
            };
            if is_reserved || takes_full {
                return Ok(at);
            }
            if !skips_full {
                break;
            }
        }
        Err(unavailable(policy, service))
    }

    /// A sorry server for a client that no server takes.
    #[cold]
    pub(super) fn instead<'p>(
        &self,
        policy: &Policy<Ipv4Addr>,
        service: &'p Service<Ipv4Addr>,
        tuple: FiveTuple<Ipv4Addr>,
        Unavailable { refusal, may_be_sorry }: Unavailable,
    ) -> Result<&'p Server<Ipv4Addr>, Refusal> {
        if !may_be_sorry {
            return Err(refusal);
        }
        let FiveTuple { source, source_port, destination, .. } = tuple;
        let client = Client::new(source, source_port, destination, policy.client_key);
        let view = View::of_sorry(service, &policy.weights, self.connections.loads());
        let picked = scheduler::pick_by_weight(&client, &view.with_suspects());
        picked.and_then(|at| service.sorry.get(at)).ok_or(refusal)
    }
}

/// Why no server takes a client, where servers have limits.
fn unavailable(policy: &Policy<Ipv4Addr>, service: &Service<Ipv4Addr>) -> Unavailable {
    match service.servers.iter().any(|server| policy.weights.of(server.id) > 0) {
        false => Unavailable::NOBODY,
        true => Unavailable {
            refusal: Refusal::ServerFull,
            may_be_sorry: service.when_full != WhenFull::Refuse,
        },
    }
}
