//! All paths together: one association over several sockets.

use core::task::{Context, Poll};
use core::time::Duration;
use std::sync::Arc;

use config::Peer;
use failover::Instant;

use super::foreigner::Foreigner;
use super::measures::Measures;
use crate::heartbeat::path::Path;
use crate::heartbeat::seal::LIMIT;
use crate::heartbeat::{Accepted, Association, Beat, Refusal, Verdict, Version};
use crate::quiet::Quiet;

/// The most datagrams of a path that are read at a time. After so many there is a pause, so
/// that a flood takes neither the time for heartbeats nor a core; the kernel drops the rest.
const TURN: usize = 64;

/// The same after a pause: more than the kernel keeps for a socket, so that nothing is
/// decided before the newest of what waited is known. That is a few milliseconds' work at
/// the most, once a pause, and nobody on the network can cause one.
const BACKLOG: usize = 1024;

/// A heartbeat, and the peer's how many-th start it is from: each counts from 1.
type News = (u64, Beat);

/// The paths to the peer.
pub struct Paths {
    association: Association,
    paths: Vec<Path>,
    measures: Arc<Measures>,
    sequence: u64,
    quiet: Quiet,
    is_flooded: bool,
    /// As long without a look at the sockets is a pause.
    pause: Duration,
    looked: Instant,
    /// When the last datagram came from the peer's address that was not understood.
    stranger: Option<Instant>,
    /// The peer, if it speaks another version.
    foreign: Option<Foreigner>,
}

impl Paths {
    /// Over the paths of the configuration, none of them open yet.
    #[must_use]
    pub fn new(peer: &Peer, association: Association, measures: Arc<Measures>) -> Self {
        let path = |path: &config::PeerPath| Path::new(path.local, path.remote, peer.port);
        Paths {
            association,
            paths: peer.paths.iter().map(path).collect(),
            measures,
            sequence: 0,
            quiet: Quiet::default(),
            is_flooded: false,
            pause: peer.timing.interval * 2,
            looked: Instant::default(),
            stranger: None,
            foreign: None,
        }
    }

    /// True while the peer, not silent for `dead`, may be active and is not understood: it
    /// is of another version, or somebody spoke from its address and none who did was ever
    /// proven. Once one was, those who are not are forgers, and change nothing.
    #[must_use]
    pub fn hears_stranger(&self, dead: Duration, now: Instant) -> bool {
        let lately = self.stranger.is_some_and(|at| now.since(at) < dead);
        self.foreign.is_some_and(|foreigner| foreigner.holds_back(dead, now))
            || (lately && !self.association.is_proven())
    }

    /// Each path.
    pub fn iter(&self) -> impl Iterator<Item = &Path> {
        self.paths.iter()
    }

    /// Opens what is not open.
    pub fn open(&mut self, now: Instant) {
        self.paths.iter_mut().for_each(|path| path.open(now));
    }

    /// Sends a heartbeat on every path.
    pub fn send(&mut self, mut beat: Beat) {
        self.sequence += 1;
        beat.sequence = self.sequence;
        for path in &mut self.paths {
            if let Some(datagram) = self.association.seal(&beat) {
                path.send(&datagram);
            }
        }
    }

    /// The heartbeats that wait in the sockets and are news, in the order in which the peer
    /// sent them; after a pause all of them.
    pub fn receive(&mut self, now: Instant) -> Vec<Beat> {
        let most = if now.since(self.looked) > self.pause { BACKLOG } else { TURN };
        self.looked = now;
        let mut news = Vec::new();
        self.is_flooded = false;
        for index in 0..self.paths.len() {
            let took_all = (0..most).any(|_| !self.receive_one(index, now, &mut news));
            self.is_flooded |= !took_all;
            self.draw(index, now, &mut news);
        }
        news.sort_by_key(|(start, beat)| (*start, beat.sequence));
        news.into_iter().map(|(_, beat)| beat).collect()
    }

