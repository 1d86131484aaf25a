//! The state and weight of each real server, beside the snapshots.
//!
//! What the configuration says of a server and what was said of it since (an operator drains
//! it, its check fails) come to one weight, which workers read for each new connection. A server
//! keeps its state over a reload for as long as the configuration has it.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use api::{Failure, FailureKind, ServerChange, ServerState, SuspectCause};
use config::Config;
use nat::service::{Cause, ServerId, Service, Services, Weights};

/// What is known of one server.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct State {
    /// The weight in the configuration.
    configured: u16,
    /// The weight that was set since.
    set: Option<u16>,
    /// An operator wants no new connection on it.
    draining: bool,
    /// Its check has failed.
    down: bool,
}

impl State {
    fn weight(self) -> u16 {
        self.set.unwrap_or(self.configured)
    }

    /// The weight that counts.
    fn effective(self) -> u32 {
        if self.draining || self.down { 0 } else { self.weight().into() }
    }

    /// It is to have no new connection, by the file's weight or an operator's word.
    fn drains(self) -> bool {
        self.draining || self.set.is_none() && self.configured == 0
    }

    fn state(self) -> ServerState {
        match self {
            State { down: true, .. } => ServerState::Down,
            State { draining: true, .. } => ServerState::Draining,
            _ if self.weight() == 0 => ServerState::Draining,
            _ => ServerState::Up,
        }
    }

    fn change(self, change: &ServerChange) -> Self {
        State {
            configured: self.configured,
            set: change.weight.or(self.set),
            draining: change.draining.unwrap_or(self.draining),
            down: change.down.unwrap_or(self.down),
        }
    }
}

/// What is known of each server.
#[derive(Clone, Default)]
pub(crate) struct States(HashMap<ServerId, State>);

/// The states of all real servers of the configuration in use.
#[derive(Default)]
pub struct ServerStates {
    states: States,
    weights: Arc<Weights>,
}

impl ServerStates {
    /// The weights as workers read them.
    pub fn weights(&self) -> &Arc<Weights> {
        &self.weights
    }

    pub(crate) fn states(&self) -> &States {
        &self.states
    }

    /// Goes back to earlier states, and to the weights that were theirs.
    pub(crate) fn set_states(&mut self, States(states): States) {
        for (&server, &state) in &states {
            self.publish(server, state);
        }
        self.states = States(states);
    }

    /// Lets workers know.
    fn publish(&self, server: ServerId, state: State) {
        self.weights.set_down(server, state.down);
        // What has no weight for a moment before it drains would lose its persistent clients.
        if state.drains() {
            self.weights.set_draining(server, true);
        }
        self.weights.set(server, state.effective());
        if !state.drains() {
            self.weights.set_draining(server, false);
        }
    }

    /// Follows a new configuration. What was set of a server stays; another weight in the file
    /// replaces the one that was set.
    pub fn follow(&mut self, config: &Config, services: &Services<Ipv4Addr>) {
        let mut states = HashMap::new();
        for (service, configured) in services.iter().zip(&config.services) {
            for (server, configured) in service.servers.iter().zip(&configured.servers) {
                let known = self.states.0.get(&server.id).copied();
                if known.is_none() {
                    self.weights.restart(server.id);
                }
                let mut state = known.unwrap_or_default();
                if state.configured != configured.weight {
                    state.set = None;
                }
                state.configured = configured.weight;
                self.publish(server.id, state);
                states.insert(server.id, state);
            }
        }
        self.states = States(states);
    }

    /// Makes all changes, or none.
    ///
    /// # Errors
    ///
    /// Every service and server that is not in the configuration.
    pub fn set(
        &mut self,
        services: &Services<Ipv4Addr>,
        changes: &[ServerChange],
    ) -> Result<(), Failure> {
        let found: Vec<_> = changes.iter().map(|change| find(services, change)).collect();
        let missing: Vec<String> =
            found.iter().filter_map(|one| one.as_ref().err().cloned()).collect();
        if !missing.is_empty() {
            let message = "not every server is in the configuration; nothing was changed";
            return Err(Failure::new(FailureKind::NotFound, message).with_details(missing));
        }
        for (id, change) in found.into_iter().flatten().zip(changes) {
            let state = self.states.0.get(&id).copied().unwrap_or_default().change(change);
            self.states.0.insert(id, state);
            self.publish(id, state);
            match change.suspect {
                Some(true) => _ = self.weights.suspect(id, Cause::Unanswered),
                Some(false) => _ = self.weights.trust(id),
                None => {}
            }
        }
        Ok(())
    }

    /// The state of a server for status, and its weight.
    pub fn of(&self, server: ServerId) -> (ServerState, u16) {
        let state = self.states.0.get(&server).copied().unwrap_or_default();
        (state.state(), state.weight())
    }

    /// What made a server suspect, if anything did.
    pub fn suspect(&self, server: ServerId) -> Option<SuspectCause> {
        self.weights.state(server).cause().map(|cause| match cause {
            Cause::Refused => SuspectCause::Refused,
            Cause::Unreachable => SuspectCause::Unreachable,
            Cause::Unanswered => SuspectCause::Unanswered,
        })
    }
}

