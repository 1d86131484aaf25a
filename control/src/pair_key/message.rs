//! What the machines say to each other of the pair's key: JSON, a message each, inside the
//! authenticated and encrypted connection only.

use core::fmt;

use api::KeyState;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::key::SharedKey;

/// An order of the one that has dialled.
#[derive(Debug, Serialize, Deserialize)]
pub struct Order {
    /// The run of the command that orders it: see [`api::KeyOrder`].
    pub run: u64,
    pub what: What,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    Look,
    /// Accept this key beside the used one.
    Accept(Secret),
    /// Use the accepted key of this name.
    Use(String),
    /// Accept the key of this name no more.
    Forget(String),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    State(KeyState),
    /// It is not done; a sentence without its full stop.
    Refused(String),
}

/// A key on its way, as hexadecimal digits.
pub struct Secret(pub SharedKey);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.0.fingerprint())
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes = self.0.expose();
        // As large as it gets: a text that grows leaves copies behind.
        let mut text = Zeroizing::new(String::with_capacity(2 * bytes.len()));
        for byte in bytes {
            for digit in [byte >> 4, byte & 15] {
                text.push(char::from_digit(digit.into(), 16).unwrap_or_default());
            }
        }
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Digits)
    }
}

struct Digits;

impl Visitor<'_> for Digits {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key in hexadecimal digits")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Secret, E> {
        let refused = || E::custom("it is no key");
        let mut bytes = Vec::with_capacity(text.len() / 2);
        let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
        for pair in text.as_bytes().chunks(2) {
            let &[high, low] = pair else { return Err(refused()) };
            let (high, low) = digit(high).zip(digit(low)).ok_or_else(refused)?;
            bytes.push(high << 4 | low);
        }
        SharedKey::from_bytes(bytes).map(Secret).ok_or_else(refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_arrives_as_it_was_sent_and_is_not_shown() {
        let key = SharedKey::from_bytes((0..=255).collect()).unwrap();
        let order = Order { run: 7, what: What::Accept(Secret(key.clone())) };
        let text = serde_json::to_string(&order).unwrap();
        let Order { run: 7, what: What::Accept(Secret(read)) } =
            serde_json::from_str(&text).unwrap()
        else {
            panic!("{text}");
        };
        assert_eq!(read.expose(), key.expose());
        assert!(!format!("{order:?}").contains("0001020304"), "{order:?}");
        for bad in ["", "0", "xy", "00"] {
            assert!(serde_json::from_str::<Secret>(&format!("\"{bad}\"")).is_err(), "{bad}");
        }
    }
}
