//! All paths together: one association over several sockets.

use core::task::{Context, Poll};
use core::time::Duration;
use std::net::IpAddr;
use std::sync::Arc;

use config::Peer;
use failover::{Incompatible, Instant};

use super::path::Path;
use super::seal::LIMIT;
use super::{Accepted, Association, HeartbeatPayload, Reception, Refusal, Version};
use crate::key::{Fingerprint, KeyRing};
use crate::log_limiter::LogLimiter;
use crate::measures::Measures;

/// The most datagrams of a path that are read at a time. After so many there is a pause, so
/// that a flood takes neither the time for heartbeats nor a core; the kernel drops the rest.
const TURN: usize = 64;

/// The same after a pause: more than the kernel keeps for a socket, so that nothing is
/// decided before the newest of what waited is known. That is a few milliseconds' work at
/// the most, once a pause, and nobody on the network can cause one.
const BACKLOG: usize = 1024;

/// What has come from the peer since the last look.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Received {
    /// Heartbeats, in the order in which the peer sent them.
    pub payloads: Vec<HeartbeatPayload>,
    /// What is understood of something newer than all of these that is not understood.
    pub not_understood: Option<Incompatible>,
}

/// A message of the peer, for sorting those of all paths.
struct PeerMessage {
    /// The number of the peer's start that sent it, and its number within that start; both
    /// count from 1.
    order: (u64, u64),
    content: Content,
}

enum Content {
    Heartbeat(Box<HeartbeatPayload>),
    NotUnderstood(Incompatible),
}

impl Received {
    fn of(mut messages: Vec<PeerMessage>) -> Self {
        messages.sort_by_key(|message| message.order);
        let mut received = Received::default();
        for message in messages {
            received.not_understood = None;
            match message.content {
                Content::Heartbeat(payload) => received.payloads.push(*payload),
                Content::NotUnderstood(said) => received.not_understood = Some(said),
            }
        }
        received
    }
}

