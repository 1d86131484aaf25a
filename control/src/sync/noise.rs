//! Authenticated and encrypted connections: the Noise protocol with the pair's shared key
//! (`NNpsk0`: fresh keys for each connection, and no certificates).
//!
//! ```text
//!   both send first   "TANDEM", "TDSERV", "TDUPGR" or "TDKEYS", version of this protocol, version of the stream
//!   handshake         dialler -> psk, e    listener -> e, ee
//!   then              2 bytes of length, so much ciphertext; empty ones keep alive
//! ```
//!
//! The versions are part of what the handshake authenticates. The dialler is proven by its
//! first message, since the handshake's could be a recording.

use std::sync::{Arc, PoisonError, RwLock};

use api::stream::STREAM_VERSION;
use snow::{Builder, HandshakeState, StatelessTransportState};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

use super::{HANDSHAKE, Trouble};
use crate::key::{DerivedKey, KeyRing, SharedKey};

/// The version of the protocol of connection sync between the machines.
pub const VERSION: u16 = 1;
/// The most bytes that fit into a message.
pub const ROOM: usize = MESSAGE - TAG;

const MESSAGE: usize = 65_535;
const TAG: usize = 16;
const PATTERN: &str = "Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s";
const PURPOSE: &[u8] = b"tandem sync v1";
const PREAMBLE: usize = 6 + 4;

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// Connection sync.
    Sync,
    /// What the machines tell each other of servers.
    Servers,
    /// Upgrades of the image.
    Upgrade,
    /// Changes of the pair's key.
    Keys,
}

impl Purpose {
    const ALL: [Purpose; 4] = [Purpose::Sync, Purpose::Servers, Purpose::Upgrade, Purpose::Keys];

    /// What a connection begins with. A machine that does not know a purpose takes its connection
    /// for one of another program, and is not disturbed.
    fn magic(self) -> &'static [u8; 6] {
        match self {
            Purpose::Sync => b"TANDEM",
            Purpose::Servers => b"TDSERV",
            Purpose::Upgrade => b"TDUPGR",
            Purpose::Keys => b"TDKEYS",
        }
    }

    /// The versions that are spoken here.
    #[must_use]
    pub fn versions(self) -> Versions {
        match self {
            Purpose::Sync => Versions(VERSION, STREAM_VERSION),
            Purpose::Servers => Versions(VERSION, SERVERS_VERSION),
            Purpose::Upgrade => Versions(VERSION, UPGRADE_VERSION),
            Purpose::Keys => Versions(VERSION, KEYS_VERSION),
        }
    }
}

/// The version of what the machines tell each other of servers. Fields are only added within it.
const SERVERS_VERSION: u16 = 1;
/// The version of what they say to each other of upgrades. Fields are only added within it.
const UPGRADE_VERSION: u16 = 1;
/// The version of what they say to each other of the pair's key. Fields are only added within it.
const KEYS_VERSION: u16 = 1;

/// The key of all sync connections of a pair; each has its own from the handshake.
#[derive(Clone)]
pub struct SyncKey(DerivedKey);

impl SyncKey {
    /// Derives the key of connection sync from the pair's shared key.
    #[must_use]
    pub fn new(key: &SharedKey) -> Self {
        SyncKey(key.derive(&[], PURPOSE))
    }
}

/// The keys that connections are made with at present: the used one, and another that is accepted.
/// Whoever has a copy sees a change.
#[derive(Clone)]
pub struct SyncKeys(Arc<RwLock<Arc<[SyncKey]>>>);

impl SyncKeys {
    /// Derives the keys of connections from those of the pair.
    #[must_use]
    pub fn new(keys: &KeyRing) -> Self {
        SyncKeys(Arc::new(RwLock::new(SyncKeys::derive(keys))))
    }

    /// Has connections made with other keys from now on; those that are up stay up.
    pub fn change(&self, keys: &KeyRing) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = SyncKeys::derive(keys);
    }

    /// The keys, the used one first.
    #[must_use]
    pub fn all(&self) -> Arc<[SyncKey]> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn derive(keys: &KeyRing) -> Arc<[SyncKey]> {
        keys.iter().map(|(_, key)| SyncKey::new(key)).collect()
    }
}

/// The versions that an end speaks: of this protocol and of the stream in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Versions(pub u16, pub u16);

impl Default for Versions {
    fn default() -> Self {
        Purpose::Sync.versions()
    }
}

