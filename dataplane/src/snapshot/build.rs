//! Configurations made into snapshots.

use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::sync::Arc;

use config::{Config, ConnectionTimeouts};
use core::time::Duration;
use nat::persistence::{Persistence, PersistenceSpecification};
use nat::policy::{Masquerade, Network, Policy, Route};
use nat::scheduler::PLACES;
use nat::service::{
    Limit, Listen, Loads, MAXIMUM_SERVERS, MAXIMUM_SERVICES, RegistryError, ServerSpecification,
    ServiceId, ServiceSpecification, Services, Unserved, WhenFull,
};
use nat::tcp::State;
use nat::timeouts::{ClassTimeouts, Timeouts};
use nat::{Seconds, Side, sources};
use wire::{MacAddress, Port};

use super::numbering::Numbering;
use super::shares::ShareNumbers;
use super::{Interface, Snapshot};
use crate::client_key::Loaded;
use crate::neighbour;
use crate::punt::PuntRules;
use crate::servers::{ServerStates, States};

/// Bytes of IP and TCP headers without options.
const TCP_HEADERS: u16 = 40;

// Schedulers see every server that the configuration allows.
const _: () = assert!(config::Service::MOST_SERVERS <= PLACES);
// What has a number can be configured, and no more.
const _: () = assert!(config::Service::MOST == MAXIMUM_SERVICES);
const _: () = assert!(config::Service::MOST_SERVERS_OF_ALL == MAXIMUM_SERVERS);
const _: () = assert!(config::Service::MOST_PERSISTENT == nat::persistence::MAXIMUM_TARGETS);
// Beside the neighbours that the configuration names.
const _: () = assert!(
    config::Service::MOST_ON_LINK + config::Interface::MOST_NEIGHBOURS < neighbour::table::SLOTS
);

/// A configuration that is valid by itself, and cannot be used here.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// More services or servers than numbers for them.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

/// How things were before a snapshot was built.
pub struct Checkpoint {
    servers: States,
    client_key: Loaded,
    before: Option<Arc<Snapshot>>,
}

/// Makes snapshots, one after the other; services and servers keep their numbers for as long as
/// a snapshot that somebody reads or a connection refers to them.
pub struct Builder {
    numbering: Numbering,
    shares: ShareNumbers,
    macs: [MacAddress; 2],
    /// The key under which schedulers hash clients, from the next snapshot on.
    pub client_key: Loaded,
    /// What was said of servers, beside the snapshots.
    pub servers: ServerStates,
    /// The snapshot before, to find out what the next one changes.
    before: Option<Arc<Snapshot>>,
    generation: u64,
}

impl Builder {
    /// For a machine whose NICs have these Ethernet addresses.
    pub fn new(macs: [MacAddress; 2]) -> Self {
        Builder {
            numbering: Numbering::default(),
            shares: ShareNumbers::default(),
            macs,
            client_key: Loaded::random(),
            servers: ServerStates::default(),
            before: None,
            generation: 0,
        }
    }

    /// The same with room for so many persistent clients.
    #[must_use]
    pub fn with_persistence(mut self, clients: u32) -> Self {
        let persistence = Persistence::with_room_for(clients as usize);
        self.numbering = Numbering::with_persistence(Arc::new(persistence));
        self
    }

    /// How things are, to go back to when the next snapshot is not taken after all.
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            servers: self.servers.states().clone(),
            client_key: self.client_key,
            before: self.before.clone(),
        }
    }

    /// Goes back to the weights of servers, the key and the snapshot of a checkpoint. Numbers that
    /// were given since stay given for as long as a worker uses them.
    pub fn go_back(&mut self, checkpoint: Checkpoint) {
        self.servers.set_states(checkpoint.servers);
        self.client_key = checkpoint.client_key;
        self.before = checkpoint.before;
    }

    /// The next snapshot. `loads` are those of all workers: a server that has connections on
    /// one of them keeps its number.
    ///
    /// # Errors
    ///
    /// [`BuildError`]; every number in use is then as before.
    pub fn build(
        &mut self,
        config: &Config,
        loads: &[&Loads],
    ) -> Result<Arc<Snapshot>, BuildError> {
        let services = config.services.iter().map(service).collect::<Vec<_>>();
        let services = self.numbering.number(&services, self.client_key.key, loads)?;
        // Before any worker sees a new server.
        self.servers.follow(config, &services);
        self.generation += 1;
        let least_mtu = config.public.mtu.min(config.private.mtu);
        let interfaces = [(Side::Public, &config.public), (Side::Private, &config.private)]
            .map(|(side, configured)| interface(configured, self.macs[side.index()], least_mtu));
        let private = network(&config.private);
        let return_paths = asked(config, &services);
        let shares = Arc::new(self.shares.rules(config, &services));
        let mut snapshot = Snapshot {
            generation: self.generation,
            ways: 0,
            interfaces,
            policy: Policy {
                hairpin: private.floating.first().copied().unwrap_or(private.real.address),
                networks: [network(&config.public), private],
                services,
                weights: Arc::clone(self.servers.weights()),
                persistence: Arc::clone(self.numbering.persistence()),
                states: Arc::clone(self.servers.service_states()),
                client_key: self.client_key.key,
                masquerades: config.masquerade.iter().map(masquerade).collect(),
                shares,
                sources: Arc::new(sources(&config.sources)),
                unserved: unserved(config.node.unserved),
            },
            timeouts: Timeouts {
                service: class(&config.timeouts.service),
                masquerade: class(&config.timeouts.masquerade),
            },
            quiet: config.peer.as_ref().map_or(Duration::ZERO, |peer| peer.timing.quiet),
            fragment_timeout: seconds(config.timeouts.fragment),
            return_paths,
            punt: PuntRules::of(config),
        };
        if let Some(before) = &self.before {
            snapshot.ways = before.ways + u64::from(!snapshot.keeps_ways_of(before));
        }
        let snapshot = Arc::new(snapshot);
        self.numbering.follow(&snapshot);
        self.before = Some(Arc::clone(&snapshot));
        Ok(snapshot)
    }
}

