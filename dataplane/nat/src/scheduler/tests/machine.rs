//! A machine whose workers open connections with one service, as far as schedulers see it: real
//! loads, weights and views, and connections that are active from the first packet on.

use std::net::Ipv4Addr;
use std::sync::Arc;

use wire::{Port, Protocol};

use crate::random::Random;
use crate::scheduler::{Client, ClientKey, HashOptions, Kind, Scheduler};
use crate::service::{
    Listen, Loads, MAXIMUM_SERVERS, Registry, ServerSpecification, ServiceSpecification, Services,
    View, Weights, share,
};

const VIP: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 10);

/// A connection of the machine.
#[derive(Clone, Copy)]
pub(super) struct Open {
    pub(super) worker: usize,
    pub(super) server: usize,
}

pub(super) struct Machine {
    pub(super) services: Services<Ipv4Addr>,
    pub(super) weights: Weights,
    workers: Vec<(Scheduler, Arc<Loads>)>,
    key: ClientKey,
    pub(super) random: Random,
    /// Connections after which workers are told of each other's; none: never.
    pub(super) share_every: Option<u32>,
    opened: u32,
    pub(super) open: Vec<Open>,
}

/// The service, with servers 10.0.0.0 and so on of these weights.
pub(super) fn specification(
    kind: Kind,
    hash: HashOptions,
    weights: &[u32],
) -> ServiceSpecification<Ipv4Addr> {
    let server = |(n, &weight): (u32, &u32)| ServerSpecification {
        address: Ipv4Addr::from_bits(0x0a00_0000 + n),
        port: Port::new(80),
        weight,
        limit: None,
    };
    ServiceSpecification {
        name: "web".to_owned(),
        listens: vec![Listen::at(VIP, Port::new(80), Protocol::Tcp)],
        scheduler: kind,
        hash,
        servers: (0..).zip(weights).map(server).collect(),
        sorry: Vec::new(),
        limit: None,
        when_full: crate::service::WhenFull::default(),
        one_packet: false,
        unserved: None,
        persistence: None,
        cuts: false,
    }
}

impl Machine {
    pub(super) fn new(kind: Kind, workers: usize, weights: &[u32]) -> Self {
        Self::with_options(kind, HashOptions::default(), workers, weights)
    }

    pub(super) fn with_options(
        kind: Kind,
        hash: HashOptions,
        workers: usize,
        configured: &[u32],
    ) -> Self {
        let key = ClientKey::from_bits([1, 2]);
        let specification = specification(kind, hash, configured);
        let services = Registry::default().build(&[specification], key).unwrap();
        let mut random = Random::from_seed(7);
        let worker = |_| (Scheduler::new(kind, hash, random.next_u64()), Arc::default());
        let workers = (0..workers).map(worker).collect();
        let weights = Weights::default();
        let machine = Machine {
            services,
            weights,
            workers,
            key,
            random,
            share_every: Some(100),
            opened: 0,
            open: Vec::new(),
        };
        for (at, &weight) in configured.iter().enumerate() {
            machine.set_weight(at, weight);
        }
        machine
    }

    /// Workers are not told of each other's connections.
    pub(super) fn without_sharing(mut self) -> Self {
        self.share_every = None;
        self
    }

    pub(super) fn set_weight(&self, server: usize, weight: u32) {
        let service = self.services.iter().next().unwrap();
        self.weights.set(service.servers[server].id, weight);
    }

    pub(super) fn set_part(&self, server: usize, part: u16) {
        let service = self.services.iter().next().unwrap();
        self.weights.set_part(service.servers[server].id, part);
    }

    /// The worker of a client, as both NICs choose it.
    fn worker_of(&self, client: u32) -> usize {
        super::siphash::mix(client.into()) as usize % self.workers.len()
    }

    /// Which server a client would get.
    pub(super) fn pick(&mut self, client: u32, port: u16) -> Option<usize> {
        let worker = self.worker_of(client);
        self.pick_on(worker, client, port)
    }

    pub(super) fn pick_on(&mut self, worker: usize, client: u32, port: u16) -> Option<usize> {
        let service = self.services.iter().next().unwrap();
        let address = Ipv4Addr::from_bits(0xcb00_0000 | client & 0x00ff_ffff);
        let client = Client::new(address, Port::new(port), VIP, self.key);
        let (scheduler, loads) = &mut self.workers[worker];
        scheduler.pick(&client, &View::new(service, &self.weights, loads))
    }

