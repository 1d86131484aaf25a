//! Routing daemons on the machines hear their neighbours on the link, and are heard.

use lab::groups::{self, Listener};
use lab::{Appliance, Lab, Settings, ready_pair, ready_pair_with};
use wire::MacAddress;
use wire::testing::Frame;

const ASKED_FOR: &str = r#"kernel_multicast = ["ospf", "vrrp", "pim", "igmp", "lldp"]"#;
/// Where the upstream router is on the link.
const UPSTREAM: &str = "198.51.100.1";
const GROUPS: [&str; 6] =
    ["89:224.0.0.5", "89:224.0.0.6", "112:224.0.0.18", "103:224.0.0.13", "2:224.0.0.22", "lldp"];

/// Hellos of the upstream router: IP over multicast, and LLDP.
fn hellos() -> Vec<Vec<u8>> {
    let own = Lab::UPSTREAM.mac("eth0").unwrap();
    let hello = |(protocol, last, ttl)| {
        let from: std::net::Ipv4Addr = UPSTREAM.parse().unwrap();
        let group = std::net::Ipv4Addr::new(224, 0, 0, last);
        let frame = Frame::other(from, group, protocol, b"a hello of some protocol").ttl(ttl);
        frame.macs(own, MacAddress::of_group(group)).build()
    };
    let mut lldp = vec![0x01, 0x80, 0xc2, 0, 0, 0x0e];
    lldp.extend(own.0);
    lldp.extend([0x88, 0xcc]);
    lldp.resize(60, 0);
    let over_ip = [(89, 5, 1), (89, 6, 1), (112, 18, 255), (103, 13, 1)].map(hello);
    over_ip.into_iter().chain([lldp]).collect()
}

fn listeners(lab: &Lab) -> [Listener; 2] {
    let at = |machine: &Appliance| machine.machine.namespace;
    lab.machines().map(|machine| Listener::start(at(machine), "tandem-pub", &GROUPS).unwrap())
}

#[test]
fn both_machines_hear_what_they_ask_for_and_are_heard() {
    let lab =
        ready_pair_with(Settings { on_public: ASKED_FOR, ..Settings::patient_pair() }).unwrap();
    let listeners = listeners(&lab);
    Lab::UPSTREAM.send("eth0", &hellos()).unwrap();
    // The kernel upstream speaks IGMP by itself, with the option "router alert".
    let _member = groups::join(Lab::UPSTREAM, "eth0", "239.1.2.3").unwrap();
    let expected = [
        format!("89 {UPSTREAM} 224.0.0.5 ttl=1 header=20"),
        format!("89 {UPSTREAM} 224.0.0.6 ttl=1 header=20"),
        format!("112 {UPSTREAM} 224.0.0.18 ttl=255 header=20"),
        format!("103 {UPSTREAM} 224.0.0.13 ttl=1 header=20"),
        format!("2 {UPSTREAM} 224.0.0.22 ttl=1 header=24"),
        "lldp".to_owned(),
    ];
    for listener in &listeners {
        expected.iter().for_each(|line| listener.await_heard(line).unwrap());
    }
    let upstream = Listener::start(Lab::UPSTREAM, "eth0", &GROUPS).unwrap();
    for machine in lab.machines() {
        let machine = machine.machine;
        groups::send(machine.namespace, "tandem-pub", 89, "224.0.0.5").unwrap();
        let line = format!("89 {} 224.0.0.5 ttl=1 header=20", machine.public);
        upstream.await_heard(&line).unwrap();
        // The other machine is a neighbour like any other.
        let [a, b] = &listeners;
        let other = if machine.name == lab.machines()[0].machine.name { b } else { a };
        other.await_heard(&line).unwrap();
    }
}

/// The control: what nobody asked for does not arrive, whoever has joined the group.
#[test]
fn without_the_key_the_kernel_hears_nothing() {
    let lab = ready_pair().unwrap();
    let listeners = listeners(&lab);
    let dropped =
        |machine: &Appliance| ["not_for_us", "ether_type"].map(|why| machine.dropped(why));
    let counts = || lab.machines().map(dropped);
    let before = counts();
    Lab::UPSTREAM.send("eth0", &hellos()).unwrap();
    for machine in lab.machines() {
        // What came before it on the same way to the kernel would be there.
        let real = machine.machine.public;
        Lab::UPSTREAM.must(&["ping", "-c", "1", "-W", "20", real]).unwrap();
    }
    for (after, before) in counts().into_iter().zip(before) {
        // Others on the link speak multicast, too.
        assert!(after[0] >= before[0] + 4 && after[1] > before[1], "{before:?}, {after:?}");
    }
    for (listener, machine) in listeners.iter().zip(lab.machines()) {
        // Its own reports of groups are what its kernel sends.
        let own = format!(" {} ", machine.machine.public);
        let heard = listener.heard();
        let others: Vec<_> = heard.iter().filter(|line| !line.contains(&own)).collect();
        assert!(others.is_empty(), "{heard:?}");
    }
}