impl Versions {
    fn preamble(self, purpose: Purpose) -> [u8; PREAMBLE] {
        let mut preamble = [0; PREAMBLE];
        preamble[..6].copy_from_slice(purpose.magic());
        preamble[6..8].copy_from_slice(&self.0.to_be_bytes());
        preamble[8..].copy_from_slice(&self.1.to_be_bytes());
        preamble
    }

    fn read(preamble: [u8; PREAMBLE]) -> Result<(Purpose, Self), Trouble> {
        let [m0, m1, m2, m3, m4, m5, a, b, c, d] = preamble;
        let magic = [m0, m1, m2, m3, m4, m5];
        let purpose = Purpose::ALL.into_iter().find(|one| *one.magic() == magic);
        let versions = Versions(u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        Ok((purpose.ok_or(Trouble::NotTandem)?, versions))
    }

    fn agree(self, theirs: Versions) -> Result<(), Trouble> {
        let text = |versions: Versions| format!("{}.{}", versions.0, versions.1);
        if self == theirs {
            return Ok(());
        }
        Err(Trouble::Version { theirs: text(theirs), own: text(self) })
    }
}

/// A connection that is authenticated.
#[derive(Debug)]
pub struct Secured {
    pub receiver: Receiver,
    pub sender: Sender,
}

#[derive(Debug)]
pub struct Receiver {
    stream: BufReader<OwnedReadHalf>,
    state: Arc<StatelessTransportState>,
    number: u64,
    sealed: Vec<u8>,
}

#[derive(Debug)]
pub struct Sender {
    stream: OwnedWriteHalf,
    state: Arc<StatelessTransportState>,
    number: u64,
    sealed: Vec<u8>,
}

/// Makes a connection that was dialled for sync a secured one.
///
/// # Errors
/// When the other end has not the key, is no tandem-control, or too slow.
pub async fn dialled(stream: TcpStream, key: &SyncKey, own: Versions) -> Result<Secured, Trouble> {
    dialled_for(Purpose::Sync, stream, key, own).await
}

/// Makes a connection that was dialled for a purpose a secured one.
///
/// # Errors
/// Fails as [`dialled`] does.
pub async fn dialled_for(
    purpose: Purpose,
    mut stream: TcpStream,
    key: &SyncKey,
    own: Versions,
) -> Result<Secured, Trouble> {
    let handshake = async {
        let ours = own.preamble(purpose);
        stream.write_all(&ours).await?;
        let mut theirs = [0; PREAMBLE];
        stream.read_exact(&mut theirs).await?;
        match Versions::read(theirs)? {
            (same, versions) if same == purpose => own.agree(versions)?,
            _ => return Err(Trouble::NotTandem),
        }
        let prologue = [ours, theirs].concat();
        let mut state = start(key, &prologue, true)?;
        write_handshake(&mut state, &mut stream).await?;
        read_handshake(&mut state, &mut stream).await?;
        let mut secured = secure(state, stream)?;
        secured.sender.send(&[]).await?;
        Ok(secured)
    };
    timeout(HANDSHAKE, handshake).await.unwrap_or(Err(Trouble::Silent))
}

/// Makes a connection that was taken for sync a secured one.
///
/// # Errors
/// Fails as [`dialled`] does.
pub async fn taken(stream: TcpStream, key: &SyncKey, own: Versions) -> Result<Secured, Trouble> {
    let only_sync = |purpose| (purpose == Purpose::Sync).then_some(own);
    taken_for(only_sync, stream, core::slice::from_ref(key)).await.map(|(_, link)| link)
}

/// Makes a connection that was taken a secured one, with whichever of these keys it was dialled.
/// `admits` gives the versions that are spoken here for a purpose; none: such a connection is closed
/// without a word.
///
/// # Errors
/// Fails as [`dialled`] does, and with [`Trouble::NotAdmitted`] for one that is not admitted.
pub async fn taken_for(
    admits: impl Fn(Purpose) -> Option<Versions>,
    mut stream: TcpStream,
    keys: &[SyncKey],
) -> Result<(Purpose, Secured), Trouble> {
    let handshake = async {
        let mut theirs = [0; PREAMBLE];
        stream.read_exact(&mut theirs).await?;
        let (purpose, versions) = Versions::read(theirs)?;
        let own = admits(purpose).ok_or(Trouble::NotAdmitted)?;
        // The other end shall be able to say what is wrong, too.
        let ours = own.preamble(purpose);
        stream.write_all(&ours).await?;
        own.agree(versions)?;
        let prologue = [theirs, ours].concat();
        let mut state = answer_handshake(keys, &prologue, &mut stream).await?;
        write_handshake(&mut state, &mut stream).await?;
        let mut secured = secure(state, stream)?;
        secured.receiver.receive(&mut Vec::new()).await?;
        Ok((purpose, secured))
    };
    timeout(HANDSHAKE, handshake).await.unwrap_or(Err(Trouble::Silent))
}

fn start(key: &SyncKey, prologue: &[u8], dials: bool) -> Result<HandshakeState, Trouble> {
    let build = || {
        let builder = Builder::new(PATTERN.parse()?).psk(0, &key.0)?.prologue(prologue)?;
        if dials { builder.build_initiator() } else { builder.build_responder() }
    };
    build().map_err(|error: snow::Error| Trouble::Network(format!("no handshake: {error}")))
}

async fn write_handshake(
    state: &mut HandshakeState,
    stream: &mut (impl AsyncWrite + Unpin),
) -> Result<(), Trouble> {
    let mut message = [0; 256];
    let length = state.write_message(&[], &mut message).map_err(|_| Trouble::Key)?;
    stream.write_u16(length as u16).await?;
    stream.write_all(message.get(..length).unwrap_or_default()).await?;
    Ok(())
}

async fn read_handshake(
    state: &mut HandshakeState,
    stream: &mut (impl AsyncRead + Unpin),
) -> Result<(), Trouble> {
    let message = receive_handshake(stream).await?;
    // Both patterns have no payload: there is nothing to write to.
    state.read_message(&message, &mut [0; 256]).map_err(|_| Trouble::Key)?;
    Ok(())
}

/// Reads the dialler's message, and goes on with the key that it was made with.
async fn answer_handshake(
    keys: &[SyncKey],
    prologue: &[u8],
    stream: &mut (impl AsyncRead + Unpin),
) -> Result<HandshakeState, Trouble> {
    let message = receive_handshake(stream).await?;
    for key in keys {
        // One that has failed is of no use any more.
        let mut state = start(key, prologue, false)?;
        if state.read_message(&message, &mut [0; 256]).is_ok() {
            return Ok(state);
        }
    }
    Err(Trouble::Key)
}

async fn receive_handshake(stream: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>, Trouble> {
    let length = usize::from(stream.read_u16().await?);
    if length > 256 {
        return Err(Trouble::NotTandem);
    }
    let mut message = vec![0; length];
    stream.read_exact(&mut message).await?;
    Ok(message)
}

fn secure(state: HandshakeState, stream: TcpStream) -> Result<Secured, Trouble> {
    let state = Arc::new(state.into_stateless_transport_mode().map_err(|_| Trouble::Key)?);
    let (reader, writer) = stream.into_split();
    Ok(Secured {
        receiver: Receiver {
            stream: BufReader::with_capacity(2 * MESSAGE, reader),
            state: Arc::clone(&state),
            number: 0,
            sealed: vec![0; MESSAGE],
        },
        sender: Sender { stream: writer, state, number: 0, sealed: vec![0; 2 + MESSAGE] },
    })
}

impl Receiver {
    /// The next message; empty if it only keeps alive. Not to be cancelled: a message that
    /// was read in part is lost.
    ///
    /// # Errors
    /// When the connection ends, or somebody else's message comes.
    pub async fn receive(&mut self, plain: &mut Vec<u8>) -> Result<(), Trouble> {
        let length = usize::from(self.stream.read_u16().await?);
        let sealed = self.sealed.get_mut(..length).ok_or(Trouble::Key)?;
        self.stream.read_exact(sealed).await?;
        plain.resize(length, 0);
        let read = self.state.read_message(self.number, sealed, plain);
        plain.truncate(read.map_err(|_| Trouble::Key)?);
        self.number += 1;
        Ok(())
    }
}

impl Sender {
    /// Sends at most [`ROOM`] bytes as one message.
    ///
    /// # Errors
    /// When the connection ends.
    pub async fn send(&mut self, plain: &[u8]) -> Result<(), Trouble> {
        let (header, sealed) = self.sealed.split_first_chunk_mut::<2>().ok_or(Trouble::Key)?;
        let sealed_length =
            self.state.write_message(self.number, plain, sealed).map_err(|_| Trouble::Key)?;
        *header = (sealed_length as u16).to_be_bytes();
        self.number += 1;
        let whole = self.sealed.get(..2 + sealed_length).ok_or(Trouble::Key)?;
        self.stream.write_all(whole).await?;
        Ok(())
    }
}
