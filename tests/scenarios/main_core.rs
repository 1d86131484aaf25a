//! The main core is stopped by the kernel wherever it is: workers forward on.

use core::time::Duration;
use std::net::Ipv4Addr;

use lab::{Lab, MainThread, Probing, Settings, ready, wait_until};
use wire::testing::Frame;

/// How often it is stopped. That a stop inside of a pool holds nobody up is shown where such a stop
/// can be had for certain (`dpdk/tests/preempted.rs`).
const STOPS: usize = 200;
/// Datagrams that have to come back during a stop.
const ECHOES: u64 = 5;
/// More frames for the kernel than are sent meanwhile.
const FLOOD: usize = 50_000_000;

#[test]
fn a_main_core_that_is_stopped_anywhere_stops_no_worker() {
    let mut lab = ready().unwrap();
    lab.restart_with(&Settings::default()).unwrap();
    let probing = Probing::start(2000).unwrap();
    let real: Ipv4Addr = lab.appliance.machine.public.parse().unwrap();
    let macs = [Lab::UPSTREAM.mac("eth0").unwrap(), lab.appliance.mac(0).unwrap()];
    let frames: Vec<_> = (1..250)
        .map(|last| Frame::udp((Ipv4Addr::new(203, 0, 113, last), 4000), (real, 9)))
        .map(|frame| frame.macs(macs[0], macs[1]).build())
        .collect();
    let flood = Lab::UPSTREAM.spawn_send("eth0", &frames, FLOOD, &[]).unwrap();
    let punted = || lab.appliance.counted("punt_kernel_packets").iter().sum::<u64>();
    wait_until("the flood is there", 20, || punted() > 10_000).unwrap();

    let main = MainThread::of(lab.appliance.process().unwrap()).unwrap();
    for stop in 0..STOPS {
        main.stop().unwrap();
        let before = Lab::CLIENT.received("eth0").unwrap();
        let forwarded = wait_until("datagrams come back while the main core stands", 10, || {
            Lab::CLIENT.received("eth0").unwrap() >= before + ECHOES
        });
        forwarded.unwrap_or_else(|error| panic!("stop {stop}: {error}"));
        main.go_on().unwrap();
        // It has to have something in its hands again.
        std::thread::sleep(Duration::from_millis(fastrand::u64(1..8)));
    }
    drop(main);
    drop(flood);
    probing.finish().unwrap();
}
