//! Floods at real addresses: what comes for the main core is served by class, so they cost no
//! neighbour, no heartbeat and no role.

use std::net::Ipv4Addr;

use api::{NeighbourState, Side};
use lab::{Appliance, GATEWAY, Lab, Loading, Namespace, Settings, ready_pair_with};
use wire::MacAddress;
use wire::arp::Packet;
use wire::build;
use wire::testing::Frame;

/// Frames of each sender: more than the rings of all classes hold, and than the main core takes in
/// the time.
const FRAMES: usize = 400_000;
/// Different ones among them.
const SOURCES: u8 = 250;

fn senders(side: Side) -> [Namespace; 2] {
    match side {
        Side::Public => [Lab::CLIENT, Lab::UPSTREAM],
        Side::Private => [Lab::S1, Lab::S2],
    }
}

/// Datagrams to a port of the machine's real address at which nobody listens, from many sources.
fn datagrams(side: Side, from: Namespace, to: &Appliance) -> Vec<Vec<u8>> {
    let (real, network) = match side {
        Side::Public => (to.machine.public, [203, 0, 113]),
        Side::Private => (to.machine.private, [10, 0, 0]),
    };
    let real: Ipv4Addr = real.parse().unwrap();
    let macs = [from.mac("eth0").unwrap(), to.mac(side as usize).unwrap()];
    let datagram = |last| {
        let source = Ipv4Addr::from([network[0], network[1], network[2], last]);
        let frame = Frame::udp((source, 4000), (real, 9));
        frame.macs(macs[0], macs[1]).build()
    };
    // Servers' addresses and those of the machines are not among them.
    (16..SOURCES).map(datagram).collect()
}

/// Broadcast questions for the gateway address, from stations that nobody knows.
fn questions() -> Vec<Vec<u8>> {
    let gateway: Ipv4Addr = GATEWAY.parse().unwrap();
    let question = |last| {
        let mac = MacAddress([2, 0, 0, 9, 9, last]);
        let packet = Packet::request(mac, Ipv4Addr::new(10, 0, 0, last), gateway);
        let mut frame = [0; build::ARP_FRAME];
        let length = build::arp(&mut frame, MacAddress::BROADCAST, &packet).unwrap();
        frame[..length].to_vec()
    };
    (16..SOURCES).map(question).collect()
}

/// Every sender sends its frames as fast as it can, all at once.
fn flood(floods: Vec<(Namespace, Vec<Vec<u8>>)>) {
    let tasks: Vec<_> = floods
        .into_iter()
        .map(|(from, frames)| from.spawn_send("eth0", &frames, FRAMES, &[]).unwrap())
        .collect();
    for task in tasks {
        let output = task.finish().unwrap();
        assert!(output.ok(), "{}", output.words());
    }
}

fn dropped(machine: &Appliance, class: &str) -> u64 {
    machine.counted(&format!("punt_{class}_dropped")).iter().sum()
}

/// The kept next hops whose ARP was not answered in time, and what of theirs was lost.
fn lost(machine: &Appliance) -> (Vec<String>, [u64; 3]) {
    let neighbours = machine.client().unwrap().neighbours().unwrap().entries;
    let failed = neighbours.into_iter().filter(|one| one.state == NeighbourState::Failed);
    let failed = failed.map(|one| one.address.to_string()).collect();
    (failed, ["neighbour", "peer", "check"].map(|class| dropped(machine, class)))
}

fn floods_change_nothing(workers: &'static str) {
    let settings = Settings { nic_paths: true, workers, ..Settings::patient_pair() };
    let lab = ready_pair_with(settings).unwrap();
    lab.await_pair().unwrap();
    let (active, standby) = lab.roles().unwrap();
    let terms = || lab.machines().map(|machine| machine.pair().map(|pair| pair.own.term));
    let before = terms();
    let loading = Loading::start_again_and_again(4, 4).unwrap();
    for side in [Side::Public, Side::Private] {
        for targets in [&[standby][..], &[active], &[standby, active]] {
            let from = senders(side).into_iter().zip(targets.iter().cycle());
            flood(from.map(|(from, to)| (from, datagrams(side, from, to))).collect());
            assert_eq!(terms(), before, "{side:?}: the role has moved");
        }
    }
    flood(senders(Side::Private).map(|from| (from, questions())).into());
    assert_eq!(terms(), before, "ARP: the role has moved");
    for machine in lab.machines() {
        let name = machine.machine.name;
        assert_eq!(lost(machine), (Vec::new(), [0; 3]), "{name}");
        // The control: without classes these places had been the others'.
        assert!(dropped(machine, "kernel") > 0, "{name}: there was room for the whole flood");
        assert!(dropped(machine, "arp") > 0, "{name}: there was room for every question");
    }
    let loaded = loading.finish().unwrap();
    assert_eq!((loaded.wrong, loaded.lost), (0, 0), "{loaded:?}");
}

#[test]
fn a_flood_at_real_addresses_moves_no_role_and_costs_no_neighbour() {
    floods_change_nothing("[1]");
}

#[test]
fn nor_does_one_where_several_workers_hand_it_over() {
    floods_change_nothing("[0, 1]");
}
