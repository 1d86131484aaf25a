//! The keys that a machine holds at a time.

use core::fmt;

use crate::{Fingerprint, SharedKey};

/// The key that a machine uses, and another one that it accepts of its peer, if there is one.
#[derive(Clone)]
pub struct KeyRing {
    used: (Fingerprint, SharedKey),
    accepted: Option<(Fingerprint, SharedKey)>,
}

impl KeyRing {
    /// Holds these; the second is dropped if it is the first.
    #[must_use]
    pub fn new(used: SharedKey, accepted: Option<SharedKey>) -> Self {
        let name = |key: SharedKey| (key.fingerprint(), key);
        let used = name(used);
        let accepted = accepted.map(name).filter(|accepted| accepted.0 != used.0);
        KeyRing { used, accepted }
    }

    /// The key that this machine seals and dials with.
    #[must_use]
    pub fn used(&self) -> &SharedKey {
        &self.used.1
    }

    /// The other key that is accepted.
    #[must_use]
    pub fn accepted(&self) -> Option<&SharedKey> {
        self.accepted.as_ref().map(|(_, key)| key)
    }

    /// Each key with its fingerprint, the used one first.
    pub fn iter(&self) -> impl Iterator<Item = (Fingerprint, &SharedKey)> {
        let all = core::iter::once(&self.used).chain(&self.accepted);
        all.map(|(fingerprint, key)| (*fingerprint, key))
    }

    /// The name of the used key.
    #[must_use]
    pub fn used_name(&self) -> Fingerprint {
        self.used.0
    }

    /// The name of the other key.
    #[must_use]
    pub fn accepted_name(&self) -> Option<Fingerprint> {
        self.accepted.as_ref().map(|(fingerprint, _)| *fingerprint)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|(name, _)| name)).finish()
    }
}

impl From<SharedKey> for KeyRing {
    fn from(used: SharedKey) -> Self {
        KeyRing::new(used, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_key_is_not_held_twice() {
        let key = |byte| SharedKey::from_bytes(vec![byte; 32]).unwrap();
        assert!(KeyRing::new(key(1), Some(key(1))).accepted().is_none());
        let ring = KeyRing::new(key(1), Some(key(2)));
        let names: Vec<_> = ring.iter().map(|(name, _)| name).collect();
        assert_eq!(names, [key(1).fingerprint(), key(2).fingerprint()]);
    }
}
