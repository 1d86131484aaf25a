//! The state and weight of each real server, beside the snapshots.
//!
//! What the configuration says of a server and what was said of it since (an operator drains
//! it, its check fails) come to one weight, which workers read for each new connection. A server
//! keeps its state over a reload for as long as the configuration has it.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use api::{
    Failure, FailureKind, ServerChange, ServerState, ServiceChange, SetServers, SuspectCause,
};
use config::Config;
use nat::service::{Cause, Server, ServerId, Service, ServiceId, ServiceStates, Services, Weights};

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
    /// A reload has brought it, and whoever decides about servers has not said anything of it.
    held: bool,
    /// What the weight that was set lacks, in thousandths of it.
    lacking: u16,
}

/// The thousandths of a whole weight.
const WHOLE: u16 = 1000;

impl State {
    fn weight(self) -> u16 {
        self.set.unwrap_or(self.configured)
    }

    /// The weight that counts.
    fn effective(self) -> u32 {
        if self.draining || self.down || self.held { 0 } else { self.weight().into() }
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
            held: false,
            lacking: change.part.map_or(self.lacking, |part| WHOLE.saturating_sub(part)),
        }
    }
}

/// What is known of each server, and of each service: whether its clients go to sorry servers.
#[derive(Clone, Default)]
pub(crate) struct States {
    servers: HashMap<ServerId, State>,
    sorry_only: HashMap<ServiceId, bool>,
}

/// The states of all real servers and services of the configuration in use.
#[derive(Default)]
pub struct ServerStates {
    states: States,
    weights: Arc<Weights>,
    services: Arc<ServiceStates>,
    /// Somebody has said something of servers since the start.
    is_told: bool,
}

impl ServerStates {
    /// The weights as workers read them.
    pub fn weights(&self) -> &Arc<Weights> {
        &self.weights
    }

    /// The states of services as workers read them.
    pub fn service_states(&self) -> &Arc<ServiceStates> {
        &self.services
    }

    pub(crate) fn states(&self) -> &States {
        &self.states
    }

    /// Goes back to earlier states, and to the weights that were theirs.
    pub(crate) fn set_states(&mut self, states: States) {
        for (&server, &state) in &states.servers {
            self.publish(server, state);
        }
        for (&service, &sorry_only) in &states.sorry_only {
            self.services.set_sorry_only(service, sorry_only);
        }
        self.states = states;
    }

    /// Lets workers know.
    fn publish(&self, server: ServerId, state: State) {
        self.weights.set_down(server, state.down);
        // What has no weight for a moment before it drains would lose its persistent clients.
        if state.drains() {
            self.weights.set_draining(server, true);
        }
        self.weights.set_part(server, WHOLE - state.lacking);
        self.weights.set(server, state.effective());
        if !state.drains() {
            self.weights.set_draining(server, false);
        }
    }

    /// Follows a new configuration. What was set of a server stays; another weight in the file
    /// replaces the one that was set.
    pub fn follow(&mut self, config: &Config, services: &Services<Ipv4Addr>) {
        let mut states = States::default();
        for (service, configured) in services.iter().zip(&config.services) {
            let sorry_only = self.states.sorry_only.get(&service.id).copied().unwrap_or(false);
            self.services.set_sorry_only(service.id, sorry_only);
            states.sorry_only.insert(service.id, sorry_only);
            let configured = configured.servers.iter().chain(&configured.sorry);
            for (server, configured) in service.all_servers().zip(configured) {
                let known = self.states.servers.get(&server.id).copied();
                if known.is_none() {
                    self.weights.restart(server.id);
                }
                let held = self.is_told;
                let mut state = known.unwrap_or(State { held, ..State::default() });
                if state.configured != configured.weight {
                    (state.set, state.lacking) = (None, 0);
                }
                state.configured = configured.weight;
                self.publish(server.id, state);
                states.servers.insert(server.id, state);
            }
        }
        self.states = states;
    }

