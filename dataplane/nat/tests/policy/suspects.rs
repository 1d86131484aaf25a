//! Servers that are suspect: avoided while there is another, and tried by one connection.

use std::net::Ipv4Addr;

use nat::Side::Public;
use nat::policy::Policy;
use nat::scheduler::Kind;
use nat::service::{Cause, ServerId};
use nat::translator::Decision;
use nat::{Instant, Translator};
use wire::Protocol::Tcp;

use crate::world::{VIP, World, request};

struct Web {
    policy: Policy<Ipv4Addr>,
    translator: Translator<Ipv4Addr>,
    servers: Vec<ServerId>,
    clients: u32,
}

impl Web {
    fn new(scheduler: Kind) -> Self {
        let mut world = World::usual();
        world.services[0].scheduler = scheduler;
        let policy = world.policy();
        let translator = world.translator(&policy);
        let web = policy.services.iter().next().unwrap();
        let servers = web.servers.iter().map(|server| server.id).collect();
        Web { policy, translator, servers, clients: 0 }
    }

    /// The server of the next client's connection; `None` if it is refused.
    fn next(&mut self) -> Option<ServerId> {
        self.clients += 1;
        let client = Ipv4Addr::from_bits(0xcb00_7100 + self.clients);
        let syn = request(Public, Tcp, (client, 4242), (VIP, 80));
        let now = Instant::from_millis(u64::from(self.clients));
        match self.translator.decide(&self.policy, &syn, None, now) {
            Decision::Opened { hit, .. } => {
                Some(self.translator.connections.table().get(hit.id).unwrap().server())
            }
            _ => None,
        }
    }

    fn count(&mut self, server: ServerId, clients: usize) -> usize {
        (0..clients).filter(|_| self.next() == Some(server)).count()
    }
}

#[test]
fn a_suspect_is_avoided_while_another_server_has_a_weight() {
    for &kind in Kind::ALL {
        let mut web = Web::new(kind);
        let suspect = web.servers[0];
        web.policy.weights.suspect(suspect, Cause::Refused);
        assert_eq!(web.count(suspect, 40), 0, "{kind:?}");
        // The others are unavailable.
        web.policy.weights.set(web.servers[1], 0);
        assert_eq!(web.count(suspect, 10), 10, "{kind:?}");
        web.policy.weights.set(web.servers[1], 1);
        assert_eq!(web.count(suspect, 40), 0, "{kind:?}");
        // It never gets what it has no weight for.
        web.policy.weights.set(suspect, 0);
        web.policy.weights.set(web.servers[1], 0);
        assert_eq!(web.next(), None, "{kind:?}");
    }
}

#[test]
fn one_connection_tries_a_suspect() {
    for kind in [Kind::RoundRobin, Kind::WeightedRoundRobin, Kind::LeastConnection] {
        let mut web = Web::new(kind);
        let suspect = web.servers[0];
        web.policy.weights.suspect(suspect, Cause::Unanswered);
        for _ in 0..3 {
            web.policy.weights.offer_trial(suspect);
            assert_eq!(web.count(suspect, 40), 1, "{kind:?}");
        }
        // The control: trusted, it has its share again.
        web.policy.weights.trust(suspect);
        assert!(web.count(suspect, 40) > 10, "{kind:?}");
    }
}

#[test]
fn suspects_are_used_when_there_is_nobody_else() {
    let mut web = Web::new(Kind::RoundRobin);
    for server in web.servers.clone() {
        web.policy.weights.suspect(server, Cause::Unreachable);
    }
    assert_eq!(web.count(web.servers[0], 40), 20);
}
