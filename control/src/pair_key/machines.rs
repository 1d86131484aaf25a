//! Both machines, as the command reaches them.

use core::time::Duration;
use std::path::{Path, PathBuf};

use api::{Client, KeyOrder, KeyState, KeyStep};
use config::Peer;
use tokio::runtime::Runtime;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::message::{Answer, Order, Secret, What};
use super::rotation::Pair;
use super::{Side, Step};
use crate::error::Error;
use crate::key::{KeyFiles, SharedKey};
use crate::sync::noise::{Purpose, Secured, SyncKeys};
use crate::sync::{Trouble, dial};

/// A machine that says nothing for so long does not answer any more.
const SILENCE: Duration = Duration::from_secs(10);

/// The machine on which the command runs, and its peer.
pub struct Machines<'p> {
    peer: &'p Peer,
    files: KeyFiles,
    /// The socket of this machine's tandem-control.
    socket: PathBuf,
    run: u64,
    runtime: Runtime,
}

impl<'p> Machines<'p> {
    /// The machines of a configuration's pair, for one run of the command.
    ///
    /// # Errors
    /// When the system has no random numbers or threads.
    pub fn new(peer: &'p Peer, socket: &Path) -> Result<Self, Error> {
        let mut run = [0; 8];
        getrandom::fill(&mut run).map_err(|error| Error::Key(error.to_string()))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Machines {
            peer,
            files: KeyFiles::of(&peer.key_file),
            socket: socket.to_owned(),
            run: u64::from_le_bytes(run).max(1),
            runtime,
        })
    }

    /// How a machine is, in no run.
    ///
    /// # Errors
    /// A sentence without its full stop.
    pub fn look(&self, side: Side) -> Result<KeyState, String> {
        match side {
            Side::Own => self.own(0, KeyStep::Look),
            Side::Peer => self.peer(&Order { run: 0, what: What::Look }),
        }
    }

    /// Gives this machine an order.
    ///
    /// # Errors
    /// A sentence without its full stop.
    pub fn order_own(&self, step: KeyStep) -> Result<KeyState, String> {
        self.own(self.run, step)
    }

    fn own(&self, run: u64, step: KeyStep) -> Result<KeyState, String> {
        let asked = || Client::connect(&self.socket)?.key(KeyOrder { run, step });
        asked().map_err(|error| Error::describe_control(&error))
    }

    /// Each order has a connection of its own, with the keys as they are then.
    fn peer(&self, order: &Order) -> Result<KeyState, String> {
        let keys = self.files.load().map_err(|error| error.to_string())?.ring;
        let asked = self.runtime.block_on(async {
            let link = connect(self.peer, &SyncKeys::new(&keys)).await?;
            timeout(SILENCE, ask(link, order)).await.unwrap_or(Err(Trouble::Silent))
        });
        match asked {
            Ok(Answer::State(state)) => Ok(state),
            Ok(Answer::Refused(why)) => Err(format!("the peer refuses: {why}")),
            Err(Trouble::Closed | Trouble::Key) => Err(
                "the peer closes the connection: it has none of this machine's keys, or a release \
                 that cannot change keys"
                    .to_owned(),
            ),
            Err(trouble) => Err(format!("the peer does not answer: {trouble}")),
        }
    }

    /// A key that this machine holds.
    fn held(&self, name: &str) -> Result<SharedKey, String> {
        let ring = self.files.load().map_err(|error| error.to_string())?.ring;
        let found = ring.iter().find(|(one, _)| one.to_string() == name);
        found.map(|(_, key)| key.clone()).ok_or_else(|| format!("this machine has no key {name}"))
    }
}

impl Pair for Machines<'_> {
    fn look(&mut self) -> Result<[KeyState; 2], String> {
        let own = self.own(self.run, KeyStep::Look)?;
        Ok([own, self.peer(&Order { run: self.run, what: What::Look })?])
    }

    fn carry_out(&mut self, step: &Step) -> Result<(), String> {
        let peer = |what| self.peer(&Order { run: self.run, what });
        let done = match step {
            Step::Make => self.order_own(KeyStep::Make),
            Step::Bring(name) => peer(What::Accept(Secret(self.held(name)?))),
            Step::Use(Side::Own, name) => self.order_own(KeyStep::Use(name.clone())),
            Step::Use(Side::Peer, name) => peer(What::Use(name.clone())),
            Step::Forget(Side::Own, key) => self.order_own(KeyStep::Forget(key.name.clone())),
            Step::Forget(Side::Peer, key) => peer(What::Forget(key.name.clone())),
            Step::Done | Step::Strange(_) => return Ok(()),
        };
        done.map(|_| ())
    }
}

/// Connects over the first path on which the peer answers.
async fn connect(peer: &Peer, keys: &SyncKeys) -> Result<Secured, Trouble> {
    let mut trouble = Trouble::Network("there is no path".to_owned());
    for path in &peer.paths {
        match dial::dial_for(Purpose::Keys, *path, peer.port, keys).await {
            Ok(link) => return Ok(link),
            Err(failed) => trouble = failed,
        }
    }
    Err(trouble)
}

async fn ask(mut link: Secured, order: &Order) -> Result<Answer, Trouble> {
    let failed = |error: serde_json::Error| Trouble::Network(error.to_string());
    // As large as it gets: a key may be in it, and a vector that grows leaves copies behind.
    let mut json = Zeroizing::new(Vec::with_capacity(256 + 2 * SharedKey::MOST));
    serde_json::to_writer(&mut *json, order).map_err(failed)?;
    link.sender.send(&json).await?;
    let mut plain = Vec::new();
    link.receiver.receive(&mut plain).await?;
    serde_json::from_slice(&plain).map_err(failed)
}
