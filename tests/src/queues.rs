//! The kernel's receive queues between veth ends: one of each core, for all namespaces.
//!
//! Where a core stands still for some tens of milliseconds, at some ten thousand packets a
//! second, its queue of 1,000 packets overflows. What is lost there was not lost by an
//! appliance.

use std::fs;
use std::path::Path;

use crate::Error;
use crate::namespace::write;

const LENGTH: &str = "/proc/sys/net/core/netdev_max_backlog";
const COUNTS: &str = "/proc/net/softnet_stat";
/// Packets: some tenths of a second of all that the lab sends.
const LONG: u32 = 20_000;

/// Longer queues, until dropped. What they were before, if it is for this process to change.
#[derive(Debug)]
pub struct Longer(Option<String>);

impl Longer {
    /// Makes them longer.
    ///
    /// # Errors
    ///
    /// [`Error::File`].
    pub fn queues() -> Result<Self, Error> {
        // They are the machine's own: in a network of its own (tests/lab.sh) the lab does not see
        // how long they are, and whoever made that network has made them longer.
        if !Path::new(LENGTH).exists() {
            return Ok(Longer(None));
        }
        let before = fs::read_to_string(LENGTH).map_err(Error::file(LENGTH))?;
        write(LENGTH, &LONG.to_string())?;
        Ok(Longer(Some(before)))
    }
}

impl Drop for Longer {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            // What was there a moment ago is taken again.
            let _ = fs::write(LENGTH, before.trim());
        }
    }
}

/// Packets that overflowed them since the machine started.
pub fn overflows() -> u64 {
    let text = fs::read_to_string(COUNTS).unwrap_or_default();
    let dropped = |line: &str| u64::from_str_radix(line.split_whitespace().nth(1)?, 16).ok();
    text.lines().filter_map(dropped).sum()
}
