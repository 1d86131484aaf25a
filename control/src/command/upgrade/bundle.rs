//! The file of an upgrade, as RAUC reads it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::error::Error;

/// A file whose signature is right.
#[derive(Debug)]
pub(super) struct Bundle {
    pub(super) file: PathBuf,
    pub(super) release: String,
    pub(super) size: u64,
}

/// What is used of `rauc info`.
#[derive(Debug, Deserialize)]
struct Info {
    compatible: String,
    version: String,
}

impl Bundle {
    /// Has RAUC verify a file.
    pub(super) fn read(file: &Path) -> Result<Self, Error> {
        let refused = |why: &dyn core::fmt::Display| {
            Error::Upgrade(format!("{}: {why}. Nothing was changed", file.display()))
        };
        // RAUC runs elsewhere, too.
        let file = std::path::absolute(file).map_err(|error| refused(&error))?;
        let size = std::fs::metadata(&file).map_err(|error| refused(&error))?.len();
        let path = file.to_str().ok_or_else(|| refused(&"its name is no text"))?;
        let info = info(path)
            .map_err(|why| refused(&format!("this is no upgrade that the machine takes: {why}")))?;
        let Info { compatible, version } = understand(&info).map_err(|why| refused(&why))?;
        if compatible != "tandem" {
            return Err(refused(&format!("it is for {compatible:?}, and not for Tandem")));
        }
        Ok(Bundle { file, release: version, size })
    }
}

/// What RAUC says of a file whose signature is right. Why it is not stands last.
fn info(path: &str) -> Result<String, String> {
    let output = Command::new("rauc").args(["info", "--output-format=json", path]).output();
    let output = output.map_err(|error| format!("rauc cannot be run: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let last = said.lines().rev().find(|line| !line.trim().is_empty());
    Err(last.map_or_else(|| output.status.to_string(), str::to_owned))
}

fn understand(info: &str) -> Result<Info, String> {
    serde_json::from_str(info.trim())
        .map_err(|error| format!("what rauc says of it is not understood: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rauc_says_is_read() {
        let info = understand(
            "{\"compatible\":\"tandem\",\"version\":\"0.1.0+20260301120000\",\"description\":null,\
             \"images\":[{\"slot-class\":\"rootfs\"}]}\n",
        );
        let info = info.unwrap();
        assert_eq!(
            (info.compatible.as_str(), info.version.as_str()),
            ("tandem", "0.1.0+20260301120000")
        );
        assert!(understand("").unwrap_err().contains("not understood"));
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = Bundle::read(Path::new("/nowhere/t.raucb")).unwrap_err().to_string();
        assert!(error.starts_with("/nowhere/t.raucb: "), "{error}");
        assert!(error.ends_with("Nothing was changed"), "{error}");
    }
}
