//! The end of the one who upgrades: asks the peer, and sends it the file.

use core::time::Duration;
use std::io::Read;

use config::Peer;
use tokio::time::{sleep, timeout};

use super::{Answer, Install, Order, State};
use crate::sync::noise::{Purpose, ROOM, Secured, SyncKeys};
use crate::sync::{Trouble, dial};

/// A peer that says nothing for so long does not answer any more.
const SILENCE: Duration = Duration::from_secs(60);

/// Why the peer does not do it.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// It was not reached, or not to the end.
    #[error("the peer does not answer: {0}")]
    Trouble(#[from] Trouble),
    /// It says why.
    #[error("the peer refuses: {0}")]
    Refused(String),
    /// The file cannot be read.
    #[error("the file cannot be read: {0}")]
    File(std::io::Error),
}

/// The peer, as far as upgrades go.
#[derive(Debug)]
pub struct PeerMachine(Secured);

impl PeerMachine {
    /// Connects over the first path on which the peer answers.
    ///
    /// # Errors
    /// The last path's.
    pub async fn dial(peer: &Peer, keys: &SyncKeys) -> Result<Self, SendError> {
        let mut trouble = Trouble::Network("there is no path".to_owned());
        for path in &peer.paths {
            match dial::dial_for(Purpose::Upgrade, *path, peer.port, keys).await {
                Ok(link) => return Ok(PeerMachine(link)),
                Err(failed) => trouble = failed,
            }
        }
        Err(trouble.into())
    }

    /// How it is.
    ///
    /// # Errors
    /// When it does not say.
    pub async fn state(&mut self) -> Result<State, SendError> {
        self.order(&Order::State).await?;
        self.answer().await
    }

    /// Sends it an upgrade of so many bytes, which it then installs. `progress` hears how many
    /// have been sent.
    ///
    /// # Errors
    /// When it is not taken.
    pub async fn install(
        &mut self,
        install: Install,
        file: &mut impl Read,
        mut progress: impl FnMut(u64),
    ) -> Result<State, SendError> {
        let (mut sent, size) = (0, install.size);
        self.order(&Order::Install(install)).await?;
        self.answer().await?;
        let Secured { receiver, sender } = &mut self.0;
        let mut early = Vec::new();
        let sending = async {
            let mut piece = vec![0; ROOM];
            while sent < size {
                let read = file.read(&mut piece).map_err(SendError::File)?;
                if read == 0 {
                    return Err(SendError::File(std::io::ErrorKind::UnexpectedEof.into()));
                }
                let piece = piece.get(..read).unwrap_or_default();
                timeout(SILENCE, sender.send(piece)).await.unwrap_or(Err(Trouble::Silent))?;
                sent += read as u64;
                progress(sent);
            }
            // The answer comes once it is all on the disk.
            sleep(SILENCE).await;
            Err(Trouble::Silent.into())
        };
        // The peer answers before it has everything when it cannot go on.
        tokio::select! {
            failed = sending => return failed,
            heard = receiver.receive(&mut early) => heard?,
        }
        understand(&early)
    }

    async fn order(&mut self, order: &Order) -> Result<(), SendError> {
        let json =
            serde_json::to_vec(order).map_err(|error| Trouble::Network(error.to_string()))?;
        let sent = timeout(SILENCE, self.0.sender.send(&json)).await;
        Ok(sent.unwrap_or(Err(Trouble::Silent))?)
    }

    async fn answer(&mut self) -> Result<State, SendError> {
        let mut plain = Vec::new();
        let heard = timeout(SILENCE, self.0.receiver.receive(&mut plain)).await;
        heard.unwrap_or(Err(Trouble::Silent))?;
        understand(&plain)
    }
}

fn understand(plain: &[u8]) -> Result<State, SendError> {
    match serde_json::from_slice(plain) {
        Ok(Answer::State(state)) => Ok(state),
        Ok(Answer::Refused(why)) => Err(SendError::Refused(why)),
        Err(error) => Err(Trouble::Network(format!("it is not understood: {error}")).into()),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::mpsc;

    use super::*;
    use crate::key::SharedKey;
    use crate::sync::noise::{SyncKey, dialled_for, taken_for};
    use crate::upgrade::machine::tests::Folder;
    use crate::upgrade::{Machine, receive};

    async fn connected(folder: &Folder) -> PeerMachine {
        let key = SyncKey::new(&SharedKey::from_bytes(vec![7; 32]).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (links, receiver) = mpsc::channel(1);
        tokio::spawn(receive::run(
            receiver,
            Machine::below(&folder.0),
            crate::events::Events::only_logged(),
        ));
        let other = key.clone();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let (purpose, link) =
                taken_for(|one| Some(one.versions()), stream, &[other]).await.unwrap();
            assert_eq!(purpose, Purpose::Upgrade);
            links.send(link).await.unwrap();
        });
        let stream = TcpStream::connect(address).await.unwrap();
        let versions = Purpose::Upgrade.versions();
        PeerMachine(dialled_for(Purpose::Upgrade, stream, &key, versions).await.unwrap())
    }

    #[tokio::test]
    async fn a_file_arrives_at_the_peer_as_it_was_sent() {
        let folder = Folder::with_slot("arrives");
        let mut peer = connected(&folder).await;
        assert_eq!(peer.state().await.unwrap().slot.as_deref(), Some("a"));
        let file: Vec<u8> = (0..1_000_000_u32).map(|number| (number % 251) as u8).collect();
        let install = Install { size: file.len() as u64, downgrade: false };
        let mut last = 0;
        let sent = peer.install(install.clone(), &mut file.as_slice(), |sent| last = sent).await;
        sent.unwrap();
        assert_eq!(last, 1_000_000);
        let path = folder.0.join("var/lib/tandem/upgrade/upgrade.raucb");
        assert!(std::fs::read(path).unwrap() == file);
        assert_eq!(folder.text("request").as_deref(), Some("\n"));
        // A second one, while that is installed.
        let again = peer.install(install, &mut file.as_slice(), |_| {}).await.unwrap_err();
        assert!(again.to_string().contains("the peer refuses: an upgrade is under way"), "{again}");
        assert!(peer.state().await.unwrap().slot.is_some());
    }

    #[tokio::test]
    async fn a_connection_that_ends_early_leaves_nothing() {
        let folder = Folder::with_slot("early");
        let mut peer = connected(&folder).await;
        let install = Install { size: 100_000, downgrade: false };
        let short = vec![1; 70_000];
        let failed = peer.install(install, &mut short.as_slice(), |_| {}).await.unwrap_err();
        assert!(failed.to_string().starts_with("the file cannot be read"), "{failed}");
        drop(peer);
        while folder.text("upgrade.part").is_some() {
            tokio::task::yield_now().await;
        }
        assert_eq!((folder.text("upgrade.raucb"), folder.text("request")), (None, None));
    }

    #[tokio::test]
    async fn more_bytes_than_were_said_are_refused_in_words() {
        let folder = Folder::with_slot("more");
        let mut peer = connected(&folder).await;
        let install = Order::Install(Install { size: 10, downgrade: false });
        peer.order(&install).await.unwrap();
        peer.answer().await.unwrap();
        peer.0.sender.send(&[1; 11]).await.unwrap();
        let refused = peer.answer().await.unwrap_err().to_string();
        assert_eq!(refused, "the peer refuses: it is longer than was said");
    }
}
