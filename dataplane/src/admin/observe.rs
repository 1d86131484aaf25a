//! What workers have observed of servers, told when it changes.

use core::time::Duration;

use api::{Observation, Observations, Observe};
use nat::service::Service;
use std::net::{Ipv4Addr, SocketAddr};

use super::Admin;
use crate::servers::suspect_cause;

/// The longest wait for a change: a client that waits must not hold up the end of the process.
const WAIT: Duration = Duration::from_millis(250);

impl Admin {
    /// Waits until there is another change than the one that the client knows, for a while, and
    /// tells of all servers of which there is something to say.
    pub(super) fn observe(&self, observe: &Observe) -> Observations {
        let change = self.observations.wait_for_other(observe.after, WAIT);
        let snapshot = self.snapshot.read().clone();
        let of_service = |service| self.observations_of(service, &snapshot.policy.weights);
        Observations {
            change,
            generation: snapshot.generation,
            servers: snapshot.policy.services.iter().flat_map(of_service).collect(),
        }
    }

    fn observations_of(
        &self,
        service: &Service<Ipv4Addr>,
        weights: &nat::service::Weights,
    ) -> Vec<Observation> {
        let servers = service.all_servers().filter_map(|server| {
            Some(Observation {
                service: service.name.clone(),
                server: SocketAddr::new(server.address.into(), server.port.number()),
                suspect: suspect_cause(weights.state(server.id).cause()?),
                since_millis: self.suspects.began(server.id).millis(),
            })
        });
        servers.collect()
    }
}