/// The paths to the peer.
pub struct Paths {
    association: Association,
    paths: Vec<Path>,
    measures: Arc<Measures>,
    sequence: u64,
    limiter: LogLimiter,
    is_flooded: bool,
    /// As long without a look at the sockets is a pause.
    pause: Duration,
    looked: Instant,
    /// When the last datagram came from the peer's address that proves nothing, and may be the
    /// peer's all the same.
    unproven_peer: Option<Instant>,
    /// The version in which the peer, proven, last said something that was not understood.
    not_understood: Option<(Version, Instant)>,
    /// When the last datagram came from the peer's address that none of the keys opens, and from
    /// which.
    another_key: Option<(Instant, IpAddr)>,
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
            limiter: LogLimiter::default(),
            is_flooded: false,
            pause: peer.timing.interval * 2,
            looked: Instant::default(),
            unproven_peer: None,
            not_understood: None,
            another_key: None,
        }
    }

    /// Goes on with other keys.
    pub fn change_keys(&mut self, keys: KeyRing) {
        self.association.change_keys(keys);
    }

    /// The keys that this machine holds.
    #[must_use]
    pub fn keys(&self) -> &KeyRing {
        self.association.keys()
    }

    /// The key that the peer's last datagram was sealed with; none before it is proven.
    #[must_use]
    pub fn peers_key(&self) -> Option<Fingerprint> {
        self.association.peers_key()
    }

    /// From where datagrams came within this time that none of the keys opens. Anybody on the link
    /// can send such: it means something only while the peer is not heard.
    #[must_use]
    pub fn another_key(&self, time: Duration, now: Instant) -> Option<IpAddr> {
        self.another_key.filter(|(at, _)| now.since(*at) < time).map(|(_, from)| from)
    }

    /// True while somebody speaks from the peer's address, not silent for `dead`, and none who
    /// did was ever proven: it may be the peer, and be active. It is of another version, has
    /// another key, or does not hear this machine. Once one was proven, those who are not are
    /// forgers, and change nothing.
    #[must_use]
    pub fn hears_unproven_peer(&self, dead: Duration, now: Instant) -> bool {
        let lately = self.unproven_peer.is_some_and(|at| now.since(at) < dead);
        lately && !self.association.is_proven()
    }

    /// What tells this start of the machine from all others: see
    /// [`Identity::start`](failover::Identity::start).
    #[must_use]
    pub fn own_start(&self) -> u128 {
        self.association.own_start()
    }

    /// What is wrong with what the peer said within this time and was not understood.
    #[must_use]
    pub fn trouble(&self, time: Duration, now: Instant) -> Option<String> {
        let (version, _) = self.not_understood.filter(|(_, at)| now.since(*at) < time)?;
        Some(version.trouble())
    }

    pub fn iter(&self) -> impl Iterator<Item = &Path> {
        self.paths.iter()
    }

    /// Opens what is not open.
    pub fn open(&mut self, now: Instant) {
        self.paths.iter_mut().for_each(|path| path.open(now));
    }

    /// Sends a heartbeat on every path.
    pub fn send(&mut self, mut payload: HeartbeatPayload) {
        self.sequence += 1;
        payload.sequence = self.sequence;
        for path in &mut self.paths {
            if let Some(datagram) = self.association.seal(&payload) {
                path.send(&datagram);
            }
        }
    }

    /// Reads what waits in the sockets; after a pause all of it.
    pub fn receive(&mut self, now: Instant) -> Received {
        let most = if now.since(self.looked) > self.pause { BACKLOG } else { TURN };
        self.looked = now;
        let mut messages = Vec::new();
        self.is_flooded = false;
        for index in 0..self.paths.len() {
            let took_all = (0..most).any(|_| !self.receive_one(index, now, &mut messages));
            self.is_flooded |= !took_all;
            self.receive_sampled(index, now, &mut messages);
        }
        Received::of(messages)
    }

    /// True if more waits than is to be read without a pause.
    #[must_use]
    pub fn is_flooded(&self) -> bool {
        self.is_flooded
    }

    /// Takes in the next datagram of a path; false if there is none.
    fn receive_one(&mut self, index: usize, now: Instant, messages: &mut Vec<PeerMessage>) -> bool {
        let Some(path) = self.paths.get_mut(index) else { return false };
        let mut buffer = [0; LIMIT + 1];
        let Some(datagram) = path.receive(&mut buffer) else { return false };
        let version = datagram.bytes.first().copied();
        let reception = if datagram.is_on_link {
            self.association.receive(&mut path.admission, datagram.bytes, now)
        } else {
            Reception::refused(Refusal::OffLink)
        };
        self.take(index, reception, version, now, messages);
        true
    }

    /// Takes in the sample from the path's reservoir.
    fn receive_sampled(&mut self, index: usize, now: Instant, messages: &mut Vec<PeerMessage>) {
        let Some(path) = self.paths.get_mut(index) else { return };
        for reception in self.association.receive_sampled(&mut path.admission, now) {
            self.take(index, reception, Some(Version::OWN.envelope), now, messages);
        }
    }

    fn take(
        &mut self,
        index: usize,
        reception: Reception,
        version: Option<u8>,
        now: Instant,
        messages: &mut Vec<PeerMessage>,
    ) {
        let Some(path) = self.paths.get_mut(index) else { return };
        if let Some(answer) = reception.answer {
            path.send(&answer);
        }
        let order = (self.association.starts(), reception.counter);
        match reception.result {
            Ok(Accepted::Hello | Accepted::Waits) => {}
            Ok(Accepted::NotUnderstood { version, said }) => {
                let version = Version { message: Some(version), ..Version::OWN };
                path.not_understood(version, now);
                self.not_understood = Some((version, now));
                messages.extend(
                    said.map(|said| PeerMessage { order, content: Content::NotUnderstood(said) }),
                );
            }
            Ok(accepted) => {
                if let Some(before) = path.hear(now) {
                    self.measures.gap(index, now.since(before));
                }
                if let Accepted::Heartbeat(payload) = accepted {
                    messages.push(PeerMessage { order, content: Content::Heartbeat(payload) });
                }
            }
            Err(refusal) => {
                if may_be_the_peer(refusal) && !reception.claims_nothing {
                    self.unproven_peer = Some(now);
                }
                if refusal == Refusal::Authentication {
                    self.another_key = Some((now, path.remote().ip()));
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
            (Refusal::Authentication, _) => {
                "they are sealed with another key: copy peer.key_file from one machine to the other, and \
                 type there: tandem key install FILE"
                    .to_owned()
            }
            _ => return,
        };
        if self.limiter.may_log(now) {
            tracing::warn!("heartbeats from {} are refused: {what}", path.remote());
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

/// True for what the peer sends when something is wrong between the machines: with its release,
/// its key, or the way from here to it.
fn may_be_the_peer(refusal: Refusal) -> bool {
    matches!(refusal, Refusal::Version | Refusal::Authentication | Refusal::NoEcho)
}

#[cfg(test)]
mod tests;