    /// True if more waits than is to be read without a pause.
    #[must_use]
    pub fn is_flooded(&self) -> bool {
        self.is_flooded
    }

    /// Takes in the next datagram of a path; false if there is none.
    fn receive_one(&mut self, index: usize, now: Instant, news: &mut Vec<News>) -> bool {
        let Some(path) = self.paths.get_mut(index) else { return false };
        let mut buffer = [0; LIMIT + 1];
        let Some(datagram) = path.receive(&mut buffer) else { return false };
        let version = datagram.bytes.first().copied();
        let verdict = if datagram.is_on_link {
            self.association.receive(&mut path.gate, datagram.bytes, now)
        } else {
            Verdict { result: Err(Refusal::OffLink), answer: None }
        };
        self.take(index, verdict, version, now, news);
        true
    }

    /// Takes in those that waited for the path's lottery.
    fn draw(&mut self, index: usize, now: Instant, news: &mut Vec<News>) {
        let Some(path) = self.paths.get_mut(index) else { return };
        for verdict in self.association.draw(&mut path.gate, now) {
            self.take(index, verdict, Some(Version::OWN.envelope), now, news);
        }
    }

    fn take(
        &mut self,
        index: usize,
        verdict: Verdict,
        version: Option<u8>,
        now: Instant,
        news: &mut Vec<News>,
    ) {
        let Some(path) = self.paths.get_mut(index) else { return };
        if let Some(answer) = verdict.answer {
            path.send(&answer);
        }
        match verdict.result {
            Ok(Accepted::Hello | Accepted::Waits) => {}
            Ok(Accepted::Foreign(foreign)) => {
                let version = Version { message: Some(foreign.version), ..Version::OWN };
                self.foreign = Some(Foreigner::heard(self.foreign, foreign, now));
                path.not_understood(version, now);
                self.warn(Refusal::Version, index, Some(version), now);
            }
            Ok(accepted) => {
                if let Some(before) = path.hear(now) {
                    self.measures.gap(index, now.since(before));
                }
                if let Accepted::News(beat) = accepted {
                    news.push((self.association.starts(), *beat));
                }
            }
            Err(refusal) => {
                if matches!(refusal, Refusal::Version | Refusal::Authentication) {
                    self.stranger = Some(now);
                }
                path.refused(refusal, version, now);
                let version = version.map(|envelope| Version { envelope, message: None });
                self.warn(refusal, index, version, now);
            }
        }
    }

    /// What the operator has to mend. Others are counted only: they may come from anyone.
    fn warn(&mut self, refusal: Refusal, index: usize, version: Option<Version>, now: Instant) {
        let Some(path) = self.paths.get(index) else { return };
        let what = match (refusal, version) {
            (Refusal::Version, Some(version)) => version.trouble(),
            (Refusal::Name, _) => "it has our own name: change node.name on one machine".to_owned(),
            (Refusal::Authentication, _) => {
                "it does not have our key: copy peer.key_file from one machine to the other"
                    .to_owned()
            }
            _ => return,
        };
        if self.quiet.may_speak(now) {
            tracing::warn!("{} is not listened to: {what}", path.remote());
        }
    }