/// The services whose servers are asked for their way back.
fn asked(config: &Config, services: &Services<Ipv4Addr>) -> HashSet<ServiceId> {
    let services = services.iter().zip(&config.services);
    let asked = services.filter(|(_, one)| one.return_path != config::ReturnPathCheck::Off);
    asked.map(|(service, _)| service.id).collect()
}

fn interface(configured: &config::Interface, mac: MacAddress, least_mtu: u16) -> Interface {
    let fits = least_mtu.saturating_sub(TCP_HEADERS);
    Interface {
        mac,
        floating_mac: configured.virtual_mac.unwrap_or(mac),
        mtu: configured.mtu,
        mss: configured.mss_clamp.unwrap_or(fits).min(fits),
    }
}

fn network(configured: &config::Interface) -> Network<Ipv4Addr> {
    let route = |route: &config::Route| Route { to: route.to, via: route.via };
    Network::new(
        configured.address,
        configured.floating.iter().map(|floating| floating.address).collect(),
        configured.address.broadcast(),
        configured.routes.iter().map(route).collect(),
        configured.gateway,
    )
}

fn masquerade(rule: &config::Masquerade) -> Masquerade<Ipv4Addr> {
    let range = nat::ports::PortRange::new(rule.ports.first, rule.ports.last);
    Masquerade::new(rule.source.clone(), rule.address, range.unwrap_or_default())
}

fn sources(limits: &config::SourceLimits) -> sources::Rules<Ipv4Addr> {
    let quota = |quota: config::Quota| sources::Quota {
        connections: quota.connections,
        half_open: quota.half_open,
        rate: quota.new_per_second,
    };
    sources::Rules {
        allow: limits.allow.clone(),
        quotas: [limits.client, limits.network, limits.host].map(quota),
        prefix: limits.prefix,
    }
}

fn unserved(configured: config::Unserved) -> Unserved {
    match configured {
        config::Unserved::Reject => Unserved::Reject,
        config::Unserved::Drop => Unserved::Drop,
    }
}

fn service(service: &config::Service) -> ServiceSpecification<Ipv4Addr> {
    let listen = |(listen, protocol): (config::Listen, config::Protocol)| Listen {
        address: listen.address,
        port: Port::new(listen.first),
        last: Port::new(listen.last),
        protocol: protocol.into(),
    };
    ServiceSpecification {
        name: service.name.clone(),
        listens: service.keys().map(listen).collect(),
        unserved: service.unserved.map(unserved),
        cuts: service.on_down == config::OnDown::Cut,
        scheduler: service.scheduler,
        persistence: service.persist.as_ref().map(persistence),
        hash: service.hash,
        servers: service.servers.iter().map(|server| specification(service, server)).collect(),
        sorry: service.sorry.iter().map(|server| specification(service, server)).collect(),
        limit: service.limit.map(limit),
        one_packet: service.one_packet,
        when_full: match service.when_full {
            config::WhenFull::Next => WhenFull::Next,
            config::WhenFull::Sorry => WhenFull::Sorry,
            config::WhenFull::Refuse => WhenFull::Refuse,
        },
    }
}

fn specification(
    service: &config::Service,
    server: &config::Server,
) -> ServerSpecification<Ipv4Addr> {
    // Its agent may ask for a limit at any time.
    let may_get_one = service.may_limit_itself(server).then_some(Limit::NONE);
    ServerSpecification {
        address: *server.address.ip(),
        // Port 0 is that of a server that serves as asked, in both.
        port: Port::new(server.address.port()),
        weight: server.weight.into(),
        limit: server.limit.map(limit).or(may_get_one),
    }
}

fn limit(limit: config::Limit) -> Limit {
    Limit::new(limit.most, limit.resume_below)
}

fn persistence(persist: &config::Persist) -> PersistenceSpecification {
    PersistenceSpecification {
        group: persist.group.clone(),
        timeout: seconds(persist.timeout),
        prefix: persist.prefix,
        keep_on_drain: persist.keep_on_drain,
        over: persist.over,
    }
}

fn seconds(duration: Duration) -> Seconds {
    Seconds(u32::try_from(duration.as_secs()).unwrap_or(u32::MAX))
}

fn class(timeouts: &ConnectionTimeouts) -> ClassTimeouts {
    let from = timeouts.tcp;
    let tcp = State::ALL.map(|state| {
        seconds(match state {
            State::None => from.none,
            State::SynSent => from.syn_sent,
            State::SynReceived => from.syn_recv,
            State::Established => from.established,
            State::FinWait => from.fin_wait,
            State::TimeWait => from.time_wait,
            State::Close => from.close,
            State::CloseWait => from.close_wait,
            State::LastAck => from.last_ack,
            State::Listen => from.listen,
            State::SynAck => from.synack,
            // None of TCP's.
            State::Unreplied => timeouts.udp_unreplied,
            State::Replied => timeouts.udp,
        })
    });
    ClassTimeouts {
        tcp,
        udp: seconds(timeouts.udp),
        udp_unreplied: seconds(timeouts.udp_unreplied),
        icmp: seconds(timeouts.icmp),
    }
}
