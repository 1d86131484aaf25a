//! From the configuration to what is to be checked.

use core::time::Duration;
use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddrV4};

use config::{Agent, Check, CheckKind, Config};

/// What is asked, with everything that decides how. Two that are equal are one.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Target {
    /// The host that is asked, and the port; 0.0.0.0 and 0 where the kind has none.
    pub address: SocketAddrV4,
    pub ask: Ask,
}

/// What is asked.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Ask {
    /// A check, whose own address and port are taken out.
    Check(Check),
    Agent(Agent),
}

impl Target {
    fn check(check: &Check, server: SocketAddrV4) -> Self {
        let address = check.address.unwrap_or(*server.ip());
        let port = check.port.unwrap_or(server.port());
        let address = match check.kind {
            CheckKind::File { .. } => SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0),
            CheckKind::Ping => SocketAddrV4::new(address, 0),
            _ => SocketAddrV4::new(address, port),
        };
        let check = Check { address: None, port: None, ..check.clone() };
        Target { address, ask: Ask::Check(check) }
    }

    fn agent(agent: &Agent, server: SocketAddrV4) -> Self {
        let address = SocketAddrV4::new(*server.ip(), agent.port);
        Target { address, ask: Ask::Agent(agent.clone()) }
    }

    /// Its name in the configuration.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match &self.ask {
            Ask::Check(check) => check.kind.name(),
            Ask::Agent(_) => "agent",
        }
    }

    #[must_use]
    pub fn interval(&self) -> Duration {
        match &self.ask {
            Ask::Check(check) => check.interval,
            Ask::Agent(agent) => agent.interval,
        }
    }

    #[must_use]
    pub fn timeout(&self) -> Duration {
        match &self.ask {
            Ask::Check(check) => check.timeout,
            Ask::Agent(agent) => agent.interval,
        }
    }

    /// True where a second probe may begin while the first is not answered: silence is a failure,
    /// and nothing runs twice.
    #[must_use]
    pub fn may_overlap(&self) -> bool {
        match &self.ask {
            Ask::Agent(_) => false,
            Ask::Check(check) => match &check.kind {
                CheckKind::Exec(_) | CheckKind::File { .. } => false,
                CheckKind::Udp { require_reply, .. } => *require_reply,
                _ => true,
            },
        }
    }

    /// The host that is asked over the network.
    #[must_use]
    pub fn host(&self) -> Option<Ipv4Addr> {
        let is_remote = match &self.ask {
            Ask::Agent(_) => true,
            Ask::Check(check) => !matches!(check.kind, CheckKind::Exec(_) | CheckKind::File { .. }),
        };
        is_remote.then(|| *self.address.ip())
    }
}

/// A server, and what is asked of it.
#[derive(Clone, Debug)]
pub struct Planned {
    pub service: String,
    pub server: SocketAddrV4,
    pub targets: Vec<Target>,
}

/// Every server of the configuration, in its order.
#[must_use]
pub fn plan(config: &Config) -> Vec<Planned> {
    let mut planned = Vec::new();
    for service in &config.services {
        for server in service.servers.iter().chain(&service.sorry) {
            let checks = service.checks_of(server).iter();
            let mut targets: Vec<Target> =
                checks.map(|check| Target::check(check, server.address)).collect();
            targets.extend(service.agent_of(server).map(|a| Target::agent(a, server.address)));
            // The same check twice is one.
            let mut seen = HashMap::new();
            targets.retain(|target| seen.insert(target.clone(), ()).is_none());
            planned.push(Planned {
                service: service.name.clone(),
                server: server.address,
                targets,
            });
        }
    }
    planned
}
