//! Files of packets, as DPDK's net_pcap reads them.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use crate::Error;

/// Writes a pcap file of Ethernet frames.
///
/// # Errors
///
/// [`Error::Io`].
pub(crate) fn write(path: &Path, frames: impl IntoIterator<Item = Vec<u8>>) -> Result<(), Error> {
    let named = || Error::io(path.display().to_string());
    let mut file = BufWriter::new(File::create(path).map_err(named())?);
    // Magic number, version 2.4, no zone, no accuracy, 64 KiB of each packet, Ethernet.
    let header: [u32; 6] = [0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, 1];
    for word in header {
        file.write_all(&word.to_ne_bytes()).map_err(named())?;
    }
    for frame in frames {
        let length = u32::try_from(frame.len()).unwrap_or(u32::MAX);
        for word in [0, 0, length, length] {
            file.write_all(&word.to_ne_bytes()).map_err(named())?;
        }
        file.write_all(&frame).map_err(named())?;
    }
    file.flush().map_err(named())
}
