//! Any bytes as a file of each format. Besides not to panic and not to hang: what comes out is
//! what the real check finds right.
//!
//! `tests/sanitize.sh` builds and runs it, from the files of the tests on.

#![no_main]

use std::path::PathBuf;

use import::{Error, Files, Format, Options, import};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // The first byte chooses the format, so that each is reached from any file.
    let Some((first, text)) = data.split_first() else { return };
    let format = Format::ALL.get(usize::from(first % 5)).map(|(_, format)| *format);
    let path = PathBuf::from("/etc/old.conf");
    let files = Files::Memory([(path.clone(), text.to_vec())].into());
    let options = Options { format, ..Options::default() };
    match import(&files, &[path], &options) {
        Ok(done) => {
            let checked = config::Config::check("tandem.toml", &done.machine.text);
            assert!(checked.is_ok(), "{}", done.machine.text);
        }
        Err(Error::Unknown { .. } | Error::TooMuch { .. }) => {}
        Err(error) => panic!("{error}"),
    }
});
