//! A file on this machine that says what a server is.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use tokio::time::{Instant, timeout_at};

use crate::health::outcome::Outcome;
use crate::health::report::{Code, DynamicWeight};
use crate::health::words::{self, Words};

pub async fn probe(path: &Path, deadline: Instant) -> Outcome {
    let path = PathBuf::from(path);
    // A file of a network file system may make its reader wait.
    let reading = tokio::task::spawn_blocking(move || read(&path));
    match timeout_at(deadline, reading).await {
        Err(_) => Outcome::failed(Code::L7Timeout, "it cannot be read in time"),
        Ok(Err(_)) => Outcome::local("the reader has ended"),
        Ok(Ok(Ok(line))) => judge(&line),
        Ok(Ok(Err(error))) if error.kind() == io::ErrorKind::NotFound => {
            Outcome::failed(Code::L7Status, "there is no such file")
        }
        Ok(Ok(Err(error))) => Outcome::local(error.to_string()),
    }
}

/// The first line.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    // A pipe without a writer is not waited for.
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a plain file"));
    }
    let mut line = Vec::new();
    file.take(words::LONGEST as u64).read_to_end(&mut line)?;
    let end = line.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
    line.truncate(end.unwrap_or(line.len()));
    Ok(line)
}

fn judge(line: &[u8]) -> Outcome {
    let words = said(line);
    let text = match (&words.unknown, words.reason.as_str()) {
        (Some(unknown), _) => format!("the word \"{unknown}\" is not known"),
        (None, "") => "read".to_owned(),
        (None, reason) => reason.to_owned(),
    };
    let outcome = match words.health {
        Some(false) => Outcome::failed(Code::L7Status, format!("{}: {text}", words.health_word)),
        _ => Outcome::passed(Code::L7Ok, text),
    };
    outcome.with_words(words)
}

fn said(line: &[u8]) -> Words {
    let number = core::str::from_utf8(line).ok().map(str::trim);
    let number = number.filter(|text| text.bytes().all(|c| c.is_ascii_digit()));
    match number.and_then(|text| text.parse().ok()) {
        Some(weight) => Words { weight: Some(DynamicWeight::Absolute(weight)), ..Words::default() },
        None => words::parse(line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::outcome::Verdict;

    #[test]
    fn a_line_says_what_the_server_is() {
        assert_eq!(judge(b"").verdict, Verdict::Passed);
        assert_eq!(judge(b"up 50%").verdict, Verdict::Passed);
        assert_eq!(judge(b"down#moved").text, "down: moved");
        assert_eq!(judge(b"maint").words.unwrap().health, None);
        let weight = |line: &[u8]| judge(line).words.unwrap().weight;
        assert_eq!(weight(b" 12 "), Some(DynamicWeight::Absolute(12)));
        assert_eq!(weight(b"50%"), Some(DynamicWeight::Percent(50)));
        assert_eq!(weight(b"99999"), None);
    }
}
