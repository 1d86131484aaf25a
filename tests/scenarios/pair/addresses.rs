//! Both floating addresses, in one hand, and announced.

use core::time::Duration;
use std::time::Instant;

use lab::{
    Appliance, Conversation, Lab, Namespace, SECOND_GATEWAY, SECOND_VIP, Settings, VIP, ready_pair,
};

use super::{await_active, macs, neighbour};

#[test]
fn a_takeover_is_announced_to_both_sides_as_request_and_as_reply() {
    let mut lab = ready_pair().unwrap();
    lab.spoil();
    let (active, standby) = lab.roles().unwrap();
    let name = standby.machine.name;
    // Nobody learns an address from an announcement, but who knows it takes the new place.
    for (host, address) in [(Lab::UPSTREAM, VIP), (Lab::S1, lab::GATEWAY)] {
        host.must(&["ping", "-c", "1", "-W", "2", address]).unwrap();
    }
    let switch = Namespace("tandem-switch");
    let sides = [("public", VIP), ("private", lab::GATEWAY)];
    let captures = sides.map(|(side, _)| {
        let port = format!("{name}-{side}");
        let capture = switch.spawn(&[
            "tshark",
            "-lni",
            &port,
            "-Y",
            "arp.isgratuitous == 1",
            "-T",
            "fields",
            "-e",
            "arp.opcode",
            "-e",
            "arp.src.proto_ipv4",
            "-e",
            "arp.src.hw_mac",
        ]);
        let listens = || switch.run(&["ss", "-0nH"]).unwrap().stdout.contains(&port);
        lab::wait_until("tshark has its socket", 30, listens).unwrap();
        capture.unwrap()
    });
    active.kill().unwrap();
    await_active(&lab, standby);
    let announced = || {
        standby.client().is_ok_and(|mut client| {
            client
                .lease(api::LeaseOrder::Watch)
                .is_ok_and(|lease_status| lease_status.announcements >= 32)
        })
    };
    lab::wait_until("several announcements were sent", 20, announced).unwrap();
    for ((capture, mac), (_, address)) in captures.into_iter().zip(macs(standby)).zip(sides) {
        let seen = capture.stop().unwrap().stdout;
        for opcode in ["1", "2"] {
            let line = format!("{opcode}\t{address}\t{mac}");
            let count = seen.lines().filter(|seen| **seen == line).count();
            assert!(count >= 4, "{count} of {line:?} in\n{seen}");
        }
    }
    // The kernel's own neighbour tables have taken it.
    let [public, private] = macs(standby);
    assert_eq!(neighbour(Lab::UPSTREAM, VIP), public);
    assert_eq!(neighbour(Lab::S1, lab::GATEWAY), private);
}

#[test]
fn somebody_else_who_claims_an_address_is_noticed_and_answered() {
    let lab = ready_pair().unwrap();
    let (active, _) = lab.roles().unwrap();
    let conflicts = || active.client().unwrap().lease(api::LeaseOrder::Watch).unwrap().conflicts;
    let before = conflicts();
    let mac = macs(active)[0].clone();
    // The client claims the virtual IP, and the upstream router believes it. (It has to
    // know the address: nobody learns a new one from an announcement.)
    Lab::UPSTREAM.run(&["ping", "-c", "1", "-W", "2", VIP]).unwrap();
    assert_eq!(neighbour(Lab::UPSTREAM, VIP), mac);
    Lab::CLIENT.must(&["ip", "addr", "add", &format!("{VIP}/32"), "dev", "eth0"]).unwrap();
    Lab::CLIENT.run(&["arping", "-U", "-c", "2", "-I", "eth0", "-s", VIP, VIP]).unwrap();
    lab::wait_until("the conflict is counted", 10, || conflicts() > before).unwrap();
    // A third station has none of the pair's connections.
    assert_eq!(active.client().unwrap().lease(api::LeaseOrder::Watch).unwrap().disputes, 0);
    Lab::CLIENT.must(&["ip", "addr", "del", &format!("{VIP}/32"), "dev", "eth0"]).unwrap();
    lab::wait_until("the upstream router believes the appliance again", 10, || {
        neighbour(Lab::UPSTREAM, VIP) == mac
    })
    .unwrap();
    assert!(active.is_active());
}

#[test]
fn somebody_else_who_claims_a_real_address_is_noticed_and_answered() {
    let lab = ready_pair().unwrap();
    let (active, standby) = lab.roles().unwrap();
    // The standby machine's address is as much its own.
    for machine in [active, standby] {
        let lease = || machine.client().unwrap().lease(api::LeaseOrder::Watch).unwrap();
        let before = lease();
        let (real, mac) = (machine.machine.public, macs(machine)[0].clone());
        // Ends with the first announcement of it.
        let filter = format!("arp and ether src {mac} and src host {real} and dst host {real}");
        let announced = ["timeout", "20", "tcpdump", "-c", "1", "-lni", "eth0", &filter];
        let announced = Lab::UPSTREAM.spawn(&announced).unwrap();
        let listens =
            || Lab::UPSTREAM.run(&["ss", "-0nH"]).is_ok_and(|all| all.stdout.contains("eth0"));
        lab::wait_until("tcpdump has its socket", 20, listens).unwrap();
        let address = format!("{real}/32");
        Lab::CLIENT.must(&["ip", "addr", "add", &address, "dev", "eth0"]).unwrap();
        Lab::CLIENT.run(&["arping", "-U", "-c", "2", "-I", "eth0", "-s", real, real]).unwrap();
        lab::wait_until("the conflict is counted", 10, || lease().conflicts > before.conflicts)
            .unwrap();
        Lab::CLIENT.must(&["ip", "addr", "del", &address, "dev", "eth0"]).unwrap();
        let seen = announced.finish().unwrap();
        assert!(seen.ok(), "no announcement: {}", seen.words());
        // It is no dispute about the role.
        assert_eq!(lease().disputes, before.disputes);
    }
    assert!(active.is_active());
}

