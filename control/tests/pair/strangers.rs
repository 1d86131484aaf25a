//! A peer that is not what it should be.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use crate::machine::{Both, Machine, wait};

fn refused(machine: &Machine, reason: &str) -> u64 {
    let paths = machine.pair().paths;
    let counts = paths.iter().flat_map(|path| &path.refused);
    counts.filter(|(name, _)| name == reason).map(|(_, count)| count).sum()
}

/// A socket with the peer's end of the first path, while the peer does not run.
fn peers_end(both: &Both) -> UdpSocket {
    let socket = UdpSocket::bind(("127.51.100.3", both.port)).unwrap();
    socket.connect(("127.51.100.2", both.port)).unwrap();
    socket.set_ttl(255).unwrap();
    socket
}

#[test]
fn another_version_is_said_in_the_log_and_the_status() {
    let mut both = Both::new();
    both.a.start();
    wait("a is active", || both.a.dataplane.is_active());
    let socket = peers_end(&both);
    let what = "speaks version 2 of the heartbeat protocol and version 1.2 is spoken here";
    wait("the status says so", || {
        socket.send(&[2; 100]).unwrap();
        both.a.pair().paths[0].trouble.as_ref().is_some_and(|trouble| trouble.contains(what))
    });
    wait("the log says so", || both.a.log().contains(what));
    assert_eq!(both.a.log().matches(what).count(), 1, "once in a while");
    assert!(refused(&both.a, "version") > 0);
    assert!(both.a.dataplane.is_active());
}

#[test]
fn what_came_through_a_router_is_refused() {
    let mut both = Both::new();
    both.a.start();
    wait("a is active", || both.a.dataplane.is_active());
    let socket = peers_end(&both);
    socket.set_ttl(254).unwrap();
    wait("it is counted", || {
        socket.send(&[1; 100]).unwrap();
        refused(&both.a, "off_link") > 0
    });
    assert_eq!(refused(&both.a, "authentication"), 0, "nobody looked at it any closer");
}

