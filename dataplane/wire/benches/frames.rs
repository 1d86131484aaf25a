//! What frames cost, in time: `cargo bench -p wire`.

#![allow(clippy::expect_used, reason = "what cannot be made cannot be measured")]

use core::time::Duration;

use criterion::{BatchSize, Criterion, Throughput};
use pieces::BURST;
use pieces::frames::{self, Frame};
use wire::Protocol;
use wire::flow::Rewrite;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    for protocol in [Protocol::Tcp, Protocol::Udp] {
        fast(&mut criterion, protocol);
    }
    slow(&mut criterion);
    checksum(&mut criterion);
    criterion.final_summary();
}

fn burst(frame: &Frame) -> Vec<Frame> {
    vec![frame.clone(); BURST]
}

fn fast(criterion: &mut Criterion, protocol: Protocol) {
    let mut group = criterion.benchmark_group("fast path");
    group.throughput(Throughput::Elements(BURST as u64));
    let flow = frames::flow(protocol, 1, 40_000);
    let mut frames = burst(&frames::plain(flow));
    group.bench_function(format!("read, {protocol:?}"), |bench| {
        bench.iter(|| frames::read(&frames));
    });
    let rewrite = Rewrite::between(&flow, &frames::translated(flow));
    group.bench_function(format!("rewrite, {protocol:?}"), |bench| {
        bench.iter(|| frames::rewrite(&mut frames, &rewrite));
    });
    group.finish();
}

fn slow(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("slow path");
    group.throughput(Throughput::Elements(BURST as u64));
    let flow = frames::flow(Protocol::Tcp, 1, 40_000);
    let syn = frames::syn(flow);
    let frames = burst(&syn);
    group.bench_function("parse, SYN", |bench| bench.iter(|| frames::parse(&frames)));
    let packet = wire::parse::frame(&syn).expect("the frame is right");
    let new = frames::translated(flow);
    group.bench_function("translate, SYN", |bench| {
        // Each hop takes one from the TTL, so the frames are new ones.
        let run = |frames: &mut Vec<Frame>| frames::translate(frames, &packet, new);
        bench.iter_batched_ref(|| frames.clone(), run, BatchSize::SmallInput);
    });
    group.finish();
}

fn checksum(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("checksum");
    for length in [20, 64, 1480] {
        let messages = [vec![0xa5; length]];
        group.throughput(Throughput::Bytes(length as u64));
        group.bench_function(format!("{length} bytes"), |bench| {
            bench.iter(|| frames::checksum(&messages));
        });
    }
    group.finish();
}
