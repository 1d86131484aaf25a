//! Neighbours that are not known when a connection opens, and one that becomes another.

use lab::{Lab, Probing, Settings, VIP, ready, wait_until};

/// Frames of a download of so many bytes, at the least.
const FRAMES: u64 = 50_000_000 / 1500;

#[test]
fn a_connection_leaves_the_main_core_when_its_neighbours_are_known() {
    let mut lab = ready().unwrap();
    lab.restart_with(&Settings::default()).unwrap();
    let line = format!("curl -s -m 60 -r 0-49999999 http://{VIP}/big | wc -c");
    let bytes = Lab::CLIENT.sh(&line).unwrap().stdout;
    assert_eq!(bytes.trim(), "50000000");
    let counted = |counter: &str| lab.appliance.counted(counter).iter().sum::<u64>();
    assert!(counted("fast_path_packets") > FRAMES / 2);
    let main = counted("punt_unresolved_packets") + counted("punt_kernel_packets");
    assert!(main < FRAMES / 100, "{main} packets went through the main core");
}

/// A client is replaced by another one with its address, or moves to another host: nobody says so. (The
/// configuration's servers and gateways are asked several times a second in any case.)
#[test]
fn a_host_whose_card_became_another_is_found_without_a_word() {
    let mut lab = ready().unwrap();
    lab.restart_with(&Settings::default()).unwrap();
    let probing = Probing::start(1000).unwrap();
    let old = Lab::CLIENT.mac("eth0").unwrap();
    // It speaks no ARP before it is asked: what it knows of the virtual IP stays.
    let line = format!(
        "vip=$(ip neigh show to {VIP} dev eth0 | sed -n 's/.*lladdr \\([^ ]*\\).*/\\1/p') && \
         ip link set eth0 address 02:00:00:00:99:12 && \
         ip neigh replace {VIP} lladdr $vip dev eth0 nud permanent"
    );
    let changed = Lab::CLIENT.sh(&line).unwrap();
    assert!(changed.ok(), "{}", changed.words());
    let before = Lab::CLIENT.received("eth0").unwrap();
    // More than there is of ARP. Without a question in time it was 31 s and more.
    let found = wait_until("datagrams come back", 15, || {
        Lab::CLIENT.received("eth0").unwrap() > before + 2000
    });
    let back = format!("ip link set eth0 address {old}; ip neigh flush dev eth0 nud permanent");
    assert!(Lab::CLIENT.sh(&back).unwrap().ok());
    found.unwrap();
    probing.finish().unwrap();
    lab.spoil();
}
