//! Ports: what is asked for is checked, and each queue is handed out once.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::sync::Barrier;

use common::{assert_whole, attach, pool, port_config, start};
use dpdk::burst::Burst;
use dpdk::port::{MulticastFilter, Port, PortError, capabilities};

#[test]
fn a_running_port_is_not_started_again() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 63);
    let name = attach(eal, "net_null", "");
    let id = eal.port(&name).unwrap();
    let (port, rx, tx) = Port::start(id, &name, &port_config(&pool)).unwrap();
    let again = |what: &str| {
        let error = Port::start(id, &name, &port_config(&pool)).unwrap_err();
        let PortError::Refused { device, step, .. } = &error else { panic!("{what}: {error}") };
        assert_eq!((device, *step), (&name, "be configured"), "{what}");
    };
    again("all of it is there");
    drop(port);
    again("its queues are there");
    drop(rx);
    again("its transmit queue is there");
    drop(tx);
    assert!(eal.port(&name).is_none(), "the last one closed it");
    assert!(matches!(capabilities(id), Err(PortError::Refused { .. })));
    assert!(Port::start(id, &name, &port_config(&pool)).is_err());
    assert_whole(&pool);
}

#[test]
fn of_two_threads_that_start_a_port_one_gets_the_queues() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 63);
    for _ in 0..20 {
        let name = attach(eal, "net_null", "");
        let id = eal.port(&name).unwrap();
        let together = Barrier::new(2);
        let started = std::thread::scope(|scope| {
            let start = || {
                together.wait();
                Port::start(id, &name, &port_config(&pool)).ok()
            };
            let threads = [scope.spawn(start), scope.spawn(start)];
            threads.map(|thread| thread.join().unwrap())
        });
        assert_eq!(started.iter().flatten().count(), 1);
    }
    assert_whole(&pool);
}

#[test]
fn more_queues_than_there_are() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 63);
    let name = attach(eal, "net_ring", "");
    let id = eal.port(&name).unwrap();
    let offered = capabilities(id).unwrap();
    assert_eq!(offered.driver, "net_ring");

    let mut config = port_config(&pool);
    config.rx_queues = offered.rx_queues + 1;
    let error = Port::start(id, &name, &config).unwrap_err();
    let expected = PortError::Queues {
        device: name.clone(),
        kind: "receive",
        asked: offered.rx_queues + 1,
        offered: offered.rx_queues,
    };
    assert_eq!(error, expected);
    let text = error.to_string();
    assert!(text.contains(&name) && text.contains(&offered.rx_queues.to_string()), "{text}");

    config.rx_queues = 1;
    config.tx_queues = u16::MAX;
    let error = Port::start(id, &name, &config).unwrap_err();
    assert!(matches!(error, PortError::Queues { kind: "transmit", asked: u16::MAX, .. }));

    (config.rx_queues, config.tx_queues) = (0, 0);
    let error = Port::start(id, &name, &config).unwrap_err();
    assert_eq!(error, PortError::NoQueue { device: name.clone() });

    // None of that has spoilt it.
    (config.rx_queues, config.tx_queues) = (offered.rx_queues, offered.tx_queues);
    let (_port, rx, tx) = Port::start(id, &name, &config).unwrap();
    assert_eq!((rx.len(), tx.len()), (offered.rx_queues.into(), offered.tx_queues.into()));
    let mut indices: Vec<_> = rx.iter().map(|queue| queue.index()).collect();
    indices.dedup();
    assert_eq!(indices.len(), rx.len());
}

#[test]
fn an_mtu_that_the_device_does_not_do() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 63);
    let name = attach(eal, "net_null", "");
    let id = eal.port(&name).unwrap();
    let (least, most) = capabilities(id).unwrap().mtu;
    assert!(least > 0);
    let mut config = port_config(&pool);
    config.mtu = least - 1;
    let error = Port::start(id, &name, &config).unwrap_err();
    assert_eq!(error, PortError::Mtu { device: name.clone(), asked: least - 1, least, most });
    assert!(error.to_string().contains(&format!("{least} to {most}")), "{error}");
}

#[test]
fn queues_work_wherever_they_are_taken() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 63);
    let mut port = start(eal, "net_ring", "", &port_config(&pool));
    let mut tx = port.tx;
    let sender_pool = pool.clone();
    let sent = std::thread::spawn(move || {
        let mut burst = Burst::<1>::new();
        burst.push(common::numbered(&sender_pool, 7)).unwrap();
        tx.transmit(&mut burst)
    });
    assert_eq!(sent.join().unwrap(), 1);
    let mut burst = Burst::<8>::new();
    assert_eq!(port.rx.receive(&mut burst), 1);
    assert_eq!(common::number(&burst.as_slice()[0]), 7);
    drop((burst, port.rx, port.port));
    assert_whole(&pool);
}

#[test]
fn another_ethernet_address_is_accepted_with_or_without_a_filter() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 63);
    for driver in ["net_ring", "net_null"] {
        let port = start(eal, driver, "", &port_config(&pool));
        let own = port.port.mac();
        port.port.accept([0, 0, 0x5e, 0, 1, 1]);
        assert_eq!(port.port.mac(), own, "{driver}");
    }
    assert_whole(&pool);
}

#[test]
fn multicast_is_received_with_or_without_a_filter() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 63);
    let groups = [[1, 0, 0x5e, 0, 0, 5], [1, 0x80, 0xc2, 0, 0, 0x0e]];
    // These have no filter for groups.
    for driver in ["net_ring", "net_null"] {
        let port = start(eal, driver, "", &port_config(&pool));
        assert_eq!(port.port.receive_multicast(&groups), MulticastFilter::AllMulticast, "{driver}");
    }
    assert_whole(&pool);
}