    /// Opens a connection of some client.
    pub(super) fn open_any(&mut self) -> Option<usize> {
        let client = self.random.below(1 << 24);
        self.open(client)
    }

    pub(super) fn open_many(&mut self, count: u32) {
        for _ in 0..count {
            self.open_any();
        }
    }

    /// Opens connections of as many clients on one worker.
    pub(super) fn open_many_on(&mut self, worker: usize, count: u32) {
        for client in 0..count {
            self.open_on(worker, client);
        }
    }

    pub(super) fn open(&mut self, client: u32) -> Option<usize> {
        let worker = self.worker_of(client);
        self.open_on(worker, client)
    }

    pub(super) fn open_on(&mut self, worker: usize, client: u32) -> Option<usize> {
        let port = self.random.next_u64() as u16;
        let server = self.pick_on(worker, client, port)?;
        let id = self.services.iter().next().unwrap().servers[server].id;
        self.workers[worker].1.opened(id, true);
        self.open.push(Open { worker, server });
        self.opened += 1;
        if self.share_every.is_some_and(|every| self.opened % every == 0) {
            self.share();
        }
        Some(server)
    }

    pub(super) fn share(&self) {
        let loads: Vec<_> = self.workers.iter().map(|(_, loads)| &**loads).collect();
        share(&loads, 0..MAXIMUM_SERVERS);
    }

    /// Closes one connection at random.
    pub(super) fn close_any(&mut self) {
        let at = self.random.below(self.open.len() as u32) as usize;
        let Open { worker, server } = self.open.swap_remove(at);
        let id = self.services.iter().next().unwrap().servers[server].id;
        self.workers[worker].1.closed(id, true);
    }

    /// Connections of each server.
    pub(super) fn counts(&self) -> Vec<u32> {
        let mut counts = vec![0; self.services.iter().next().unwrap().servers.len()];
        self.open.iter().for_each(|open| counts[open.server] += 1);
        counts
    }

    /// The largest and the smallest count for a weight.
    pub(super) fn extremes(&self, weights: &[u32]) -> (f64, f64) {
        let counts = self.counts();
        let shares = counts.iter().zip(weights).map(|(&n, &w)| f64::from(n) / f64::from(w));
        shares.fold((0.0, f64::INFINITY), |(most, least), one| (one.max(most), one.min(least)))
    }
}

impl Machine {
    /// The servers that stand first for the first worker, found by comparing each with each.
    pub(super) fn best_keys(&self, kind: Kind) -> Vec<usize> {
        let service = self.services.iter().next().unwrap();
        let loads = &self.workers[0].1;
        let of = |at: usize| {
            let id = service.servers[at].id;
            (u64::from(self.weights.of(id)), loads.all(id))
        };
        // Less is better: two numbers one after the other, as a fraction of the weight.
        let rank = |at: usize| {
            let (weight, load) = of(at);
            let overhead = load.overhead();
            match kind {
                Kind::LeastConnection => (0, overhead, 1),
                Kind::WeightedLeastConnection => (0, overhead, weight),
                Kind::NeverQueue if overhead < 256 => (0, overhead, weight),
                Kind::ShortestExpectedDelay | Kind::NeverQueue => (1, overhead + 256, weight),
                _ => (0, 100 - weight, 1),
            }
        };
        let may = |&at: &usize| {
            let (weight, load) = of(at);
            weight > 0 && (kind != Kind::Overflow || u64::from(load.active) <= weight)
        };
        let better = |a: usize, b: usize| {
            let ((a0, a1, a2), (b0, b1, b2)) = (rank(a), rank(b));
            (a0, a1 * b2) < (b0, b1 * a2)
        };
        let all: Vec<_> = (0..service.servers.len()).filter(may).collect();
        let is_best = |&at: &usize| !all.iter().any(|&other| better(other, at));
        let best: Vec<_> = all.iter().copied().filter(is_best).collect();
        match kind {
            Kind::Failover | Kind::Overflow => best.into_iter().take(1).collect(),
            _ => best,
        }
    }
}
