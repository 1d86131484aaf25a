//! What connections cost, in time and by their number: `cargo bench -p nat`.

use core::time::Duration;
use std::net::Ipv4Addr;

use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, Criterion, Throughput};
use nat::connection::NewConnection;
use nat::timeouts::Timeouts;
use nat::{Connections, Instant};
use pieces::BURST;
use pieces::connections::{self, OPENED};

const SIZES: [u32; 3] = [1024, 65_536, 1_048_576];
/// Bursts of packets copied before they are forwarded: few enough to stay in the cache.
const BURSTS_AHEAD: u64 = 16;
/// Later than the timeout of an established connection.
const OVER: Instant = Instant::from_millis(1_000_000);

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(50)
        .configure_from_args();
    for size in SIZES {
        let openings = connections::openings(size);
        let mut group = criterion.benchmark_group(format!("{size} connections"));
        known(&mut group, &openings);
        open(&mut group, &openings);
        expire(&mut group, &openings);
        group.finish();
    }
    criterion.final_summary();
}

fn empty(openings: &[NewConnection<Ipv4Addr>]) -> Connections<Ipv4Addr> {
    Connections::new(openings.len(), Timeouts::default(), OPENED, &mut |_| ())
}

/// A burst at a time, on and on through all connections.
fn known(group: &mut BenchmarkGroup<'_, WallTime>, openings: &[NewConnection<Ipv4Addr>]) {
    let mut connections = empty(openings);
    connections::open(&mut connections, openings, OPENED);
    connections::establish(&mut connections, openings, OPENED);
    group.throughput(Throughput::Elements(BURST as u64));

    let keys = connections::keys(openings);
    let mut bursts = keys.chunks(BURST).cycle();
    group.bench_function("hash", |bench| {
        bench.iter(|| bursts.next().map(|burst| connections::hash(connections.table(), burst)));
    });
    let mut bursts = keys.chunks(BURST).cycle();
    group.bench_function("look-up, hit", |bench| {
        bench.iter(|| bursts.next().map(|burst| connections::look_up(connections.table(), burst)));
    });
    let unknown = connections::unknown_keys(openings);
    let mut bursts = unknown.chunks(BURST).cycle();
    group.bench_function("look-up, miss", |bench| {
        bench.iter(|| bursts.next().map(|burst| connections::look_up(connections.table(), burst)));
    });

    let packets = connections::packets(openings);
    let mut bursts = packets.chunks(BURST).cycle();
    group.bench_function("forward", |bench| {
        // What was forwarded has other ends, so that each burst is a new one.
        let burst = || bursts.next().unwrap_or_default().to_vec();
        let run = |burst: &mut Vec<_>| connections::forward(&mut connections, burst, OPENED, &None);
        bench.iter_batched_ref(burst, run, BatchSize::NumIterations(BURSTS_AHEAD));
    });
}

/// From the empty table to the full one.
fn open(group: &mut BenchmarkGroup<'_, WallTime>, openings: &[NewConnection<Ipv4Addr>]) {
    let mut connections = empty(openings);
    let mut now = OPENED;
    group.throughput(Throughput::Elements(1));
    group.bench_function("open", |bench| {
        bench.iter_custom(|times| {
            in_rounds(times, openings, |openings| {
                let start = std::time::Instant::now();
                connections::open(&mut connections, openings, now);
                let took = start.elapsed();
                connections::close(&mut connections, openings);
                // The wheel forgets what was closed when its time comes.
                now = Instant::from_millis(now.millis() + OVER.millis());
                connections::turn(&mut connections, now);
                took
            })
        });
    });
}

/// From the full table to the empty one.
fn expire(group: &mut BenchmarkGroup<'_, WallTime>, openings: &[NewConnection<Ipv4Addr>]) {
    let mut connections = empty(openings);
    let mut now = OPENED;
    group.bench_function("expire", |bench| {
        bench.iter_custom(|times| {
            in_rounds(times, openings, |openings| {
                connections::open(&mut connections, openings, now);
                let over = Instant::from_millis(now.millis() + OVER.millis());
                let start = std::time::Instant::now();
                while !connections.table().is_empty() {
                    connections::expire(&mut connections, over);
                }
                now = over;
                start.elapsed()
            })
        });
    });
}

/// Splits what criterion asks for into rounds of at most all connections.
fn in_rounds(
    times: u64,
    openings: &[NewConnection<Ipv4Addr>],
    mut round: impl FnMut(&[NewConnection<Ipv4Addr>]) -> Duration,
) -> Duration {
    let mut took = Duration::ZERO;
    let mut left = times as usize;
    while left > 0 {
        let some = openings.get(..left).unwrap_or(openings);
        took += round(some);
        left -= some.len();
    }
    took
}
