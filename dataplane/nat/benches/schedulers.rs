//! What a pick of each scheduler costs, a Maglev table, and telling workers of each other's
//! loads: `cargo bench -p nat --bench schedulers`.

use core::time::Duration;

use criterion::{Criterion, Throughput};
use nat::scheduler::{HashOptions, Kind};
use nat::service::{Loads, share};
use pieces::schedulers::{Picker, clients, table};

const SERVERS: [u32; 4] = [4, 16, 256, 1024];
const CLIENTS: u32 = 4096;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800))
        .sample_size(30)
        .configure_from_args();
    picks(&mut criterion);
    tables(&mut criterion);
    loads(&mut criterion);
    criterion.final_summary();
}

fn picks(criterion: &mut Criterion) {
    let clients = clients(CLIENTS);
    for servers in SERVERS {
        let mut group = criterion.benchmark_group(format!("pick of {servers}"));
        group.throughput(Throughput::Elements(CLIENTS.into()));
        for &kind in Kind::ALL {
            let mut picker = Picker::new(kind, HashOptions::default(), servers);
            group.bench_function(kind.name(), |bench| bench.iter(|| picker.pick(&clients)));
        }
        let bounded = HashOptions { bound: 125, ..HashOptions::default() };
        let mut picker = Picker::new(Kind::Maglev, bounded, servers);
        group.bench_function("mh, bounded", |bench| bench.iter(|| picker.pick(&clients)));
        group.finish();
    }
}

fn tables(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("Maglev table");
    for (servers, size) in
        [(10, 65_537), (100, 65_537), (500, 65_537), (1024, 131_071), (1024, 655_373)]
    {
        group.bench_function(format!("{servers} servers, {size} places"), |bench| {
            bench.iter(|| table(servers, size));
        });
    }
    group.finish();
}

fn loads(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("share loads");
    for (workers, servers) in [(2, 4096), (8, 4096), (8, 8192)] {
        let all: Vec<_> = (0..workers).map(|_| Box::new(Loads::default())).collect();
        group.bench_function(format!("{workers} workers, {servers} servers"), |bench| {
            bench.iter(|| share(&all, 0..servers));
        });
    }
    group.finish();
}
