//! What it costs to find the service that a client asks, by a port and by a range of ports, beside
//! a table of all ports: `cargo bench -p nat --bench services`.

use core::hint::black_box;
use core::time::Duration;
use std::net::Ipv4Addr;

use criterion::{Criterion, Throughput};
use nat::scheduler::{ClientKey, HashOptions, Kind};
use nat::service::{Listen, Registry, ServiceSpecification, Services, WhenFull};
use wire::{Port, Protocol};

const VIP: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 10);
const ASKED: u16 = 1024;
/// Ports from here on are of ranges.
const FIRST: u16 = 20_000;

fn service(name: String, first: u16, last: u16) -> ServiceSpecification<Ipv4Addr> {
    let (port, last) = (Port::new(first), Port::new(last));
    ServiceSpecification {
        name,
        listens: vec![Listen { address: VIP, port, last, protocol: Protocol::Udp }],
        scheduler: Kind::RoundRobin,
        hash: HashOptions::default(),
        servers: Vec::new(),
        sorry: Vec::new(),
        limit: None,
        when_full: WhenFull::default(),
        one_packet: false,
        unserved: None,
        persistence: None,
        cuts: false,
    }
}

/// So many services of one port, and of a range.
fn services(single: u16, ranges: u16) -> Services<Ipv4Addr> {
    let length = 40_000 / ranges.max(1);
    let single = (1..=single).map(|port| service(format!("port{port}"), port, port));
    let range = |at| {
        let first = FIRST + at * length;
        service(format!("range{at}"), first, first + length - 1)
    };
    let all: Vec<_> = single.chain((0..ranges).map(range)).collect();
    match Registry::default().build(&all, ClientKey::from_bits([1, 2])) {
        Ok(services) => services,
        Err(error) => unreachable!("{error}"),
    }
}

/// Ports in an order that no processor foresees.
fn ports(first: u16, count: u16) -> Vec<Port> {
    let mut seed = 1u32;
    let mut next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 16) as u16
    };
    (0..ASKED).map(|_| Port::new(first + next() % count)).collect()
}

fn find(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("find a service");
    group.throughput(Throughput::Elements(ASKED.into())).measurement_time(Duration::from_secs(2));
    for (single, ranges) in [(16, 0), (16, 16), (10_000, 0), (10_000, 16)] {
        let (all, ports) = (services(single, ranges), ports(1, single));
        let name = format!("one port of {single}, beside {ranges} ranges");
        group.bench_function(name, |bench| {
            bench.iter(|| {
                ports.iter().filter(|&&port| all.find(VIP, port, Protocol::Udp).is_some()).count()
            });
        });
    }
    for (single, ranges) in [(0, 1), (16, 1), (16, 16), (16, 1000), (10_000, 4000)] {
        let (all, ports) = (services(single, ranges), ports(FIRST, 40_000));
        let name = format!("a port in {ranges} ranges, beside {single} ports");
        group.bench_function(name, |bench| {
            bench.iter(|| {
                ports.iter().filter(|&&port| all.find(VIP, port, Protocol::Udp).is_some()).count()
            });
        });
    }
    let (table, ports) = (vec![7u32; 65_536], ports(FIRST, 40_000));
    group.bench_function(
        "the same in a table of all ports, without the hash of the address",
        |bench| {
            bench.iter(|| {
                let at = |port: &Port| black_box(&table)[usize::from(port.number())] as usize;
                ports.iter().map(at).sum::<usize>()
            });
        },
    );
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    find(&mut criterion);
    criterion.final_summary();
}
