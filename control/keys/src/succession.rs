//! A key that takes the place of another, and what it takes over from it.
//!
//! ```text
//!   secret     of the first key: what lasting keys are derived from    generation   mark
//!   32 random  32 bytes                                                8            16
//! ```
//!
//! The key under which clients are hashed has to stay what it is when the pair's key changes, at
//! every moment and on both machines. So it is a part of the key's own file: wherever the file
//! goes, by rotation or by hand, it goes along, and it changes together with nothing else. Any
//! file without the mark is a first key, of generation 0.

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use crate::{DerivedKey, SharedKey};

const MARK: &[u8; 16] = b"tandem successor";
const SECRET: usize = 32;
const TAIL: usize = 32 + 8 + MARK.len();

/// The salt of what lasts. Nothing else is derived under it, so a successor's file tells nothing
/// of the other keys that its first one had.
const LASTING: &[u8] = b"tandem";

/// What a successor has from the keys before it.
struct Inheritance<'k> {
    lasting: &'k [u8; 32],
    generation: u64,
}

impl SharedKey {
    /// What tells the keys that came from each other by rotation from all others, and tells nothing of
    /// them.
    #[must_use]
    pub fn line(&self) -> String {
        let line = self.derive_lasting(b"line of keys");
        line.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    /// A key of random bytes, of generation 0.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = Zeroizing::new(vec![0; SECRET]);
        getrandom::fill(&mut bytes)?;
        Ok(SharedKey(bytes))
    }

    /// A new secret with everything that lasts of this key.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn successor(&self) -> Result<Self, getrandom::Error> {
        // As large as it gets: a vector that grows leaves copies behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(SECRET + TAIL));
        bytes.resize(SECRET, 0);
        getrandom::fill(&mut bytes)?;
        bytes.extend_from_slice(self.lasting().as_slice());
        bytes.extend_from_slice(&self.generation().saturating_add(1).to_le_bytes());
        bytes.extend_from_slice(MARK);
        Ok(SharedKey(bytes))
    }

    /// How many keys were before this one.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.inheritance().map_or(0, |inheritance| inheritance.generation)
    }

    /// A key for one purpose that a successor has too.
    #[must_use]
    pub fn derive_lasting(&self, purpose: &[u8]) -> DerivedKey {
        let mut key = DerivedKey::default();
        if let Ok(hkdf) = Hkdf::<Sha256>::from_prk(self.lasting().as_slice()) {
            // It fails beyond 8,160 bytes only.
            let _ = hkdf.expand(purpose, key.as_mut_slice());
        }
        key
    }

    /// The pseudorandom key (RFC 5869) of everything that lasts.
    fn lasting(&self) -> DerivedKey {
        if let Some(Inheritance { lasting, .. }) = self.inheritance() {
            return Zeroizing::new(*lasting);
        }
        let (mut extracted, _) = Hkdf::<Sha256>::extract(Some(LASTING), &self.0);
        let lasting = Zeroizing::new(extracted.into());
        extracted.as_mut_slice().zeroize();
        lasting
    }

    fn inheritance(&self) -> Option<Inheritance<'_>> {
        let (_, tail) = self.0.split_at_checked(self.0.len().checked_sub(TAIL)?)?;
        let (lasting, rest) = tail.split_first_chunk::<32>()?;
        let (generation, mark) = rest.split_first_chunk::<8>()?;
        let generation = u64::from_le_bytes(*generation);
        (mark == MARK).then_some(Inheritance { lasting, generation })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_successor_has_another_secret_and_the_same_lasting_keys() {
        let first = SharedKey::from_bytes(vec![7; 32]).unwrap();
        let second = first.successor().unwrap();
        let third = second.successor().unwrap();
        assert_eq!([&first, &second, &third].map(SharedKey::generation), [0, 1, 2]);
        // What is in use before the first change.
        let before = first.derive(b"tandem", b"hash of clients");
        for key in [&first, &second, &third] {
            assert_eq!(key.derive_lasting(b"hash of clients"), before);
        }
        assert_ne!(second.derive(b"salt", b"purpose"), third.derive(b"salt", b"purpose"));
        assert_ne!(second.fingerprint(), third.fingerprint());
        // It is one after a way through a file, too.
        let read = SharedKey::from_bytes(third.expose().to_vec()).unwrap();
        assert_eq!(read.derive_lasting(b"hash of clients"), before);
    }

    #[test]
    fn a_key_of_another_line_has_other_lasting_keys() {
        let key = |byte| SharedKey::from_bytes(vec![byte; 100]).unwrap();
        let lasting = |byte| key(byte).derive_lasting(b"hash of clients");
        assert_ne!(lasting(7), lasting(8));
        assert_ne!(
            SharedKey::random().unwrap().successor().unwrap().derive_lasting(b"a"),
            SharedKey::random().unwrap().successor().unwrap().derive_lasting(b"a")
        );
    }
}