/// A host on each side, and the address that a reload brings there.
const BROUGHT: [(Namespace, &str); 2] = [(Lab::UPSTREAM, SECOND_VIP), (Lab::S1, SECOND_GATEWAY)];
/// Other hosts there, which ask for it.
const ASKING: [(Namespace, &str); 2] = [(Lab::CLIENT, SECOND_VIP), (Lab::S2, SECOND_GATEWAY)];
/// No Ethernet address answers.
const NOBODY: Vec<String> = Vec::new();
/// The Ethernet address of a machine that had the address before, and is gone.
const GONE: &str = "02:00:00:00:00:99";

/// The Ethernet addresses that answer when a host asks by ARP who has an address.
fn who_has((host, address): (Namespace, &str)) -> Vec<String> {
    let asked = ["arping", "-c", "2", "-w", "3", "-I", "eth0", address];
    let said = host.run(&asked).unwrap();
    assert!(said.stdout.contains("Sent "), "{said:?}");
    let answers = said.stdout.lines().filter_map(|line| Some(line.split_once('[')?.1));
    let mut macs: Vec<String> =
        answers.filter_map(|rest| Some(rest.split_once(']')?.0.to_lowercase())).collect();
    macs.dedup();
    macs
}

fn announcements(machine: &Appliance) -> u64 {
    machine.client().unwrap().lease(api::LeaseOrder::Watch).unwrap().announcements
}

/// Waits until the announcements of the last takeover are over: the next ones of all addresses
/// are then a minute away. Between the last two of them lie three seconds.
fn await_silence(machine: &Appliance) {
    let (mut last, mut since) = (announcements(machine), Instant::now());
    let is_silent = || {
        let now = announcements(machine);
        if now != last {
            (last, since) = (now, Instant::now());
        }
        since.elapsed() > Duration::from_secs(4)
    };
    lab::wait_until("a takeover's announcements are over", 60, is_silent).unwrap();
}

/// Asks the second virtual IP for a name, always from one port; true if it answers.
fn resolves() -> bool {
    let (server, from) = (format!("@{SECOND_VIP}"), format!("{}#40054", lab::CLIENT));
    let words = ["dig", "+short", "+time=2", "+tries=1", "-b", &from, &server, "whoami.lab", "TXT"];
    let said = Lab::CLIENT.run(&words).unwrap();
    said.ok() && !said.stdout.trim().is_empty()
}

#[test]
fn an_address_that_a_reload_brings_is_announced_and_one_that_goes_is_answered_no_more() {
    let mut lab = ready_pair().unwrap();
    lab.spoil();
    let (active, standby) = lab.roles().unwrap();
    let without = Settings::patient_pair();
    let with = Settings { second_addresses: true, ..without };
    let stale = |(host, address)| {
        let entry = ["ip", "neigh", "replace", address, "lladdr", GONE, "dev", "eth0"];
        Namespace::must(host, &[&entry[..], &["nud", "stale"]].concat()).unwrap();
    };
    BROUGHT.into_iter().for_each(stale);
    await_silence(active);
    // A standby machine announces and answers nothing.
    let announced = announcements(standby);
    standby.reload(&with).unwrap();
    assert_eq!(ASKING.map(who_has), [NOBODY; 2]);
    assert_eq!(announcements(standby), announced);
    assert_eq!(BROUGHT.map(|(host, address)| neighbour(host, address)), [GONE; 2]);
    // The active one does, at once: the next refresh of all addresses is up to a minute away.
    active.reload(&with).unwrap();
    for ((host, address), mac) in BROUGHT.into_iter().zip(macs(active)) {
        let learnt = || neighbour(host, address) == mac;
        lab::wait_until(&format!("{} has learnt {address}", host.0), 10, learnt).unwrap();
    }
    assert_eq!(ASKING.map(who_has), macs(active).map(|mac| vec![mac]));
    let question = b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n";
    let conversation =
        Conversation::ask(Lab::CLIENT, &format!("{SECOND_VIP}:80"), question).unwrap();
    assert!(resolves());
    // It goes. What is open over TCP goes on, as documented; datagrams are for nobody.
    for machine in [standby, active] {
        machine.reload(&without).unwrap();
    }
    let before = active.dropped("not_for_us");
    assert!(!resolves());
    assert!(active.dropped("not_for_us") > before, "{:?}", active.drops());
    let lab::Heard::Answer(first) = conversation.first.clone() else { panic!("no first answer") };
    let server = first.lines().last().unwrap();
    assert!(conversation.go_on().unwrap().ends_with(server));
    assert_eq!(ASKING.map(who_has), [NOBODY; 2]);
    // Those that stay are answered as before.
    let stay = [(Lab::CLIENT, VIP), (Lab::S2, lab::GATEWAY)];
    assert_eq!(stay.map(who_has), macs(active).map(|mac| vec![mac]));
    lab.await_pair().unwrap();
    assert!(active.is_active(), "nothing has moved");
}
