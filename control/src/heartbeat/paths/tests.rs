use std::net::UdpSocket;

use config::{PeerPath, Timing};
use failover::Role;

use super::*;
use crate::heartbeat::message::tests::payload;
use crate::heartbeat::{Body, NotUnderstood};
use crate::key::SharedKey;

/// Before the first look at the sockets.
const BEGIN: Instant = Instant(10_000_000);

fn association() -> Association {
    Association::new(SharedKey::from_bytes(vec![7; 32]).unwrap()).unwrap()
}

/// The peer's end of each path.
struct PeersEnd {
    association: Association,
    sockets: Vec<UdpSocket>,
    sequence: u64,
}

impl PeersEnd {
    fn send(&mut self, path: usize) {
        self.sequence += 1;
        let datagram = self.association.seal(&payload(self.sequence)).unwrap();
        self.sockets[path].send(&datagram).unwrap();
    }

    /// Answers what has come.
    fn listen(&mut self) {
        let mut buffer = [0; 2000];
        for socket in &self.sockets {
            while let Ok(length) = socket.recv(&mut buffer) {
                let reception = self.association.receive(
                    &mut crate::heartbeat::Admission::default(),
                    &buffer[..length],
                    BEGIN,
                );
                if let Some(answer) = reception.answer {
                    socket.send(&answer).unwrap();
                }
            }
        }
    }
}

/// Two paths over the loopback interface, and the peer's ends of them.
fn paths(subnet: u8) -> (Paths, PeersEnd) {
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let ends = |path: u8| ([127, subnet, path, 2].into(), [127, subnet, path, 3].into());
    let path = |path| PeerPath { local: ends(path).0, remote: ends(path).1 };
    let peer = Peer {
        paths: vec![path(1), path(2)],
        key_file: "/nonexistent".into(),
        priority: 100,
        port,
        timing: Timing::default(),
        witness: None,
    };
    let measures = Arc::new(Measures::new(&[]).unwrap());
    let mut paths = Paths::new(&peer, association(), measures);
    paths.open(BEGIN);
    let socket = |path: &PeerPath| {
        let socket = UdpSocket::bind((path.remote, port)).unwrap();
        socket.connect((path.local, port)).unwrap();
        socket.set_ttl(255).unwrap();
        socket.set_nonblocking(true).unwrap();
        socket
    };
    let sockets = peer.paths.iter().map(socket).collect();
    let mut end = PeersEnd { association: association(), sockets, sequence: 0 };
    get_acquainted(&mut paths, &mut end, BEGIN);
    (paths, end)
}

fn get_acquainted(paths: &mut Paths, end: &mut PeersEnd, now: Instant) {
    let starts = paths.association.starts();
    for _ in 0..3 {
        end.send(0);
        paths.receive(now);
        end.listen();
    }
    paths.receive(now);
    assert_eq!(paths.association.starts(), starts + 1);
}

fn sequences(payloads: &[HeartbeatPayload]) -> Vec<u64> {
    payloads.iter().map(|payload| payload.sequence).collect()
}

#[tokio::test]
async fn after_a_pause_all_that_waited_comes_at_once_and_in_order() {
    let (mut paths, mut end) = paths(61);
    let before = end.sequence;
    (0..150).for_each(|_| end.send(0));
    end.send(1);
    let payloads = paths.receive(BEGIN.plus(Duration::from_secs(1))).payloads;
    assert_eq!(sequences(&payloads), (before + 1..=before + 151).collect::<Vec<_>>());
    assert!(!paths.is_flooded());
    // Without a pause a path has its turn, and then the next one.
    (0..75).for_each(|_| end.send(0));
    assert_eq!(paths.receive(BEGIN.plus(Duration::from_millis(1020))).payloads.len(), TURN);
    assert!(paths.is_flooded());
}

