//! Authenticated and encrypted connections: the Noise protocol with the pair's shared key
//! (`NNpsk0`: fresh keys for each connection, and no certificates).
//!
//! ```text
//!   both send first   "TANDEM", version of this protocol, version of the stream
//!   handshake         dialler -> psk, e    listener -> e, ee
//!   then              2 bytes of length, so much ciphertext; empty ones keep alive
//! ```
//!
//! The versions are part of what the handshake authenticates. The dialler is proven by its
//! first message, since the handshake's could be a recording.

use std::sync::Arc;

use api::stream::STREAM_VERSION;
use snow::{Builder, HandshakeState, StatelessTransportState};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

use super::{HANDSHAKE, Trouble};
use crate::key::{DerivedKey, SharedKey};

/// The version of the protocol of connection sync between the machines.
pub const VERSION: u16 = 1;
/// The most bytes that fit into a message.
pub const ROOM: usize = MESSAGE - TAG;

const MESSAGE: usize = 65_535;
const TAG: usize = 16;
const PATTERN: &str = "Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s";
const PURPOSE: &[u8] = b"tandem sync v1";
const MAGIC: &[u8; 6] = b"TANDEM";
const PREAMBLE: usize = MAGIC.len() + 4;

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

/// The versions that an end speaks: of this protocol and of the stream in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Versions(pub u16, pub u16);

impl Default for Versions {
    fn default() -> Self {
        Versions(VERSION, STREAM_VERSION)
    }
}

impl Versions {
    fn preamble(self) -> [u8; PREAMBLE] {
        let mut preamble = [0; PREAMBLE];
        preamble[..6].copy_from_slice(MAGIC);
        preamble[6..8].copy_from_slice(&self.0.to_be_bytes());
        preamble[8..].copy_from_slice(&self.1.to_be_bytes());
        preamble
    }

    fn read(preamble: [u8; PREAMBLE]) -> Result<Self, Trouble> {
        match preamble {
            [m0, m1, m2, m3, m4, m5, a, b, c, d] if &[m0, m1, m2, m3, m4, m5] == MAGIC => {
                Ok(Versions(u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])))
            }
            _ => Err(Trouble::NotTandem),
        }
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

/// Makes a connection that was dialled a secured one.
///
/// # Errors
/// When the other end has not the key, is no tandem-control, or too slow.
pub async fn dialled(
    mut stream: TcpStream,
    key: &SyncKey,
    own: Versions,
) -> Result<Secured, Trouble> {
    let handshake = async {
        stream.write_all(&own.preamble()).await?;
        let mut theirs = [0; PREAMBLE];
        stream.read_exact(&mut theirs).await?;
        own.agree(Versions::read(theirs)?)?;
        let prologue = [own.preamble(), theirs].concat();
        let mut state = start(key, &prologue, true)?;
        write_handshake(&mut state, &mut stream).await?;
        read_handshake(&mut state, &mut stream).await?;
        let mut secured = secure(state, stream)?;
        secured.sender.send(&[]).await?;
        Ok(secured)
    };
    timeout(HANDSHAKE, handshake).await.unwrap_or(Err(Trouble::Silent))
}

/// Makes a connection that was taken a secured one.
///
/// # Errors
/// Fails as [`dialled`] does.
pub async fn taken(
    mut stream: TcpStream,
    key: &SyncKey,
    own: Versions,
) -> Result<Secured, Trouble> {
    let handshake = async {
        let mut theirs = [0; PREAMBLE];
        stream.read_exact(&mut theirs).await?;
        let versions = Versions::read(theirs)?;
        // The other end shall be able to say what is wrong, too.
        stream.write_all(&own.preamble()).await?;
        own.agree(versions)?;
        let prologue = [theirs, own.preamble()].concat();
        let mut state = start(key, &prologue, false)?;
        read_handshake(&mut state, &mut stream).await?;
        write_handshake(&mut state, &mut stream).await?;
        let mut secured = secure(state, stream)?;
        secured.receiver.receive(&mut Vec::new()).await?;
        Ok(secured)
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
    let mut message = [0; 256];
    let length = usize::from(stream.read_u16().await?);
    let message = message.get_mut(..length).ok_or(Trouble::NotTandem)?;
    stream.read_exact(message).await?;
    // Both patterns have no payload: there is nothing to write to.
    state.read_message(message, &mut [0; 256]).map_err(|_| Trouble::Key)?;
    Ok(())
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
