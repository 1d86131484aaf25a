//! Receive side scaling: what a device is told, and says when it is asked. net_null keeps
//! both, and spreads nothing.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{assert_whole, attach, pool, port_config, start};
use dpdk::port::{HashOn, Port, Rss, RssError, RssKey, capabilities};

fn key() -> RssKey {
    RssKey::from_random(0x6d5a_6d5a)
}

#[test]
fn a_device_keeps_key_and_table() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 63);
    let name = attach(eal, "net_null", "");
    let id = eal.port(&name).unwrap();
    let places = capabilities(id).unwrap().rss_table;
    assert!(places >= 64, "{places}");
    let mut config = port_config(&pool);
    (config.rx_queues, config.tx_queues) = (3, 3);
    let (port, rx, tx) = Port::start(id, &name, &config).unwrap();

    let mut queues: Vec<u16> = (0..places).map(|place| place % 3).collect();
    port.spread(&Rss { hash_on: HashOn::Both, key: key(), queues: &queues }).unwrap();
    // One that is shorter is repeated.
    queues.truncate(16);
    port.spread(&Rss { hash_on: HashOn::Both, key: key(), queues: &queues }).unwrap();

    // It has no such queue.
    queues[7] = 3;
    let error = port.spread(&Rss { hash_on: HashOn::Both, key: key(), queues: &queues });
    let Err(RssError::Refused { step, .. }) = error else { panic!("{error:?}") };
    assert_eq!(step, "take a table of queues");

    // Places that its own do not repeat.
    let error = port.spread(&Rss { hash_on: HashOn::Both, key: key(), queues: &queues[..3] });
    assert_eq!(error, Err(RssError::Table { offered: places, asked: 3 }));
    drop((port, rx, tx));
    assert_whole(&pool);
}

#[test]
fn a_device_that_hashes_no_single_address_says_so() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 63);
    for driver in ["net_null", "net_ring"] {
        let port = start(eal, driver, "", &port_config(&pool));
        for hash_on in [HashOn::Source, HashOn::Destination] {
            let error = port.port.spread(&Rss { hash_on, key: key(), queues: &[0; 64] });
            assert_eq!(error, Err(RssError::NotOffered(hash_on)), "{driver}");
        }
    }
    assert_whole(&pool);
}

#[test]
fn a_device_without_a_table_says_so() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 63);
    let port = start(eal, "net_ring", "", &port_config(&pool));
    let rss = Rss { hash_on: HashOn::Both, key: key(), queues: &[0; 64] };
    assert_eq!(port.port.spread(&rss), Err(RssError::NotOffered(HashOn::Both)));
    drop(port);
    assert_whole(&pool);
}