fn find(services: &Services<Ipv4Addr>, change: &ServerChange) -> Result<ServerId, String> {
    let Some(service) = services.iter().find(|service| service.name == change.service) else {
        let names: Vec<_> = services.iter().map(|service| service.name.as_str()).collect();
        let there_are = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        return Err(format!("there is no service {:?}; there are: {there_are}", change.service));
    };
    let mut servers = service.servers.iter().map(|server| (server.id, address(service, server.id)));
    let found = servers.find(|&(_, address)| address == Some(change.server));
    found.map(|(id, _)| id).ok_or_else(|| {
        let all = service.servers.iter().filter_map(|server| address(service, server.id));
        let all: Vec<_> = all.map(|address| address.to_string()).collect();
        let it_has = if all.is_empty() { "none".to_owned() } else { all.join(", ") };
        format!("service {} has no server {}; it has: {it_has}", service.name, change.server)
    })
}

fn address(service: &Service<Ipv4Addr>, id: ServerId) -> Option<SocketAddr> {
    let server = service.servers.iter().find(|server| server.id == id)?;
    Some(SocketAddr::new(server.address.into(), server.port.number()))
}

#[cfg(test)]
mod tests {
    use wire::MacAddress;

    use super::*;
    use crate::snapshot::{Builder, Snapshot};

    fn config(servers: &str, gateway: &str) -> Config {
        let text = format!(
            r#"
[node]
name = "a"
workers = [1]

[public]
port = "net_null0"
address = "198.51.100.2/24"
floating = ["198.51.100.10/24"]
gateway = "198.51.100.{gateway}"

[private]
port = "net_null1"
address = "10.0.0.2/24"
floating = ["10.0.0.1/24"]

[[service]]
name = "web"
listen = "198.51.100.10:80"
protocol = "tcp"
scheduler = "wrr"
server = [{servers}]
"#
        );
        Config::from_str("built-in", &text).unwrap()
    }

    const ONE: &str = r#"{ address = "10.0.0.11:80", weight = 5 }"#;
    const TWO: &str = r#"{ address = "10.0.0.11:80", weight = 5 }, { address = "10.0.0.12:80" }"#;

    fn builder() -> (Builder, Arc<Snapshot>) {
        let mut builder = Builder::new([MacAddress::ZERO; 2]);
        let snapshot = builder.build(&config(TWO, "1"), &[]).unwrap();
        (builder, snapshot)
    }

    fn change(server: &str) -> ServerChange {
        ServerChange::new("web", server.parse().unwrap())
    }

    fn first(snapshot: &Snapshot) -> ServerId {
        snapshot.policy.services.iter().next().unwrap().servers[0].id
    }

    #[test]
    fn a_drained_server_has_no_weight_until_it_is_enabled() {
        let (mut builder, snapshot) = builder();
        let server = first(&snapshot);
        assert_eq!(snapshot.policy.weights.of(server), 5);
        for (draining, weight, state) in
            [(true, 0, ServerState::Draining), (false, 5, ServerState::Up)]
        {
            let change = ServerChange { draining: Some(draining), ..change("10.0.0.11:80") };
            builder.servers.set(&snapshot.policy.services, &[change]).unwrap();
            assert_eq!(snapshot.policy.weights.of(server), weight);
            assert_eq!(builder.servers.of(server), (state, 5));
        }
    }

