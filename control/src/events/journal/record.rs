//! One record of the history: a line of a checksum and JSON.
//!
//! ```text
//! 3f2a9c01d4e5b678 {"version":1,"number":4711, ... }
//! ```
//!
//! The checksum is the first eight bytes of the SHA-256 of the JSON, in hexadecimal. A line that a
//! power cut has left unfinished, or of which the file system has kept only zeros, has none that
//! fits.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

/// The hexadecimal digits of a checksum.
const DIGITS: usize = 16;
/// The longest record that is believed, in bytes.
pub(super) const LONGEST: usize = 4 * 1024 * 1024;

/// The line, its end included.
///
/// # Errors
/// When the value has no JSON.
pub(super) fn line(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let json = serde_json::to_vec(value)?;
    let mut line = checksum(&json).into_bytes();
    line.push(b' ');
    line.extend(json);
    line.push(b'\n');
    Ok(line)
}

/// What a line without its end says; none if it is damaged.
pub(super) fn read<T: DeserializeOwned>(line: &[u8]) -> Option<T> {
    let (sum, rest) = line.split_at_checked(DIGITS)?;
    let json = rest.strip_prefix(b" ")?;
    if sum != checksum(json).as_bytes() {
        return None;
    }
    serde_json::from_slice(json).ok()
}

fn checksum(json: &[u8]) -> String {
    let digest = Sha256::digest(json);
    digest.iter().take(DIGITS / 2).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use api::Event;

    use super::*;

    #[test]
    fn every_other_byte_is_noticed() {
        let event = Event { number: 7, what: "something".to_owned(), ..Event::default() };
        let line = line(&event).unwrap();
        let line = line.strip_suffix(b"\n").unwrap();
        assert_eq!(read::<Event>(line), Some(event));
        for at in 0..line.len() {
            let mut other = line.to_vec();
            other[at] ^= 1;
            assert_eq!(read::<Event>(&other), None, "byte {at}");
            assert_eq!(read::<Event>(&line[..at]), None, "the first {at} bytes");
        }
        assert_eq!(read::<Event>(&[0; 100]), None);
    }
}
