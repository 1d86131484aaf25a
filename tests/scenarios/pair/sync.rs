//! Connection sync: many connections, a path that is cut, other numbers of workers.

use lab::{Lab, Settings, ready_pair, ready_pair_with};

use super::await_active;

/// Opens so many flows to a service, from many ports and addresses; three times over, as a
/// slow machine loses some.
const FLOWS: &str = "
import socket, struct, sys, time
count, vip = int(sys.argv[1]), sys.argv[2]
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
d = socket.inet_aton(vip)
for _ in range(3):
    for flow in range(count):
        s = socket.inet_aton('203.0.113.%d' % (100 + flow // 50000))
        udp = struct.pack('!HHHH', 10000 + flow % 50000, 9, 12, 0) + b'abcd'
        raw.sendto(struct.pack('!BBHHHBBH4s4s', 0x45, 0, 32, 1, 0, 64, 17, 0, s, d) + udp, (vip, 0))
        if flow % 100 == 0: time.sleep(0.001)
print(count)
";

#[test]
fn a_machine_that_joins_gets_a_hundred_thousand_connections() {
    let mut lab =
        ready_pair_with(Settings { connections: 300_000, ..Settings::patient_pair() }).unwrap();
    lab.spoil();
    let (active, standby) = lab.roles().unwrap();
    standby.kill().unwrap();
    let flows = Lab::UPSTREAM.spawn_python(FLOWS, &["100000", lab::VIP]).unwrap();
    let open = |machine: &lab::Appliance| machine.counted("connections").iter().sum::<u64>();
    lab::wait_until("half of them are open", 60, || open(active) >= 50_000).unwrap();
    // It joins while the others are made.
    standby.launch(&Settings { connections: 300_000, ..Settings::patient_pair() }).unwrap();
    flows.finish().unwrap();
    lab.await_pair().unwrap();
    lab::wait_until("both have the same", 30, || open(active) == open(standby)).unwrap();
    assert!(open(standby) >= 90_000, "{}", open(standby));
    let sync = standby.pair().unwrap().sync.dataplane;
    assert!(sync.complete && sync.refused == 0, "{sync:?}");
}

#[test]
fn machines_with_other_numbers_of_workers_understand_each_other() {
    let mut lab =
        ready_pair_with(Settings { workers: "[0, 1]", ..Settings::patient_pair() }).unwrap();
    lab.spoil();
    let (active, standby) = lab.roles().unwrap();
    standby.kill().unwrap();
    standby.launch(&Settings::patient_pair()).unwrap();
    let flows = Lab::UPSTREAM.spawn_python(FLOWS, &["2000", lab::VIP]).unwrap();
    flows.finish().unwrap();
    lab.await_pair().unwrap();
    let open = |machine: &lab::Appliance| machine.counted("connections").iter().sum::<u64>();
    lab::wait_until("both have the same", 30, || {
        open(active) >= 2000 && open(active) == open(standby)
    })
    .unwrap();
    assert_eq!([active, standby].map(|machine| machine.counted("connections").len()), [2, 1]);
    active.kill().unwrap();
    await_active(&lab, standby);
    let answer = ["curl", "-s", "-m", "10", "http://198.51.100.10/"];
    assert!(Lab::CLIENT.must(&answer).unwrap().stdout.contains(lab::CLIENT));
}

#[test]
fn a_sync_path_that_is_cut_is_an_alarm_and_no_change_of_role() {
    let lab = ready_pair().unwrap();
    let (active, standby) = lab.roles().unwrap();
    let term = active.pair().unwrap().own.term;
    let cut = "nft add table inet cut; nft 'add chain inet cut in { type filter hook input \
               priority 0; }'; nft add rule inet cut in tcp dport 7405 drop; nft add rule inet cut \
               in tcp sport 7405 drop";
    for machine in [Lab::A, Lab::B] {
        assert!(machine.sh(cut).unwrap().ok());
    }
    let alarm = |machine: &lab::Appliance| {
        machine
            .pair()
            .is_ok_and(|pair| pair.sync.link == api::SyncLink::Down && pair.sync.trouble.is_some())
    };
    lab::wait_until("both say that sync is down", 10, || alarm(active) && alarm(standby)).unwrap();
    let status = standby.tandem(&["status"]).unwrap().stdout;
    assert!(status.contains("sync"), "{status}");
    for machine in [Lab::A, Lab::B] {
        machine.must(&["nft", "delete", "table", "inet", "cut"]).unwrap();
    }
    lab.await_pair().unwrap();
    assert_eq!(active.pair().unwrap().own.term, term);
    assert!(active.is_active());
}
