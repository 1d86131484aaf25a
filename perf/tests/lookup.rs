//! `tandem-perf lookup`, small.

#![allow(clippy::unwrap_used)]

mod record;

use perf::rig::Pages;
use perf::rig::lookup::{self, LookupSettings};

#[test]
fn every_packet_of_a_known_connection_is_forwarded() {
    let settings = LookupSettings {
        connections: vec![1, 500],
        frame: 128,
        replies: true,
        parts: 3,
        packets: 2000,
        pages: Pages::Ordinary,
    };
    let result = lookup::run(&settings, &|_| ()).unwrap();
    let sizes: Vec<_> = result.sizes.iter().map(|size| size.connections).collect();
    assert_eq!(sizes, [1, 500]);
    assert!(result.sizes.iter().all(|size| size.mpps > 0.0));
    assert!(result.figures.iter().all(|figure| figure.samples.len() == 3));
    record::check("lookup", &settings, &result.figures, &result);
}
