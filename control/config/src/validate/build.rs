//! From what was read to the configuration, leaving the places behind.

use super::pool;
use crate::document::At;
use crate::model::Config;
use crate::model::interface::{Interface, Route, StaticNeighbour};
use crate::model::masquerade::Masquerade;
use crate::model::peer::{Peer, PeerPath};
use crate::model::service::{Limit, Server, Service, WhenFull};
use crate::read::{
    Raw, RawInterface, RawLimit, RawMasquerade, RawNeighbour, RawPath, RawPeer, RawRoute,
    RawServer, RawService,
};

/// None when something that must be there is not; that has been reported.
pub(super) fn config(raw: Raw) -> Option<Config> {
    Some(Config {
        node: raw.node?.node,
        public: interface(raw.public?)?,
        private: interface(raw.private?)?,
        peer: match raw.peer {
            Some(raw) => Some(peer(raw)?),
            None => None,
        },
        metrics: raw.metrics,
        status: raw.status.page,
        masquerade: raw.masquerade.into_iter().map(masquerade).collect::<Option<_>>()?,
        services: raw.services.into_iter().map(service).collect::<Option<_>>()?,
        timeouts: raw.timeouts,
        sources: raw.sources,
        hooks: raw.hooks.into_iter().map(|raw| raw.hook).collect::<Option<_>>()?,
    })
}

fn bare<T>(list: Vec<At<T>>) -> Vec<T> {
    list.into_iter().map(|at| at.value).collect()
}

fn interface(raw: RawInterface) -> Option<Interface> {
    let route = |route: RawRoute| Some(Route { to: route.to?.value, via: route.via?.value });
    let neighbour = |neighbour: RawNeighbour| {
        Some(StaticNeighbour { address: neighbour.address?.value, mac: neighbour.mac?.value })
    };
    Some(Interface {
        device: raw.device?.value,
        address: raw.address?.value,
        floating: bare(raw.floating),
        gateway: raw.gateway.map(|at| at.value),
        mtu: raw.mtu,
        routes: raw.routes.into_iter().map(route).collect::<Option<_>>()?,
        neighbours: raw.neighbours.into_iter().map(neighbour).collect::<Option<_>>()?,
        rx_descriptors: raw.rx_descriptors,
        tx_descriptors: raw.tx_descriptors,
        kernel_interface: raw.kernel_interface.value,
        kernel_multicast: raw.kernel_multicast,
        mss_clamp: raw.mss_clamp.map(|at| at.value),
        virtual_mac: raw.virtual_mac,
    })
}

fn peer(raw: RawPeer) -> Option<Peer> {
    let path =
        |path: RawPath| Some(PeerPath { local: path.local?.value, remote: path.remote?.value });
    Some(Peer {
        paths: raw.paths.into_iter().map(path).collect::<Option<_>>()?,
        key_file: raw.key_file?.value,
        priority: raw.priority,
        port: raw.port,
        timing: raw.timing,
        witness: raw.witness.map(|at| at.value),
    })
}

fn masquerade(raw: RawMasquerade) -> Option<Masquerade> {
    let address = raw.address?.value;
    Some(Masquerade {
        source: bare(raw.source),
        address,
        ports: raw.ports,
        most: raw.most.map(|at| at.value),
        reserved: raw.reserved.map_or(0, |at| at.value),
    })
}

fn service(raw: RawService) -> Option<Service> {
    let pool = pool::rules(&raw.pool);
    let sorry = raw.sorry.map(|list| list.value).unwrap_or_default();
    let server = |server: RawServer| {
        Some(Server {
            address: server.address?.value,
            weight: server.weight,
            limit: limit(&server.limit),
            checks: server.checks.map(|at| at.value),
            agent: server.agent,
        })
    };
    Some(Service {
        name: raw.name?.value,
        listens: bare(raw.listens?.value),
        protocols: bare(raw.protocols?.value),
        scheduler: raw.scheduler,
        hash: raw.hash.options(),
        servers: raw.servers?.value.into_iter().map(server).collect::<Option<_>>()?,
        limit: limit(&raw.limit),
        reserved: raw.reserved.map_or(0, |at| at.value),
        one_packet: raw.one_packet.is_some_and(|at| at.value),
        when_full: raw.when_full.map_or(WhenFull::default(), |at| at.value),
        sorry: sorry.into_iter().map(server).collect::<Option<_>>()?,
        unserved: raw.unserved,
        on_down: raw.on_down,
        return_path: raw.return_path,
        persist: raw.persist.map(|at| at.value.persist),
        checks: raw.checks.map_or(Vec::new(), |at| at.value),
        agent: raw.agent,
        pool,
    })
}

fn limit(raw: &RawLimit) -> Option<Limit> {
    let limit = Limit::new(raw.most.as_ref()?.value);
    let resume_below = raw.resume_below.as_ref().map_or(limit.resume_below, |at| at.value);
    Some(Limit { resume_below, ..limit })
}
