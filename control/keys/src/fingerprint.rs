//! What a key is called where the key itself must not be seen.

use core::fmt;
use core::str::FromStr;

use crate::SharedKey;

/// Tells keys apart, and tells nothing of them: 64 bits that are derived from one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Fingerprint(u64);

impl SharedKey {
    /// What the key is called in messages and tables.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        // A salt of its own: what is derived under "tandem" is handed to the key's successor.
        let derived = self.derive(b"tandem fingerprint", b"fingerprint");
        Fingerprint(derived.iter().take(8).fold(0, |all, byte| all << 8 | u64::from(*byte)))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for Fingerprint {
    type Err = core::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u64::from_str_radix(text, 16).map(Fingerprint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tells_keys_apart_and_can_be_read_again() {
        let key = |byte| SharedKey::from_bytes(vec![byte; 32]).unwrap().fingerprint();
        assert_ne!(key(1), key(2));
        assert_eq!(key(1).to_string().parse(), Ok(key(1)));
        assert_eq!(key(1).to_string().len(), 16);
    }
}