    #[test]
    fn a_suspicion_holds_over_a_reload_until_control_ends_it_or_the_server_goes() {
        let (mut builder, snapshot) = builder();
        let (server, services) = (first(&snapshot), &snapshot.policy.services);
        snapshot.policy.weights.suspect(server, Cause::Refused);
        let weight = ServerChange { weight: Some(9), ..change("10.0.0.11:80") };
        builder.servers.set(services, &[weight]).unwrap();
        builder.build(&config(ONE, "1"), &[]).unwrap();
        assert_eq!(builder.servers.suspect(server), Some(SuspectCause::Refused));
        assert_eq!(builder.servers.of(server), (ServerState::Up, 9));
        let trust = ServerChange { suspect: Some(false), ..change("10.0.0.11:80") };
        builder.servers.set(services, &[trust]).unwrap();
        assert_eq!(builder.servers.suspect(server), None);
        snapshot.policy.weights.suspect(server, Cause::Refused);
        builder.build(&config(r#"{ address = "10.0.0.12:80" }"#, "1"), &[]).unwrap();
        builder.build(&config(TWO, "1"), &[]).unwrap();
        assert_eq!(builder.servers.suspect(server), None, "it was gone in between");
    }

    #[test]
    fn workers_see_that_a_server_is_down() {
        let (mut builder, snapshot) = builder();
        let server = first(&snapshot);
        for down in [true, false] {
            let change = ServerChange { down: Some(down), ..change("10.0.0.11:80") };
            builder.servers.set(&snapshot.policy.services, &[change]).unwrap();
            assert_eq!(snapshot.policy.weights.state(server).is_down(), down);
        }
    }

    #[test]
    fn a_server_that_is_down_and_drained_comes_back_when_neither_holds() {
        let (mut builder, snapshot) = builder();
        let server = first(&snapshot);
        let both =
            ServerChange { draining: Some(true), down: Some(true), ..change("10.0.0.11:80") };
        builder.servers.set(&snapshot.policy.services, &[both]).unwrap();
        assert_eq!(builder.servers.of(server).0, ServerState::Down);
        let up = ServerChange { down: Some(false), ..change("10.0.0.11:80") };
        builder.servers.set(&snapshot.policy.services, &[up]).unwrap();
        assert_eq!(snapshot.policy.weights.of(server), 0, "it is drained still");
        let enabled = ServerChange { draining: Some(false), ..change("10.0.0.11:80") };
        builder.servers.set(&snapshot.policy.services, &[enabled]).unwrap();
        assert_eq!(snapshot.policy.weights.of(server), 5);
    }

    #[test]
    fn what_was_set_stays_over_a_reload_for_as_long_as_the_server_does() {
        let (mut builder, snapshot) = builder();
        let server = first(&snapshot);
        let drain = ServerChange { draining: Some(true), ..change("10.0.0.11:80") };
        builder.servers.set(&snapshot.policy.services, &[drain]).unwrap();
        builder.build(&config(ONE, "1"), &[]).unwrap();
        assert_eq!(snapshot.policy.weights.of(server), 0, "it stays drained");
        builder.build(&config(r#"{ address = "10.0.0.12:80" }"#, "1"), &[]).unwrap();
        let back = builder.build(&config(TWO, "1"), &[]).unwrap();
        assert_eq!(back.policy.weights.of(first(&back)), 5, "it was gone in between");
    }

    #[test]
    fn a_weight_that_was_set_holds_until_the_file_has_another() {
        let (mut builder, snapshot) = builder();
        let server = first(&snapshot);
        let weight = ServerChange { weight: Some(9), ..change("10.0.0.11:80") };
        builder.servers.set(&snapshot.policy.services, &[weight]).unwrap();
        builder.build(&config(ONE, "1"), &[]).unwrap();
        assert_eq!(snapshot.policy.weights.of(server), 9);
        builder.build(&config(&ONE.replace('5', "6"), "1"), &[]).unwrap();
        assert_eq!(snapshot.policy.weights.of(server), 6);
    }

    #[test]
    fn a_configuration_that_is_not_taken_after_all_changes_nothing() {
        let (mut builder, snapshot) = builder();
        let server = first(&snapshot);
        let weight = ServerChange { weight: Some(9), ..change("10.0.0.11:80") };
        builder.servers.set(&snapshot.policy.services, &[weight]).unwrap();
        let checkpoint = builder.checkpoint();
        let refused = builder.build(&config(&TWO.replace('5', "6"), "254"), &[]).unwrap();
        assert_eq!(snapshot.policy.weights.of(server), 6);
        builder.go_back(checkpoint);
        assert_eq!(snapshot.policy.weights.of(server), 9);
        let next = builder.build(&config(TWO, "1"), &[]).unwrap();
        assert_eq!(next.ways, snapshot.ways, "it is like the one that was in use");
        assert!(next.generation > refused.generation);
    }

    #[test]
    fn all_changes_are_made_or_none_and_each_that_is_wrong_is_named() {
        let (mut builder, snapshot) = builder();
        let changes = [
            ServerChange { draining: Some(true), ..change("10.0.0.11:80") },
            change("10.0.0.99:80"),
            ServerChange::new("wbe", "10.0.0.11:80".parse().unwrap()),
        ];
        let failure = builder.servers.set(&snapshot.policy.services, &changes).unwrap_err();
        assert_eq!(failure.failure, FailureKind::NotFound);
        assert_eq!(
            failure.details,
            [
                "service web has no server 10.0.0.99:80; it has: 10.0.0.11:80, 10.0.0.12:80",
                "there is no service \"wbe\"; there are: web",
            ]
        );
        assert_eq!(snapshot.policy.weights.of(first(&snapshot)), 5);
    }

    #[test]
    fn only_what_connections_remember_sends_them_to_look_again() {
        let (mut builder, snapshot) = builder();
        let mut ways =
            |servers: &str, gateway| builder.build(&config(servers, gateway), &[]).unwrap().ways;
        let begin = snapshot.ways;
        assert_eq!(ways(&TWO.replace("weight = 5", "weight = 0"), "1"), begin, "a weight");
        let three = format!(r#"{TWO}, {{ address = "10.0.0.13:80" }}"#);
        assert_eq!(ways(&three, "1"), begin, "a server that is new");
        let fewer = ways(TWO, "1");
        assert_ne!(fewer, begin, "a server that is gone");
        assert_ne!(ways(TWO, "254"), fewer, "another gateway");
    }
}
