//! A conversation in two parts over one socket, with something in between: whatever happens to
//! the appliance meanwhile, does the other end still answer?
//!
//! A scenario starts a [`Conversation`] in a namespace, which runs `tandem-lab converse` there;
//! lets something happen; and asks with [`Conversation::go_on`] what came of the second part.

use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{Error, FOLDER, Namespace, Task, appliance, wait_until};

/// How long an answer over TCP may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long an answer over UDP may take before the question is sent again, and how often.
const AGAIN: (Duration, u32) = (Duration::from_secs(2), 10);

/// What is heard of the other end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Heard {
    /// It said this; bytes that are no text are replaced.
    Answer(String),
    /// The connection was reset.
    Reset,
    /// Nothing came in time.
    Silence,
}

impl Heard {
    /// True if the answer ends with these words, blanks apart.
    pub fn ends_with(&self, words: &str) -> bool {
        matches!(self, Heard::Answer(answer) if answer.trim_end().ends_with(words))
    }
}

/// What is said in a namespace: one part, and another when a file is there.
#[derive(Clone, Debug, clap::Args)]
pub struct Converse {
    /// To whom.
    #[arg(long)]
    pub to: SocketAddr,
    /// Over UDP instead of TCP.
    #[arg(long)]
    pub udp: bool,
    /// The first part, in hexadecimal digits.
    #[arg(long)]
    pub first: String,
    /// Wait for an answer to the first part.
    #[arg(long)]
    pub answered: bool,
    /// The second part.
    #[arg(long)]
    pub then: String,
    /// Where the answer to the first part is written.
    #[arg(long)]
    pub said: PathBuf,
    /// The second part is said when this file is there.
    #[arg(long)]
    pub go: PathBuf,
}

impl Converse {
    /// Says both parts.
    ///
    /// # Errors
    ///
    /// [`Error::File`] for the socket and the files.
    pub fn run(&self) -> Result<Heard, Error> {
        let failed = || Error::file(format!("the socket to {}", self.to));
        let mut line = match self.udp {
            true => Line::udp(self.to).map_err(failed())?,
            false => Line::tcp(self.to).map_err(failed())?,
        };
        let heard = line.say(&bytes(&self.first), self.answered);
        let said = self.said.display().to_string();
        // Whole or not at all: a scenario waits for the file.
        let part = format!("{said}.part");
        let text = serde_json::to_string(&heard).unwrap_or_default();
        crate::namespace::write(&part, &text)?;
        std::fs::rename(&part, &self.said).map_err(Error::file(said))?;
        wait_until("the conversation may go on", 120, || self.go.exists())?;
        Ok(line.say(&bytes(&self.then), true))
    }
}

enum Line {
    Tcp(TcpStream),
    Udp(UdpSocket),
}

impl Line {
    fn tcp(to: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect_timeout(&to, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Line::Tcp(stream))
    }

    fn udp(to: SocketAddr) -> std::io::Result<Self> {
        let socket = UdpSocket::bind("0.0.0.0:0")?;
        socket.connect(to)?;
        socket.set_read_timeout(Some(AGAIN.0))?;
        Ok(Line::Udp(socket))
    }

    fn say(&mut self, words: &[u8], answered: bool) -> Heard {
        let mut buffer = [0; 4096];
        let heard = match self {
            Line::Tcp(stream) => stream.write_all(words).and_then(|()| match answered {
                true => stream.read(&mut buffer),
                false => Ok(0),
            }),
            Line::Udp(socket) => {
                let mut ask = || socket.send(words).and_then(|_| socket.recv(&mut buffer));
                (1..AGAIN.1).fold(ask(), |heard, _| heard.or_else(|_| ask()))
            }
        };
        match heard {
            Ok(length) => {
                let answer = buffer.get(..length).unwrap_or_default();
                Heard::Answer(String::from_utf8_lossy(answer).into_owned())
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Heard::Reset,
            Err(_) => Heard::Silence,
        }
    }
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(digits: &str) -> Vec<u8> {
    let pair = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    (0..digits.len()).step_by(2).filter_map(pair).collect()
}

/// A conversation that waits in a namespace between its two parts.
#[derive(Debug)]
pub struct Conversation {
    task: Task,
    go: String,
    /// The answer to the first part; empty if none was waited for.
    pub first: Heard,
}

impl Conversation {
    /// Asks over TCP, and is to ask the same again; the first answer has come.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn ask(from: Namespace, to: &str, question: &[u8]) -> Result<Self, Error> {
        Self::start(from, to, [question, question], &["--answered"])
    }

    /// The same over UDP.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn ask_udp(from: Namespace, to: &str, question: &[u8]) -> Result<Self, Error> {
        Self::start(from, to, [question, question], &["--answered", "--udp"])
    }

    /// Says the first half of something over TCP, and is to say the second, which is answered.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn begin(from: Namespace, to: &str, halves: [&[u8]; 2]) -> Result<Self, Error> {
        Self::start(from, to, halves, &[])
    }

    fn start(from: Namespace, to: &str, parts: [&[u8]; 2], more: &[&str]) -> Result<Self, Error> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let (process, number) = (std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let path = |what| format!("{FOLDER}/conversation-{process}-{number}.{what}");
        let (said, go) = (path("said"), path("go"));
        let program = appliance::program("tandem-lab").display().to_string();
        let [first, then] = parts.map(digits);
        let words = [
            &program, "converse", "--to", to, "--first", &first, "--then", &then, "--said", &said,
            "--go", &go,
        ];
        let task = from.spawn(&[&words[..], more].concat())?;
        wait_until("the first part is said", 30, || std::path::Path::new(&said).exists())?;
        let text = std::fs::read_to_string(&said).map_err(Error::file(&said))?;
        Ok(Conversation { task, go, first: heard(&text, "")? })
    }

    /// Lets it go on to its second part; what was heard then.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn go_on(self) -> Result<Heard, Error> {
        crate::namespace::write(&self.go, "")?;
        let output = self.task.finish()?;
        heard(&output.stdout, &output.stderr)
    }
}

fn heard(text: &str, errors: &str) -> Result<Heard, Error> {
    serde_json::from_str(text).map_err(|_| Error::Command {
        command: "tandem-lab converse".to_owned(),
        words: format!("{text}{errors}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_through_their_digits() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(bytes(&digits(&all)), all);
    }

    #[test]
    fn an_answer_is_judged_by_its_end() {
        let answer = Heard::Answer("HTTP/1.1 200 OK\r\n\r\ns1 10.0.0.1\n".to_owned());
        assert!(answer.ends_with("s1 10.0.0.1") && !answer.ends_with("s2 10.0.0.1"));
        assert!(!Heard::Reset.ends_with(""));
    }
}
