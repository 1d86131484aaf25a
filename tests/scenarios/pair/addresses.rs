//! Both floating addresses, in one hand, and announced.

use lab::{Lab, Namespace, VIP, ready_pair};

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
            client.hold(api::Hold::Watch).is_ok_and(|holding| holding.announcements >= 32)
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
    let conflicts = || active.client().unwrap().hold(api::Hold::Watch).unwrap().conflicts;
    let before = conflicts();
    let mac = macs(active)[0].clone();
    // The client claims the virtual IP, and the upstream router believes it. (It has to
    // know the address: nobody learns a new one from an announcement.)
    Lab::UPSTREAM.run(&["ping", "-c", "1", "-W", "2", VIP]).unwrap();
    assert_eq!(neighbour(Lab::UPSTREAM, VIP), mac);
    Lab::CLIENT.must(&["ip", "addr", "add", &format!("{VIP}/32"), "dev", "eth0"]).unwrap();
    Lab::CLIENT.run(&["arping", "-U", "-c", "2", "-I", "eth0", "-s", VIP, VIP]).unwrap();
    lab::wait_until("the conflict is counted", 10, || conflicts() > before).unwrap();
    Lab::CLIENT.must(&["ip", "addr", "del", &format!("{VIP}/32"), "dev", "eth0"]).unwrap();
    lab::wait_until("the upstream router believes the appliance again", 10, || {
        neighbour(Lab::UPSTREAM, VIP) == mac
    })
    .unwrap();
    assert!(active.is_active());
}