#[test]
fn a_peer_with_another_key_is_none() {
    let mut both = Both::new();
    std::fs::write(both.b.folder.join("peer.key"), [8; 32]).unwrap();
    both.a.start();
    both.b.start();
    wait("a refuses b", || refused(&both.a, "authentication") > 0);
    wait("b refuses a", || refused(&both.b, "authentication") > 0);
    wait("the log says what to do", || both.a.log().contains("copy peer.key_file"));
    assert_eq!(both.a.pair().peer, None);
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let mut both = Both::new();
    let key = both.a.folder.join("peer.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let output = both.a.run_binary();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains(&format!("type: chmod 600 {}", key.display())), "{said}");
}

#[test]
fn a_flood_keeps_nobody_from_hearing_the_peer() {
    let mut both = Both::up();
    let socket = UdpSocket::bind("127.51.100.9:0").unwrap();
    let began = std::time::Instant::now();
    while began.elapsed() < std::time::Duration::from_millis(500) {
        for _ in 0..1000 {
            let _ = socket.send_to(&[1; 200], ("127.51.100.2", both.port));
        }
        assert!(both.a.dataplane.is_active() && !both.b.dataplane.is_active());
    }
    assert_eq!(refused(&both.a, "authentication"), 0, "the kernel hands on the peer's only");
    both.b.kill();
}

#[test]
fn a_silent_stream_is_an_alarm_within_a_second() {
    let both = Both::up();
    both.b.signal(rustix::process::Signal::STOP);
    let began = std::time::Instant::now();
    wait("a notices", || both.a.pair().sync.trouble.is_some());
    println!("noticed after {:?}", began.elapsed());
    assert_eq!(both.a.pair().sync.trouble.unwrap(), "nothing came from the peer in time");
    wait("it is in the log", || both.a.log().contains("connection sync is down"));
    both.b.signal(rustix::process::Signal::CONT);
    wait("b has all connections again", || both.a.pair().peer.unwrap().ready);
}

#[test]
fn other_timers_are_said_on_both_machines() {
    let mut both = Both::new();
    let file = both.b.folder.join("tandem.toml");
    let config = std::fs::read_to_string(&file).unwrap().replace("dead = \"1s\"", "dead = \"2s\"");
    std::fs::write(&file, config).unwrap();
    both.a.start();
    both.b.start();
    let (old, new) = ("(peer.dead 1000 ms, peer.lease 800 ms)", "(peer.dead 2000 ms, peer.lease");
    for machine in [&both.a, &both.b] {
        wait("the status says so", || {
            machine.pair().warnings.iter().any(|what| what.contains(old) && what.contains(new))
        });
        wait("the metrics say so", || machine.metrics().contains("tandem_peer_timers_differ 1\n"));
        let peer = machine.pair().peer.unwrap();
        assert_ne!(peer.dead_millis, machine.pair().own.dead_millis);
        wait("many heartbeats have come", || machine.pair().paths[0].received > 20);
        assert_eq!(machine.log().matches("the peer has other timers").count(), 1);
    }
    let said = String::from_utf8(both.a.tandem(&["status", "--full"]).stdout).unwrap();
    assert!(said.contains("warning     the peer has other timers"), "{said}");
    // The remedy.
    both.b.kill();
    let config = std::fs::read_to_string(&file).unwrap().replace("dead = \"2s\"", "dead = \"1s\"");
    std::fs::write(&file, config).unwrap();
    both.b.start();
    wait("the warning goes", || both.a.pair().warnings.is_empty());
    assert!(both.a.metrics().contains("tandem_peer_timers_differ 0\n"));
}

/// The active machine's lease is longer than the other's dead interval, and its control dies: its
/// dataplane goes on until the lease is over, and the other one waits for that.
#[test]
fn with_other_timers_a_takeover_waits_for_the_end_of_the_peers_lease() {
    let both = Both::new();
    let file = both.b.folder.join("tandem.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    let quick = config.replace("dead = \"1s\"", "dead = \"400ms\"");
    std::fs::write(&file, quick.replace("lease = \"800ms\"", "lease = \"300ms\"")).unwrap();
    let mut both = both.start();
    both.a.kill();
    wait("b is active", || both.b.dataplane.is_active());
    // Its lease has run out, or it is noticed that it has not.
    assert!(!both.a.dataplane.is_active());
    let ended = both.a.dataplane.state().changes.last().unwrap().1;
    let began = both.b.dataplane.state().changes.last().unwrap().1;
    assert!(ended <= began, "both were active for {:?}", ended - began);
}

#[test]
fn another_configuration_is_said_when_it_lasts() {
    let both = Both::up();
    let file = both.b.folder.join("tandem.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let rule = "[[masquerade]]\nsource = [\"10.0.0.0/24\"]\naddress = \"198.51.100.10\"\n";
    std::fs::write(&file, format!("{text}{rule}")).unwrap();
    assert!(both.b.tandem(&["reload"]).status.success());
    let differs = |machine: &Machine| {
        machine.metrics().contains("tandem_configuration_differs{section=\"masquerade\"} 1\n")
    };
    let deadline = Instant::now() + Duration::from_secs(60);
    while !(differs(&both.a) && differs(&both.b)) {
        assert!(Instant::now() < deadline, "it is not said");
        std::thread::sleep(Duration::from_millis(100));
    }
    for machine in [&both.a, &both.b] {
        assert_eq!(machine.pair().differing, ["masquerade"]);
        let metrics = machine.metrics();
        assert!(metrics.contains("tandem_configuration_differs{section=\"services\"} 0\n"));
    }
    std::fs::write(&file, text).unwrap();
    assert!(both.b.tandem(&["reload"]).status.success());
    wait("it is taken back", || !differs(&both.a) && !differs(&both.b));
}
