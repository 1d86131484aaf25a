//! Configurations made into snapshots.

use std::net::Ipv4Addr;
use std::sync::Arc;

use config::{Config, ConnectionTimeouts, Interface};
use core::time::Duration;
use nat::scheduler::{ClientKey, PLACES};
use nat::service::{Registry, RegistryError, ServerSpecification, ServiceSpecification};
use nat::tcp::State;
use nat::timeouts::{ClassTimeouts, Timeouts};
use nat::{Seconds, Side};
use wire::{MacAddress, Port};

use super::{Masquerade, Network, Snapshot};

/// Bytes of IP and TCP headers without options.
const TCP_HEADERS: u16 = 40;

// Schedulers see every server that the configuration allows.
const _: () = assert!(config::Service::MAXIMUM_SERVERS <= PLACES);

/// A configuration that is valid by itself, and cannot be used here.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// More services or servers than numbers for them.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

/// Makes snapshots, one after the other; services and servers keep their numbers from one
/// to the next, as connections refer to them.
pub struct Builder {
    registry: Registry<Ipv4Addr>,
    macs: [MacAddress; 2],
    client_key: ClientKey,
    generation: u64,
}

impl Builder {
    /// For a machine whose NICs have these Ethernet addresses.
    pub fn new(macs: [MacAddress; 2]) -> Self {
        Builder {
            registry: Registry::default(),
            macs,
            client_key: ClientKey::random(),
            generation: 0,
        }
    }

    /// The next snapshot.
    ///
    /// # Errors
    ///
    /// [`BuildError`]; the numbering is then as before.
    pub fn build(&mut self, config: &Config) -> Result<Arc<Snapshot>, BuildError> {
        let services = config.services.iter().map(service).collect::<Vec<_>>();
        let services = self.registry.build(&services)?;
        self.generation += 1;
        let least_mtu = config.public.mtu.min(config.private.mtu);
        let network = |side: Side, interface: &Interface| {
            network(interface, self.macs[side.index()], least_mtu)
        };
        let networks =
            [network(Side::Public, &config.public), network(Side::Private, &config.private)];
        let private = &networks[Side::Private.index()];
        Ok(Arc::new(Snapshot {
            generation: self.generation,
            client_key: self.client_key,
            hairpin: private.floating.first().copied().unwrap_or(private.real.address),
            services,
            masquerades: config.masquerade.iter().map(masquerade).collect(),
            timeouts: Timeouts {
                service: class(&config.timeouts.service),
                masquerade: class(&config.timeouts.masquerade),
            },
            quiet: config.peer.as_ref().map_or(Duration::ZERO, |peer| peer.timing.quiet),
            fragment_timeout: seconds(config.timeouts.fragment),
            networks,
        }))
    }
}

fn network(interface: &Interface, mac: MacAddress, least_mtu: u16) -> Network {
    let mut routes = interface.routes.clone();
    routes.sort_by_key(|route| core::cmp::Reverse(route.to.prefix));
    let fits = least_mtu.saturating_sub(TCP_HEADERS);
    Network {
        mac,
        floating_mac: interface.virtual_mac.unwrap_or(mac),
        real: interface.address,
        floating: interface.floating.iter().map(|floating| floating.address).collect(),
        mtu: interface.mtu,
        mss: interface.mss_clamp.unwrap_or(fits).min(fits),
        routes,
        gateway: interface.gateway,
    }
}

fn masquerade(rule: &config::Masquerade) -> Masquerade {
    Masquerade {
        sources: rule.source.clone(),
        address: rule.address,
        ports: nat::ports::PortRange::new(rule.ports.first, rule.ports.last).unwrap_or_default(),
    }
}

fn service(service: &config::Service) -> ServiceSpecification<Ipv4Addr> {
    ServiceSpecification {
        name: service.name.clone(),
        address: *service.listen.ip(),
        port: Port::new(service.listen.port()),
        protocol: service.protocol.into(),
        scheduler: service.scheduler,
        servers: service
            .servers
            .iter()
            .map(|server| ServerSpecification {
                address: *server.address.ip(),
                port: Port::new(server.address.port()),
                weight: u32::from(server.weight),
            })
            .collect(),
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
        })
    });
    ClassTimeouts { tcp, udp: seconds(timeouts.udp), icmp: seconds(timeouts.icmp) }
}