    /// Ready when a datagram may wait, and there need not be a pause.
    pub fn poll_readable(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.is_flooded {
            return Poll::Pending;
        }
        let mut is_ready = false;
        for path in &self.paths {
            is_ready |= path.poll_readable(context).is_ready();
        }
        if is_ready { Poll::Ready(()) } else { Poll::Pending }
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use config::{PeerPath, Timing};

    use super::*;
    use crate::heartbeat::message::tests::beat;
    use crate::heartbeat::{Body, Foreign};
    use crate::key::SharedKey;

    /// Before the first look at the sockets.
    const BEGIN: Instant = Instant(10_000_000);

    fn association(name: &str) -> Association {
        Association::new(SharedKey::from_bytes(vec![7; 32]).unwrap(), name).unwrap()
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
            let datagram = self.association.seal(&beat(self.sequence)).unwrap();
            self.sockets[path].send(&datagram).unwrap();
        }

        /// Answers what has come.
        fn listen(&mut self) {
            let mut buffer = [0; 2000];
            for socket in &self.sockets {
                while let Ok(length) = socket.recv(&mut buffer) {
                    let verdict = self.association.receive(
                        &mut crate::heartbeat::Gate::default(),
                        &buffer[..length],
                        BEGIN,
                    );
                    if let Some(answer) = verdict.answer {
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
        let mut paths = Paths::new(&peer, association("b"), measures);
        paths.open(BEGIN);
        let socket = |path: &PeerPath| {
            let socket = UdpSocket::bind((path.remote, port)).unwrap();
            socket.connect((path.local, port)).unwrap();
            socket.set_ttl(255).unwrap();
            socket.set_nonblocking(true).unwrap();
            socket
        };
        let sockets = peer.paths.iter().map(socket).collect();
        let mut end = PeersEnd { association: association("a"), sockets, sequence: 0 };
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

    fn sequences(beats: &[Beat]) -> Vec<u64> {
        beats.iter().map(|beat| beat.sequence).collect()
    }

    #[tokio::test]
    async fn after_a_pause_all_that_waited_comes_at_once_and_in_order() {
        let (mut paths, mut end) = paths(61);
        let before = end.sequence;
        (0..150).for_each(|_| end.send(0));
        end.send(1);
        let beats = paths.receive(BEGIN.plus(Duration::from_secs(1)));
        assert_eq!(sequences(&beats), (before + 1..=before + 151).collect::<Vec<_>>());
        assert!(!paths.is_flooded());
        // Without a pause a path has its turn, and then the next one.
        (0..75).for_each(|_| end.send(0));
        assert_eq!(paths.receive(BEGIN.plus(Duration::from_millis(1020))).len(), TURN);
        assert!(paths.is_flooded());
    }

    /// An upgrade of one machine alone: its peer does not take it for dead.
    #[tokio::test]
    async fn a_peer_that_goes_on_in_another_version_is_there_and_not_understood() {
        let (mut paths, mut end) = paths(63);
        let (dead, now) = (Duration::from_millis(150), BEGIN.plus(Duration::from_millis(100)));
        assert!(!paths.hears_stranger(dead, now));
        let body = Body::Foreign(Foreign { version: 2, active: Some(true) });
        let foreign = end.association.seal_body(body).unwrap();
        end.sockets[1].send(&foreign).unwrap();
        assert!(paths.receive(now).is_empty(), "nothing of it is a heartbeat");
        assert!(paths.hears_stranger(dead, now));
        let (version, _) = paths.iter().nth(1).unwrap().foreign.unwrap();
        assert!(version.trouble().contains("version 1.2 "), "{}", version.trouble());
        assert!(!paths.hears_stranger(dead, now.plus(dead)), "it fell silent");
        // The control: who only has the address, once the peer is proven, is nobody.
        let forged = [vec![9], foreign[1..].to_vec()].concat();
        end.sockets[1].send(&forged).unwrap();
        paths.receive(now.plus(dead));
        assert!(!paths.hears_stranger(dead, now.plus(dead)));
    }

    #[tokio::test]
    async fn what_an_earlier_start_said_is_never_the_newest() {
        let (mut paths, mut end) = paths(62);
        (0..20).for_each(|_| end.send(0));
        paths.send(beat(0));
        // It was started anew, has heard ours and counts from 1 again.
        (end.association, end.sequence) = (association("a"), 0);
        end.listen();
        (0..2).for_each(|_| end.send(0));
        let beats = sequences(&paths.receive(BEGIN.plus(Duration::from_millis(100))));
        assert_eq!(beats[20..], [1, 2], "{beats:?}");
    }
}
