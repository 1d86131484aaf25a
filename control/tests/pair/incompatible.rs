//! A peer that has the key and proves that it lives, and whose words make no sense here.

use std::net::UdpSocket;
use std::time::Duration;

use control::heartbeat::{Admission, Association, Body, NotUnderstood};
use control::key::SharedKey;
use failover::Instant;

use crate::machine::{Both, Machine, throughout, wait};

/// The peer's end of the first path, with the pair's key.
struct Peer {
    association: Association,
    admission: Admission,
    socket: UdpSocket,
    began: std::time::Instant,
}

impl Peer {
    fn of(both: &Both) -> Self {
        let socket = UdpSocket::bind(("127.51.100.3", both.port)).unwrap();
        socket.connect(("127.51.100.2", both.port)).unwrap();
        socket.set_ttl(255).unwrap();
        socket.set_nonblocking(true).unwrap();
        let key = SharedKey::from_bytes(vec![7; 32]).unwrap();
        let association = Association::new(key).unwrap();
        Peer {
            association,
            admission: Admission::default(),
            socket,
            began: std::time::Instant::now(),
        }
    }

    /// Says in this version whether it is active, and hears nothing.
    fn shout(&mut self, version: u8, active: bool) {
        let body = Body::NotUnderstood(NotUnderstood { version, active: Some(active) });
        let word = self.association.seal_body(body).unwrap();
        // While nobody listens the kernel says so.
        let _ = self.socket.send(&word);
        std::thread::sleep(Duration::from_millis(5));
    }

    /// Answers what has come, and says in this version whether it is active.
    fn say(&mut self, version: u8, active: bool) {
        let mut buffer = [0; 2000];
        let now = Instant(self.began.elapsed().as_micros() as u64 + 1_000_000);
        while let Ok(length) = self.socket.recv(&mut buffer) {
            let reception = self.association.receive(&mut self.admission, &buffer[..length], now);
            let _ = reception.answer.map(|answer| self.socket.send(&answer));
        }
        self.shout(version, active);
    }
}

fn says(machine: &Machine, what: &str) -> bool {
    let said = String::from_utf8(machine.tandem(&["status", "--full"]).stdout).unwrap();
    said.contains(what) && machine.pair().warnings.iter().any(|warning| warning.contains(what))
}

#[test]
fn beside_an_active_peer_that_is_not_understood_nothing_is_claimed() {
    for version in [1, 2, 3] {
        let mut both = Both::new();
        let mut peer = Peer::of(&both);
        both.a.start();
        let what = format!(
            "the peer runs, but its heartbeats are not understood: it speaks version 1.{version}"
        );
        wait("the status says what is wrong", || {
            peer.say(version, true);
            says(&both.a, &what)
        });
        assert_eq!(both.a.pair().not_understood.unwrap().active, Some(true));
        peer.say(version, true);
        let status = String::from_utf8(both.a.tandem(&["status", "--full"]).stdout).unwrap();
        let row = status.lines().find(|line| line.starts_with("?  ")).unwrap();
        assert!(
            row.contains("active")
                && row.contains("it runs, but its heartbeats are not understood"),
            "{status}"
        );
        assert!(!status.contains("No heartbeat of the peer"), "{status}");
        // Several dead intervals.
        throughout(Duration::from_secs(4), "a claims nothing", || {
            peer.say(version, true);
            !both.a.dataplane.is_active()
        });
        assert_eq!(both.a.log().matches(&what).count(), 1, "once");
        let refused = both.a.tandem(&["failover"]);
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(said.contains("the peer is heard, and is not understood"), "{said}");
        // It dies.
        wait("a takes over", || both.a.dataplane.is_active());
        assert_eq!(both.a.pair().last_change.unwrap().why, "the peer is silent on every path");
        wait("the warning goes", || both.a.pair().warnings.is_empty());
    }
}

#[test]
fn of_two_active_ones_that_do_not_understand_each_other_one_gives_way() {
    for (version, stays) in [(1, false), (2, false), (3, true)] {
        let mut both = Both::new();
        both.a.start();
        wait("a is active", || both.a.dataplane.is_active());
        let mut peer = Peer::of(&both);
        // The control: beside one that is not active it goes on.
        wait("a knows the peer", || {
            peer.say(version, false);
            both.a.pair().not_understood.is_some()
        });
        assert!(both.a.dataplane.is_active());
        if stays {
            wait("a tells of the conflict", || {
                peer.say(version, true);
                both.a.log().contains("both machines were active, and this one stays active")
            });
            assert!(both.a.dataplane.is_active());
        } else {
            wait("a gives way", || {
                peer.say(version, true);
                !both.a.dataplane.is_active()
            });
        }
    }
}

#[test]
fn beside_an_idle_peer_that_is_not_understood_the_older_version_goes_first() {
    let mut both = Both::new();
    let mut peer = Peer::of(&both);
    both.a.start();
    wait("the newer one lets a go first", || {
        peer.say(3, false);
        both.a.dataplane.is_active()
    });
}

/// It cannot prove itself to a machine that starts while it hears nothing, and may be active.
#[test]
fn a_machine_that_starts_claims_nothing_beside_a_peer_that_does_not_hear_it() {
    let mut both = Both::new();
    let mut peer = Peer::of(&both);
    both.a.start();
    wait("it is said what holds it back", || {
        peer.shout(1, true);
        let obstacles = both.a.pair().own.obstacles;
        obstacles.iter().any(|why| why.contains("does not hear this machine"))
    });
    throughout(Duration::from_secs(3), "a claims nothing", || {
        peer.shout(1, true);
        !both.a.dataplane.is_active()
    });
    wait("a takes over when it falls silent", || both.a.dataplane.is_active());
}
