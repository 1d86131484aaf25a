//! Dials the peer and tells it.

use core::time::Duration;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use api::Administrative;
use config::{Peer, PeerPath};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::{KEEPALIVE, Knowledge, difference};
use crate::servers::ServerKey;
use crate::servers::status::connections_of_all;
use crate::sync::noise::{Purpose, Receiver, Secured, Sender, SyncKeys};
use crate::sync::{Trouble, dial};

/// Between two rounds over all paths.
const RETRY: Duration = Duration::from_secs(1);
/// What changes within this is told at once.
const GATHER: Duration = Duration::from_millis(100);

/// How far the peer was told.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Telling {
    /// The version of the knowledge that the peer has taken in; none: there is no connection.
    pub version: Option<u64>,
    /// Why there is no connection.
    pub trouble: Option<String>,
}

/// Tells the peer for as long as there is something to tell.
pub struct Teller {
    pub paths: Vec<PeerPath>,
    pub port: u16,
    pub keys: SyncKeys,
    /// The dataplane's socket.
    pub socket: PathBuf,
    pub knowledge: watch::Receiver<Arc<Knowledge>>,
    pub telling: watch::Sender<Telling>,
}

impl Teller {
    #[must_use]
    pub fn new(
        peer: &Peer,
        keys: SyncKeys,
        socket: PathBuf,
        knowledge: watch::Receiver<Arc<Knowledge>>,
        telling: watch::Sender<Telling>,
    ) -> Self {
        Teller { paths: peer.paths.clone(), port: peer.port, keys, socket, knowledge, telling }
    }

    /// Dials over one path after the other, and tells on the first connection.
    pub async fn run(mut self) {
        while self.knowledge.has_changed().is_ok() {
            let mut trouble = Trouble::Network("there is no path".to_owned());
            for path in self.paths.clone() {
                trouble = match dial::dial_for(Purpose::Servers, path, self.port, &self.keys).await
                {
                    Ok(link) => self.tell(link).await,
                    Err(trouble) => trouble,
                };
            }
            let trouble = Some(trouble.to_string());
            self.telling.send_replace(Telling { version: None, trouble });
            sleep(RETRY).await;
        }
    }

    async fn tell(&mut self, link: Secured) -> Trouble {
        let Secured { receiver, sender } = link;
        let (taken, confirmed) = watch::channel(0);
        tokio::select! {
            trouble = confirmations(receiver, taken) => trouble,
            trouble = self.talk(sender, confirmed) => trouble,
        }
    }

    async fn talk(&mut self, mut peer: Sender, mut confirmed: watch::Receiver<u64>) -> Trouble {
        let mut told = Knowledge::default();
        let mut is_new = true;
        let mut sent = 0;
        loop {
            let mut knowledge = Knowledge::clone(&self.knowledge.borrow_and_update());
            self.count(&mut knowledge.views).await;
            let messages = difference(&told, &knowledge);
            let is_silent = !is_new && messages.iter().all(|message| message.entries() == 0);
            for message in messages {
                let json = match serde_json::to_vec(&message) {
                    _ if is_silent => Vec::new(),
                    Ok(json) => json,
                    Err(error) => return Trouble::Network(error.to_string()),
                };
                match timeout(super::SILENCE, peer.send(&json)).await {
                    Ok(Ok(())) => sent += u64::from(!json.is_empty()),
                    Ok(Err(trouble)) => return trouble,
                    Err(_) => return Trouble::Silent,
                }
            }
            if timeout(super::SILENCE, confirmed.wait_for(|count| *count >= sent)).await.is_err() {
                return Trouble::Silent;
            }
            (told, is_new) = (knowledge, false);
            self.telling.send_if_modified(|telling| {
                let now = Telling { version: Some(told.version), trouble: None };
                let changed = *telling != now;
                *telling = now;
                changed
            });
            match timeout(KEEPALIVE, self.knowledge.changed()).await {
                Ok(Ok(())) => sleep(GATHER).await,
                Ok(Err(_)) => return Trouble::Closed,
                Err(_) => {}
            }
        }
    }

    /// Counts the connections of servers that are taken out: whoever waits for their end on the
    /// other machine has to know.
    async fn count(&self, views: &mut BTreeMap<ServerKey, super::View>) {
        if views.values().all(|view| view.administrative == Administrative::Ready) {
            return;
        }
        let Some(counts) = connections_of_all(&self.socket).await else { return };
        let out = views.iter_mut().filter(|(_, one)| one.administrative != Administrative::Ready);
        for (key, view) in out {
            view.connections = counts.get(key).copied();
        }
    }
}

/// Counts what the peer has taken in, until the connection ends.
async fn confirmations(mut peer: Receiver, taken: watch::Sender<u64>) -> Trouble {
    let mut plain = Vec::new();
    loop {
        match peer.receive(&mut plain).await {
            Ok(()) => taken.send_modify(|count| *count += 1),
            Err(trouble) => return trouble,
        }
    }
}
