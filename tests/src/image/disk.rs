//! Partitions of a virtual machine's disk, damaged while it is off.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use crate::Error;
use crate::namespace::must;

const SECTOR: u64 = 512;

pub(super) struct Partition {
    disk: String,
    file: File,
    /// In bytes.
    start: u64,
}

impl Partition {
    pub(super) fn find(disk: &str, name: &str) -> Result<Self, Error> {
        let table = must(&["sfdisk", "--json", disk])?.stdout;
        let table: serde_json::Value = serde_json::from_str(&table).unwrap_or_default();
        let partitions = table["partitiontable"]["partitions"].as_array();
        let found = partitions.into_iter().flatten().find(|one| one["name"] == name);
        let start = found.and_then(|one| one["start"].as_u64()).ok_or_else(|| Error::Command {
            command: format!("sfdisk --json {disk}"),
            words: format!("there is no partition {name}"),
        })?;
        let file = fs::OpenOptions::new().read(true).write(true).open(disk);
        let file = file.map_err(Error::file(disk))?;
        Ok(Partition { disk: disk.to_owned(), file, start: start * SECTOR })
    }

    /// Changes a bit of its first block.
    pub(super) fn damage(&self) -> Result<(), Error> {
        let change = || {
            let mut byte = [0];
            self.file.read_exact_at(&mut byte, self.start)?;
            self.file.write_all_at(&[byte[0] ^ 1], self.start)
        };
        change().map_err(Error::file(&self.disk))
    }

    /// Overwrites its first 16 MiB.
    pub(super) fn wipe(&self) -> Result<(), Error> {
        let written = self.file.write_all_at(&vec![0xa5; 16 << 20], self.start);
        written.map_err(Error::file(&self.disk))
    }
}
