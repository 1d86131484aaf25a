//! Encrypts and authenticates the messages that datagrams carry.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};

use super::message::Message;
use super::refusal::Refusal;
use super::salt::Salt;
use crate::key::{Fingerprint, KeyRing, SharedKey};

/// The version of the protocol, the first byte of every datagram.
pub const VERSION: u8 = 1;
/// The bytes of version, salt and counter.
const HEADER: usize = 1 + 16 + 8;
const TAG: usize = 16;
/// The least bytes of a datagram: a hello's.
pub const LEAST: usize = HEADER + 1 + 16 + 1 + TAG;
/// The most bytes of a datagram; none that is sent is larger.
pub const LIMIT: usize = 1400;

const PURPOSE: &[u8] = b"tandem heartbeat v1";

/// What stands in a datagram before its ciphertext.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// The salt of the sender's start.
    pub salt: Salt,
    /// The number of this datagram among the sender's, counted from 1.
    pub counter: u64,
}

impl Header {
    /// The header of a datagram that could be one.
    ///
    /// # Errors
    /// [`Refusal::Version`] and [`Refusal::Length`].
    pub fn read(datagram: &[u8]) -> Result<Self, Refusal> {
        // Another version may have other lengths: it is told first.
        if datagram.first().is_some_and(|&version| version != VERSION) {
            return Err(Refusal::Version);
        }
        if !(LEAST..=LIMIT).contains(&datagram.len()) {
            return Err(Refusal::Length);
        }
        let rest = datagram.get(1..).unwrap_or_default();
        let (salt, rest) = rest.split_first_chunk().ok_or(Refusal::Length)?;
        let (counter, _) = rest.split_first_chunk().ok_or(Refusal::Length)?;
        Ok(Header { salt: Salt(*salt), counter: u64::from_le_bytes(*counter) })
    }

    fn write(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(LIMIT);
        out.push(VERSION);
        out.extend(self.salt.0);
        out.extend(self.counter.to_le_bytes());
        out
    }

    fn nonce(self) -> Nonce {
        let mut nonce = [0; 12];
        nonce[..8].copy_from_slice(&self.counter.to_le_bytes());
        nonce.into()
    }
}

fn cipher(key: &SharedKey, salt: Salt) -> ChaCha20Poly1305 {
    // The key is passed by reference, since a copy on the stack would stay there. The cipher wipes
    // its own copy.
    ChaCha20Poly1305::new(Key::from_slice(key.derive(&salt.0, PURPOSE).as_slice()))
}

/// Makes datagrams; each is used for one path only, so that no counter is sent twice.
pub struct Sealer {
    salt: Salt,
    cipher: ChaCha20Poly1305,
    counter: u64,
}

impl Sealer {
    #[must_use]
    pub fn new(key: &SharedKey, salt: Salt) -> Self {
        Sealer { salt, cipher: cipher(key, salt), counter: 0 }
    }

    #[must_use]
    pub fn salt(&self) -> Salt {
        self.salt
    }

    /// Seals with another key from now on. The start stays the same, and its counter goes on, so
    /// that no key ever seals two datagrams of a number, whichever key comes back.
    pub fn change_key(&mut self, key: &SharedKey) {
        self.cipher = cipher(key, self.salt);
    }

    /// The datagram; none after 2^64 of them.
    pub fn seal(&mut self, message: &Message) -> Option<Vec<u8>> {
        self.counter = self.counter.checked_add(1)?;
        let header = Header { salt: self.salt, counter: self.counter };
        let mut datagram = header.write();
        let payload = Payload { msg: &message.encode(), aad: &datagram };
        let sealed = self.cipher.encrypt(&header.nonce(), payload).ok()?;
        datagram.extend(sealed);
        Some(datagram)
    }
}

/// Opens the datagrams of one start of the peer, whichever of the accepted keys they are sealed
/// with.
pub struct Opener {
    pub salt: Salt,
    /// The one that opened the last datagram comes first.
    ciphers: Vec<(Fingerprint, ChaCha20Poly1305)>,
    opened: Option<Fingerprint>,
}

impl Opener {
    /// Opens datagrams of the start of the peer that has this salt.
    #[must_use]
    pub fn new(keys: &KeyRing, salt: Salt) -> Self {
        let ciphers = keys.iter().map(|(name, key)| (name, cipher(key, salt))).collect();
        Opener { salt, ciphers, opened: None }
    }

    /// Opens with other keys from now on.
    pub fn change_keys(&mut self, keys: &KeyRing) {
        let opened = self.opened;
        *self = Opener { opened, ..Opener::new(keys, self.salt) };
        self.ciphers.sort_by_key(|(name, _)| Some(*name) != opened);
    }

    /// The key that the last datagram was sealed with that could be opened.
    #[must_use]
    pub fn opened(&self) -> Option<Fingerprint> {
        self.opened
    }

    /// The message of a datagram with this header. The key that opened the last one is tried first:
    /// a second one costs something for forged datagrams alone, and while two are accepted.
    ///
    /// # Errors
    /// [`Refusal::Authentication`], and [`Refusal::Length`] for what was made with the key and
    /// is too short to be a message.
    pub fn open(&mut self, header: Header, datagram: &[u8]) -> Result<Message, Refusal> {
        let (aad, msg) = datagram.split_at_checked(HEADER).ok_or(Refusal::Length)?;
        let decrypt = |(_, cipher): &(Fingerprint, ChaCha20Poly1305)| {
            cipher.decrypt(&header.nonce(), Payload { msg, aad }).ok()
        };
        let found = self.ciphers.iter().enumerate().find_map(|(at, one)| Some((at, decrypt(one)?)));
        let (at, message) = found.ok_or(Refusal::Authentication)?;
        if let Some(found) = self.ciphers.get_mut(..=at) {
            found.rotate_right(1);
        }
        self.opened = self.ciphers.first().map(|(name, _)| *name);
        Message::decode(&message).ok_or(Refusal::Length)
    }
}