    /// Makes all changes, or none. Gives the numbers of the servers, in the order of the changes.
    ///
    /// # Errors
    ///
    /// Every service and server that is not in the configuration.
    pub fn set(
        &mut self,
        services: &Services<Ipv4Addr>,
        changes: &SetServers,
    ) -> Result<Vec<ServerId>, Failure> {
        let SetServers { servers: of_servers, services: of_services } = changes;
        let servers: Vec<_> = of_servers.iter().map(|change| find(services, change)).collect();
        let named: Vec<_> =
            of_services.iter().map(|change| find_service(services, &change.service)).collect();
        let missing: Vec<String> = (servers.iter().filter_map(|one| one.as_ref().err()))
            .chain(named.iter().filter_map(|one| one.as_ref().err()))
            .cloned()
            .collect();
        if !missing.is_empty() {
            let message = "not every server is in the configuration; nothing was changed";
            return Err(Failure::new(FailureKind::NotFound, message).with_details(missing));
        }
        let servers: Vec<ServerId> = servers.into_iter().flatten().collect();
        self.is_told = true;
        for (&id, change) in servers.iter().zip(of_servers) {
            let before = self.states.servers.get(&id).copied().unwrap_or_default();
            let state = before.change(change);
            self.states.servers.insert(id, state);
            self.publish(id, state);
            match change.suspect {
                Some(true) => _ = self.weights.suspect(id, Cause::Unanswered),
                Some(false) => _ = self.weights.trust(id),
                // What a check has decided is suspected no longer.
                None if state.down != before.down => _ = self.weights.trust(id),
                None => {}
            }
        }
        for (service, change) in named.into_iter().flatten().zip(of_services) {
            let ServiceChange { sorry_only: Some(sorry_only), .. } = *change else { continue };
            self.states.sorry_only.insert(service.id, sorry_only);
            self.services.set_sorry_only(service.id, sorry_only);
        }
        Ok(servers)
    }

    /// True if a reload has brought servers that nobody has said anything of yet. They have no
    /// weight until somebody does, so that one that is to be checked first, or is drained, gets no
    /// connection meanwhile.
    pub fn holds(&self) -> bool {
        self.states.servers.values().any(|state| state.held)
    }

    /// Gives those their weights.
    pub fn release(&mut self) {
        let held: Vec<_> = self.states.servers.iter().filter(|(_, state)| state.held).collect();
        let released: Vec<(ServerId, State)> =
            held.into_iter().map(|(&id, &state)| (id, State { held: false, ..state })).collect();
        for (id, state) in released {
            self.states.servers.insert(id, state);
            self.publish(id, state);
        }
    }

    /// Whether the service's new clients go to sorry servers alone.
    pub fn is_sorry_only(&self, service: ServiceId) -> bool {
        self.states.sorry_only.get(&service).copied().unwrap_or(false)
    }

    /// The state of a server for status, and its weight.
    pub fn of(&self, server: ServerId) -> (ServerState, u16) {
        let state = self.states.servers.get(&server).copied().unwrap_or_default();
        (state.state(), state.weight())
    }

    /// What made a server suspect, if anything did.
    pub fn suspect(&self, server: ServerId) -> Option<SuspectCause> {
        self.weights.state(server).cause().map(suspect_cause)
    }
}

/// A cause in the words of the messages.
pub(crate) const fn suspect_cause(cause: Cause) -> SuspectCause {
    match cause {
        Cause::Refused => SuspectCause::Refused,
        Cause::Unreachable => SuspectCause::Unreachable,
        Cause::Unanswered => SuspectCause::Unanswered,
    }
}

/// The most names that a failure lists.
const NAMED: usize = 20;

/// The first names, and how many more there are.
fn some(names: impl ExactSizeIterator<Item = String>) -> String {
    let more = names.len().saturating_sub(NAMED);
    let mut list = names.take(NAMED).collect::<Vec<_>>();
    if more > 0 {
        list.push(format!("and {more} more"));
    }
    if list.is_empty() { "none".to_owned() } else { list.join(", ") }
}

fn find_service<'s>(
    services: &'s Services<Ipv4Addr>,
    name: &str,
) -> Result<&'s Service<Ipv4Addr>, String> {
    services.named(name).ok_or_else(|| {
        let names = services.iter().map(|service| service.name.clone());
        format!("there is no service {name:?}; there are: {}", some(names))
    })
}