/// An upgrade of one machine alone, or a heartbeat that makes no sense: the peer is not
/// taken for dead.
#[tokio::test]
async fn a_peer_that_is_not_understood_is_there() {
    let (mut paths, mut end) = paths(63);
    let (dead, now) = (Duration::from_millis(150), BEGIN.plus(Duration::from_millis(100)));
    for (version, active, messages) in [
        (3, Some(true), "speaks version 1.3 of the heartbeat protocol and version 1.2 is"),
        (1, Some(false), "speaks version 1.1 of the heartbeat protocol and version 1.2 is"),
        (2, Some(true), "speaks version 1.2 of the heartbeat protocol, as this machine does"),
    ] {
        let body = Body::NotUnderstood(NotUnderstood { version, active });
        let datagram = end.association.seal_body(body).unwrap();
        end.sockets[1].send(&datagram).unwrap();
        let received = paths.receive(now);
        assert_eq!(received.not_understood.unwrap().active, active);
        assert_eq!(received.payloads, [], "nothing of it is a heartbeat");
        let trouble = paths.trouble(dead, now).unwrap();
        assert!(trouble.contains(messages), "{trouble}");
        assert_eq!(paths.trouble(dead, now.plus(dead)), None, "it fell silent");
    }
    // The control: who only has the address, once the peer is proven, is nobody.
    let now = now.plus(dead);
    let mut forged = end.association.seal(&payload(900)).unwrap();
    forged[0] = 9;
    end.sockets[1].send(&forged).unwrap();
    assert_eq!(paths.receive(now), Received::default());
    assert!(!paths.hears_unproven_peer(dead, now) && paths.trouble(dead, now).is_none());
}

#[tokio::test]
async fn of_words_that_came_together_the_newest_counts_whichever_path_it_took() {
    let (mut paths, mut end) = paths(64);
    let now = BEGIN.plus(Duration::from_millis(100));
    let body = Body::NotUnderstood(NotUnderstood { version: 2, active: Some(false) });
    let not_understood = end.association.seal_body(body).unwrap();
    end.send(0);
    end.sockets[1].send(&not_understood).unwrap();
    let received = paths.receive(now);
    assert_eq!((received.payloads.len(), received.not_understood), (1, None));
    // Overtaken: it tells nothing any more.
    end.sockets[1].send(&not_understood).unwrap();
    assert_eq!(paths.receive(now), Received::default());
}

/// The peer does not hear this machine, so that it cannot prove itself. It may be active.
#[tokio::test]
async fn a_peer_that_was_never_proven_and_speaks_is_heard_as_unproven() {
    let (mut paths, mut end) = paths(65);
    let (dead, now) = (Duration::from_millis(150), BEGIN.plus(Duration::from_secs(1)));
    (paths.association, end.association) = (association(), association());
    assert!(!paths.hears_unproven_peer(dead, now));
    end.send(0);
    assert_eq!(paths.receive(now), Received::default());
    assert!(paths.hears_unproven_peer(dead, now));
    // One whose dataplane is gone claims nothing, and holds nobody back.
    let mut unable = payload(900);
    unable.heartbeat.role = Role::Standby;
    unable.heartbeat.fitness.able = false;
    let now = now.plus(dead);
    end.sockets[0].send(&end.association.seal(&unable).unwrap()).unwrap();
    paths.receive(now);
    assert!(!paths.hears_unproven_peer(dead, now));
    end.listen();
    paths.receive(now);
    assert!(!paths.hears_unproven_peer(dead, now), "it is the peer");
}

#[tokio::test]
async fn what_an_earlier_start_said_is_never_the_newest() {
    let (mut paths, mut end) = paths(62);
    (0..20).for_each(|_| end.send(0));
    paths.send(payload(0));
    // It was started anew, has heard ours and counts from 1 again.
    (end.association, end.sequence) = (association(), 0);
    end.listen();
    (0..2).for_each(|_| end.send(0));
    let payloads = sequences(&paths.receive(BEGIN.plus(Duration::from_millis(100))).payloads);
    assert_eq!(payloads[20..], [1, 2], "{payloads:?}");
}
