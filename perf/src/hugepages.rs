//! Huge pages for the length of a run.

use std::fs;

use crate::Error;

const PAGES: &str = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages";

/// Reserved huge pages; given back when dropped.
pub struct Hugepages {
    before: u64,
}

fn count() -> Result<u64, Error> {
    let text = fs::read_to_string(PAGES).map_err(Error::io(PAGES))?;
    Ok(text.trim().parse().unwrap_or(0))
}

impl Hugepages {
    /// Reserves so many MiB, beyond those that others have.
    ///
    /// # Errors
    ///
    /// [`Error::Hugepages`], when there is too little memory in one piece.
    pub fn reserve(mebibytes: u64) -> Result<Self, Error> {
        let before = count()?;
        let wanted = before + mebibytes.div_ceil(2);
        fs::write(PAGES, wanted.to_string()).map_err(Error::io(PAGES))?;
        let reserved = Hugepages { before };
        let got = count()?;
        if got < wanted { Err(Error::Hugepages { wanted, got }) } else { Ok(reserved) }
    }
}

impl Drop for Hugepages {
    fn drop(&mut self) {
        // Pages left over do no harm but to other programs' memory.
        let _ = fs::write(PAGES, self.before.to_string());
    }
}
