//! All paths together: one association over several sockets.

use core::task::{Context, Poll};
use core::time::Duration;
use std::sync::Arc;

use config::Peer;
use failover::Instant;

use super::measures::Measures;
use crate::heartbeat::path::Path;
use crate::heartbeat::seal::LIMIT;
use crate::heartbeat::{Accepted, Association, Beat, Refusal, VERSION};
use crate::quiet::Quiet;

/// The most datagrams of a path that are read at a time. After so many there is a pause, so
/// that a flood takes neither the time for heartbeats nor a core; the kernel drops the rest.
const TURN: usize = 64;

/// The paths to the peer.
pub struct Paths {
    association: Association,
    paths: Vec<Path>,
    measures: Arc<Measures>,
    sequence: u64,
    quiet: Quiet,
    is_flooded: bool,
    /// When the last datagram came from the peer's address that was not understood.
    stranger: Option<Instant>,
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
            stranger: None,
        }
    }

    /// True if somebody spoke from the peer's address within `time`, and none who did was
    /// ever understood. Once one was, others are forgers, and change nothing.
    #[must_use]
    pub fn hears_stranger(&self, time: Duration, now: Instant) -> bool {
        let lately = self.stranger.is_some_and(|at| now.since(at) < time);
        lately && !self.association.is_proven()
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

    /// The heartbeats that wait in the sockets and are news, in their order.
    pub fn receive(&mut self, now: Instant) -> Vec<Beat> {
        let mut news = Vec::new();
        self.is_flooded = false;
        for index in 0..self.paths.len() {
            let took_all = (0..TURN).any(|_| !self.receive_one(index, now, &mut news));
            self.is_flooded |= !took_all;
        }
        news.sort_by_key(|beat| beat.sequence);
        news
    }

    /// True if more waits than is to be read without a pause.
    #[must_use]
    pub fn is_flooded(&self) -> bool {
        self.is_flooded
    }

    /// Takes in the next datagram of a path; false if there is none.
    fn receive_one(&mut self, index: usize, now: Instant, news: &mut Vec<Beat>) -> bool {
        let Some(path) = self.paths.get_mut(index) else { return false };
        let mut buffer = [0; LIMIT + 1];
        let Some(datagram) = path.receive(&mut buffer) else { return false };
        let result = if datagram.is_on_link {
            let verdict = self.association.receive(&mut path.gate, datagram.bytes, now);
            if let Some(answer) = verdict.answer {
                path.send(&answer);
            }
            verdict.result
        } else {
            Err(Refusal::OffLink)
        };
        match result {
            Ok(Accepted::Hello) => {}
            Ok(accepted) => {
                if let Some(before) = path.hear(now) {
                    self.measures.gap(index, now.since(before));
                }
                if let Accepted::News(beat) = accepted {
                    news.push(*beat);
                }
            }
            Err(refusal) => {
                if matches!(refusal, Refusal::Version | Refusal::Authentication) {
                    self.stranger = Some(now);
                }
                let version = datagram.bytes.first().copied();
                path.refused(refusal, version, now);
                self.warn(refusal, index, version, now);
            }
        }
        true
    }

    /// What the operator has to mend. Others are counted only: they may come from anyone.
    fn warn(&mut self, refusal: Refusal, index: usize, version: Option<u8>, now: Instant) {
        let Some(path) = self.paths.get(index) else { return };
        let what = match (refusal, version) {
            (Refusal::Version, Some(version)) => foreign(version),
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

/// That the other end speaks another version.
#[must_use]
pub fn foreign(version: u8) -> String {
    format!(
        "it speaks version {version} of the heartbeat protocol and version {VERSION} is spoken \
         here: install the same release of tandem on both machines"
    )
}
