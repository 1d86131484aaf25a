//! What is not TCP survives a takeover like TCP.

use std::net::Ipv4Addr;

use lab::{Conversation, Cut, Heard, INTERNET, Lab, Settings, VIP, ready_pair, ready_pair_with};
use wire::tcp::Flags;
use wire::testing::Frame;

use super::await_active;

const WEB: &[u8] = b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n";
/// A question to a DNS server for the text of `whoami.lab`.
const DNS: &[u8] =
    b"\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x06whoami\x03lab\x00\x00\x10\x00\x01";

/// True if the web server on the Internet has answered the virtual IP, and the DNS server.
fn is_answered(web: &Heard, dns: &Heard) -> bool {
    web.ends_with(&format!("internet {VIP}")) && dns.ends_with("internet")
}

/// Whether a private host's own connection to the Internet and its open UDP flow are answered
/// after a takeover as they were before, and whether its mappings, of a ping as well, are the
/// same there. `before` is done first.
fn survive(before: impl FnOnce(&Lab)) -> (bool, bool, String) {
    let mut lab = ready_pair().unwrap();
    lab.spoil();
    let (active, standby) = lab.roles().unwrap();
    before(&lab);
    let web = Conversation::ask(Lab::S1, &format!("{INTERNET}:80"), WEB).unwrap();
    let dns = Conversation::ask_udp(Lab::S1, &format!("{INTERNET}:53"), DNS).unwrap();
    assert!(is_answered(&web.first, &dns.first), "{web:?} {dns:?}");
    let ping = Lab::S2.spawn(&["ping", "-i", "0.2", "-W", "2", INTERNET]).unwrap();
    let opened = || ports(active).len() >= 3;
    lab::wait_until("all three mappings are there", 20, opened).unwrap();
    let mappings = ports(active);
    active.kill().unwrap();
    await_active(&lab, standby);
    let (web, dns) = (web.go_on().unwrap(), dns.go_on().unwrap());
    let after = ports(standby);
    let same = mappings.iter().all(|mapping| after.contains(mapping));
    let told = format!("{mappings:?} {after:?} {web:?} {dns:?} {}", ping.stop().unwrap().words());
    (is_answered(&web, &dns), same, told)
}

#[test]
fn masquerade_mappings_udp_flows_and_echoes_survive() {
    let (answered, same, told) = survive(|_| {});
    assert!(answered, "{told}");
    // A ping goes on with its identifier: the mapping is what makes the replies come back.
    assert!(same, "{told}");
}

/// The control: it is sync that carries them over.
#[test]
fn without_sync_mappings_do_not_survive() {
    let mut cuts = None;
    let (answered, same, told) = survive(|lab| {
        cuts = Some(Cut::sync().unwrap());
        let (_, standby) = lab.roles().unwrap();
        let trouble = || standby.pair().is_ok_and(|pair| !pair.own.ready);
        lab::wait_until("the standby machine knows that it is not synced", 20, trouble).unwrap();
    });
    assert!(!answered, "the connection went on: {told}");
    assert!(!same, "{told}");
}

/// The masqueraded connections of a machine, each as its source and what it became.
fn ports(machine: &lab::Appliance) -> Vec<String> {
    let listed =
        machine.client().unwrap().connections(api::Page { limit: 1000, ..Default::default() });
    let masqueraded =
        |connection: &api::Connection| connection.kind == api::ConnectionKind::Masquerade;
    let line = |connection: api::Connection| {
        format!("{} {:?} {:?}", connection.protocol, connection.original, connection.translated)
    };
    listed.unwrap().entries.into_iter().filter(masqueraded).map(line).collect()
}

/// Whether a client gets a reset for segments of a connection that nobody knows, after a
/// takeover; and how many of them were dropped.
fn strays_after_a_takeover(settings: Settings) -> (bool, u64) {
    let mut lab = ready_pair_with(settings).unwrap();
    lab.spoil();
    let (active, standby) = lab.roles().unwrap();
    active.kill().unwrap();
    await_active(&lab, standby);
    let before = standby.dropped("no_connection");
    let filter = format!("src host {VIP} and tcp[tcpflags] & tcp-rst != 0 and dst port 4242");
    let mut capture = Lab::CLIENT
        .spawn(&["tcpdump", "-Unni", "eth0", "-c", "1", "--immediate-mode", &filter])
        .unwrap();
    lab::wait_until("tcpdump has its socket", 20, || {
        Lab::CLIENT.run(&["ss", "-0nH"]).unwrap().stdout.contains("eth0")
    })
    .unwrap();
    let (client, vip) = (lab::CLIENT.parse().unwrap(), VIP.parse().unwrap());
    let stray = Frame::tcp::<Ipv4Addr, Ipv4Addr>((client, 4242), (vip, 80), Flags::ACK);
    let stray = stray.macs(Lab::CLIENT.mac("eth0").unwrap(), standby.mac(0).unwrap());
    Lab::CLIENT.send("eth0", &vec![stray.build(); 10]).unwrap();
    let dropped = || standby.dropped("no_connection") - before;
    lab::wait_until("all segments are dropped", 20, || dropped() >= 10).unwrap();
    // Of ten resets, all but the last have left by then.
    let resets: u64 = standby.counted("resets_sent").iter().sum();
    let told = resets > 0;
    if told {
        lab::wait_until("the client has the reset", 20, || !capture.runs()).unwrap();
    }
    (told && capture.stop().unwrap().stdout.contains("Flags [R"), dropped())
}

#[test]
fn unknown_segments_after_a_takeover_are_dropped_and_not_reset() {
    let (told, dropped) = strays_after_a_takeover(Settings::patient_pair());
    assert!(!told);
    assert!(dropped >= 10, "{dropped}");
}

/// The control: without the time of quiet after a takeover they are.
#[test]
fn without_a_quiet_time_unknown_segments_are_reset() {
    let peer = "dead = \"600ms\"\nlease = \"500ms\"\nquiet = \"0s\"";
    let (told, _) = strays_after_a_takeover(Settings { peer, ..Settings::pair() });
    assert!(told);
}