fn find(services: &Services<Ipv4Addr>, change: &ServerChange) -> Result<ServerId, String> {
    let service = find_service(services, &change.service)?;
    let found = service.all_servers().find(|server| address(server) == change.server);
    found.map(|server| server.id).ok_or_else(|| {
        let all: Vec<_> = service.all_servers().map(|one| address(one).to_string()).collect();
        let it_has = some(all.into_iter());
        format!("service {} has no server {}; it has: {it_has}", service.name, change.server)
    })
}

fn address(server: &Server<Ipv4Addr>) -> SocketAddr {
    SocketAddr::new(server.address.into(), server.port.number())
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

    const SORRY: &str = r#"{ address = "10.0.0.11:80" }]
sorry = [{ address = "10.0.0.21:80", weight = 3 }"#;

    fn builder() -> (Builder, Arc<Snapshot>) {
        let mut builder = Builder::new([MacAddress::ZERO; 2]);
        let snapshot = builder.build(&config(TWO, "1"), &[]).unwrap();
        (builder, snapshot)
    }

    #[test]
    fn a_server_that_a_reload_brings_waits_for_who_decides_if_there_is_somebody() {
        let mut builder = Builder::new([MacAddress::ZERO; 2]);
        builder.build(&config(ONE, "1"), &[]).unwrap();
        let (two, _) = (config(TWO, "1"), ());
        let weight = |builder: &Builder, snapshot: &Snapshot| {
            let server = &snapshot.policy.services.iter().next().unwrap().servers[1];
            builder.servers.weights().of(server.id)
        };
        let snapshot = builder.build(&two, &[]).unwrap();
        assert_eq!(weight(&builder, &snapshot), 1, "nobody decides");
        let snapshot = builder.build(&config(ONE, "1"), &[]).unwrap();
        let told = one(ServerChange { draining: Some(false), ..change("10.0.0.11:80") });
        builder.servers.set(&snapshot.policy.services, &told).unwrap();
        let snapshot = builder.build(&two, &[]).unwrap();
        assert!(builder.servers.holds());
        assert_eq!(weight(&builder, &snapshot), 0);
        let told = one(ServerChange { weight: Some(7), ..change("10.0.0.12:80") });
        builder.servers.set(&snapshot.policy.services, &told).unwrap();
        assert_eq!((weight(&builder, &snapshot), builder.servers.holds()), (7, false));
        // Who decides has gone.
        builder.build(&config(ONE, "1"), &[]).unwrap();
        let snapshot = builder.build(&two, &[]).unwrap();
        builder.servers.release();
        assert_eq!((weight(&builder, &snapshot), builder.servers.holds()), (1, false));
    }

    fn one(change: ServerChange) -> SetServers {
        SetServers { servers: vec![change], ..SetServers::default() }
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
            builder.servers.set(&snapshot.policy.services, &one(change)).unwrap();
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
        builder.servers.set(services, &one(weight)).unwrap();
        builder.build(&config(ONE, "1"), &[]).unwrap();
        assert_eq!(builder.servers.suspect(server), Some(SuspectCause::Refused));
        assert_eq!(builder.servers.of(server), (ServerState::Up, 9));
        let trust = ServerChange { suspect: Some(false), ..change("10.0.0.11:80") };
        builder.servers.set(services, &one(trust)).unwrap();
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
            builder.servers.set(&snapshot.policy.services, &one(change)).unwrap();
            assert_eq!(snapshot.policy.weights.state(server).is_down(), down);
        }
    }

    #[test]
    fn a_server_that_is_down_and_drained_comes_back_when_neither_holds() {
        let (mut builder, snapshot) = builder();
        let server = first(&snapshot);
        let both =
            ServerChange { draining: Some(true), down: Some(true), ..change("10.0.0.11:80") };
        builder.servers.set(&snapshot.policy.services, &one(both)).unwrap();
        assert_eq!(builder.servers.of(server).0, ServerState::Down);
        let up = ServerChange { down: Some(false), ..change("10.0.0.11:80") };
        builder.servers.set(&snapshot.policy.services, &one(up)).unwrap();
        assert_eq!(snapshot.policy.weights.of(server), 0, "it is drained still");
        let enabled = ServerChange { draining: Some(false), ..change("10.0.0.11:80") };
        builder.servers.set(&snapshot.policy.services, &one(enabled)).unwrap();
        assert_eq!(snapshot.policy.weights.of(server), 5);
    }

    #[test]
    fn what_was_set_stays_over_a_reload_for_as_long_as_the_server_does() {
        let (mut builder, snapshot) = builder();
        let server = first(&snapshot);
        let drain = ServerChange { draining: Some(true), ..change("10.0.0.11:80") };
        builder.servers.set(&snapshot.policy.services, &one(drain)).unwrap();
        builder.build(&config(ONE, "1"), &[]).unwrap();
        assert_eq!(snapshot.policy.weights.of(server), 0, "it stays drained");
        builder.build(&config(r#"{ address = "10.0.0.12:80" }"#, "1"), &[]).unwrap();
        let back = builder.build(&config(TWO, "1"), &[]).unwrap();
        builder.servers.release();
        assert_eq!(back.policy.weights.of(first(&back)), 5, "it was gone in between");
    }

    #[test]
    fn a_weight_that_was_set_holds_until_the_file_has_another() {
        let (mut builder, snapshot) = builder();
        let server = first(&snapshot);
        let weight = ServerChange { weight: Some(9), ..change("10.0.0.11:80") };
        builder.servers.set(&snapshot.policy.services, &one(weight)).unwrap();
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
        builder.servers.set(&snapshot.policy.services, &one(weight)).unwrap();
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
        let servers = vec![
            ServerChange { draining: Some(true), ..change("10.0.0.11:80") },
            change("10.0.0.99:80"),
            ServerChange::new("wbe", "10.0.0.11:80".parse().unwrap()),
        ];
        let services = vec![ServiceChange::new("dns")];
        let changes = SetServers { servers, services };
        let failure = builder.servers.set(&snapshot.policy.services, &changes).unwrap_err();
        assert_eq!(failure.failure, FailureKind::NotFound);
        assert_eq!(
            failure.details,
            [
                "service web has no server 10.0.0.99:80; it has: 10.0.0.11:80, 10.0.0.12:80",
                "there is no service \"wbe\"; there are: web",
                "there is no service \"dns\"; there are: web",
            ]
        );
        assert_eq!(snapshot.policy.weights.of(first(&snapshot)), 5);
    }

    #[test]
    fn a_sorry_server_is_changed_like_another_and_sorry_only_stays_over_a_reload() {
        let mut builder = Builder::new([MacAddress::ZERO; 2]);
        let snapshot = builder.build(&config(SORRY, "1"), &[]).unwrap();
        let service = snapshot.policy.services.iter().next().unwrap();
        let (states, sorry) = (&snapshot.policy.states, service.sorry[0].id);
        assert_eq!(
            (snapshot.policy.weights.of(sorry), states.is_sorry_only(service.id)),
            (3, false)
        );
        let changes = SetServers {
            servers: vec![ServerChange { draining: Some(true), ..change("10.0.0.21:80") }],
            services: vec![ServiceChange { sorry_only: Some(true), ..ServiceChange::new("web") }],
        };
        builder.servers.set(&snapshot.policy.services, &changes).unwrap();
        assert_eq!(
            (snapshot.policy.weights.of(sorry), states.is_sorry_only(service.id)),
            (0, true)
        );
        let checkpoint = builder.checkpoint();
        let off = ServiceChange { sorry_only: Some(false), ..ServiceChange::new("web") };
        let off = SetServers { services: vec![off], ..SetServers::default() };
        builder.servers.set(&snapshot.policy.services, &off).unwrap();
        assert!(!states.is_sorry_only(service.id));
        builder.go_back(checkpoint);
        builder.build(&config(SORRY, "254"), &[]).unwrap();
        assert!(states.is_sorry_only(service.id));
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
        let other = ways(TWO, "254");
        assert_ne!(other, fewer, "another gateway");
        let sorry = ways(SORRY, "254");
        assert_ne!(ways(ONE, "254"), sorry, "a sorry server that is gone");
    }
}
