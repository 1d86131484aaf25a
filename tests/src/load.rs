//! Clients in number: downloads whose checksum is compared, and connections that are kept
//! alive with a request now and then.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use core::time::Duration;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Error, FOLDER, Lab, Task, VIP, appliance, servers, wait_until};

/// How long a client waits for its next byte: retransmissions after a takeover back off
/// to some seconds.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two requests on a connection that is kept alive.
const PAUSE: Duration = Duration::from_millis(50);

/// What the clients are to do.
#[derive(Clone, Debug, clap::Args)]
pub struct Load {
    /// The web service.
    #[arg(long)]
    pub to: SocketAddr,
    /// Downloads, all at once.
    #[arg(long)]
    pub downloads: u32,
    /// What they download, and its SHA-256 in a file of the same name with `.sha256`.
    #[arg(long)]
    pub file: PathBuf,
    /// Its path on the server.
    #[arg(long)]
    pub path: String,
    /// Who has downloaded the file downloads it again, until the others end.
    #[arg(long)]
    pub again: bool,
    /// Connections that are kept alive.
    #[arg(long)]
    pub keepalive: u32,
    /// Those end when this file is there.
    #[arg(long)]
    pub until: PathBuf,
    /// Is written when every client has had its first bytes.
    #[arg(long)]
    pub ready: PathBuf,
}

/// What came of it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Loaded {
    /// Downloads that came whole, with the right checksum.
    pub whole: u64,
    /// Downloads that came to their end with another checksum.
    pub wrong: u64,
    /// Connections that broke: reset, closed early, silent for too long.
    pub lost: u64,
    /// Requests answered on connections that were kept alive.
    pub requests: u64,
    /// Why connections were lost, one each.
    pub why: Vec<String>,
}

#[derive(Default)]
struct Counts {
    begun: AtomicU64,
    whole: AtomicU64,
    wrong: AtomicU64,
    requests: AtomicU64,
    stop: AtomicBool,
}

impl Load {
    /// Runs all clients to their end.
    ///
    /// # Errors
    ///
    /// [`Error::File`] for the checksum.
    pub fn run(&self) -> Result<Loaded, Error> {
        let sum = format!("{}.sha256", self.file.display());
        let expected = std::fs::read_to_string(&sum).map_err(Error::file(sum))?.trim().to_owned();
        let counts = Arc::new(Counts::default());
        let mut clients = Vec::new();
        for number in 0..self.downloads + self.keepalive {
            let (counts, load, expected) = (Arc::clone(&counts), self.clone(), expected.clone());
            let client = move || match number < load.downloads {
                true => load.downloads(&counts, &expected),
                false => load.keep_alive(&counts),
            };
            let small = thread::Builder::new().stack_size(256 * 1024);
            clients.push(small.spawn(client).map_err(Error::file("a client's thread"))?);
        }
        self.watch(&counts, clients.len() as u64);
        let ends = clients.into_iter().map(|client| {
            client.join().unwrap_or_else(|_| Err(std::io::Error::other("the client panicked")))
        });
        let why: Vec<String> =
            ends.filter_map(|end| end.err().map(|error| error.to_string())).collect();
        Ok(Loaded {
            whole: counts.whole.load(Relaxed),
            wrong: counts.wrong.load(Relaxed),
            lost: why.len() as u64,
            requests: counts.requests.load(Relaxed),
            why: why.into_iter().take(10).collect(),
        })
    }

    /// Says when all have begun, and tells them when to end.
    fn watch(&self, counts: &Counts, clients: u64) {
        let mut told = false;
        while !self.until.exists() {
            if !told && counts.begun.load(Relaxed) >= clients {
                // Whoever waits for it sees that it is missing.
                told = std::fs::write(&self.ready, "").is_ok();
            }
            thread::sleep(Duration::from_millis(10));
        }
        counts.stop.store(true, Relaxed);
    }

    fn connect(&self, path: &str, word: &str) -> std::io::Result<BufReader<TcpStream>> {
        let mut stream = TcpStream::connect_timeout(&self.to, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        ask(&mut stream, path, word)?;
        Ok(BufReader::new(stream))
    }

    fn downloads(&self, counts: &Counts, expected: &str) -> std::io::Result<()> {
        self.download(counts, expected)?;
        while self.again && !counts.stop.load(Relaxed) {
            self.download(counts, expected)?;
        }
        Ok(())
    }

    fn download(&self, counts: &Counts, expected: &str) -> std::io::Result<()> {
        let mut stream = self.connect(&self.path, "close")?;
        let length = head(&mut stream)?;
        counts.begun.fetch_add(1, Relaxed);
        let mut sum = Sha256::new();
        let read = std::io::copy(&mut stream.take(length), &mut sum)?;
        if read < length {
            return Err(std::io::Error::other(format!("ended after {read} of {length} bytes")));
        }
        let found: String = sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        let counter = if found == expected { &counts.whole } else { &counts.wrong };
        counter.fetch_add(1, Relaxed);
        Ok(())
    }

    fn keep_alive(&self, counts: &Counts) -> std::io::Result<()> {
        let mut stream = self.connect("/", "keep-alive")?;
        let mut first = true;
        loop {
            let length = head(&mut stream)?;
            let mut body = vec![0; usize::try_from(length).unwrap_or(0)];
            stream.read_exact(&mut body)?;
            counts.requests.fetch_add(1, Relaxed);
            if core::mem::take(&mut first) {
                counts.begun.fetch_add(1, Relaxed);
            }
            if counts.stop.load(Relaxed) {
                return Ok(());
            }
            thread::sleep(PAUSE);
            ask(stream.get_mut(), "/", "keep-alive")?;
        }
    }
}

fn ask(stream: &mut TcpStream, path: &str, word: &str) -> std::io::Result<()> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: lab\r\nConnection: {word}\r\n\r\n");
    stream.write_all(request.as_bytes())
}

/// Reads a response's head; the length of its body.
fn head(stream: &mut BufReader<TcpStream>) -> std::io::Result<u64> {
    let (mut length, mut line) = (None, String::new());
    loop {
        line.clear();
        if stream.read_line(&mut line)? == 0 {
            return Err(std::io::Error::other("closed instead of an answer"));
        }
        let text = line.trim().to_ascii_lowercase();
        if text.is_empty() {
            return length.ok_or_else(|| std::io::Error::other("an answer without a length"));
        }
        if let Some(number) = text.strip_prefix("content-length:") {
            length = number.trim().parse().ok();
        }
    }
}

/// Clients at work in the client's namespace.
#[derive(Debug)]
pub struct Loading {
    task: Task,
    until: String,
}

impl Loading {
    /// Starts the clients and waits until each has had its first bytes.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn start(downloads: u32, keepalive: u32) -> Result<Self, Error> {
        Self::start_with(downloads, keepalive, &[])
    }

    /// The same with clients who download again and again.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn start_again_and_again(downloads: u32, keepalive: u32) -> Result<Self, Error> {
        Self::start_with(downloads, keepalive, &["--again"])
    }

    fn start_with(downloads: u32, keepalive: u32, more: &[&str]) -> Result<Self, Error> {
        let (until, ready) = (format!("{FOLDER}/load.until"), format!("{FOLDER}/load.ready"));
        for file in [&until, &ready] {
            let _ = std::fs::remove_file(file);
        }
        let program = appliance::program("tandem-lab").display().to_string();
        let (downloads, keepalive) = (downloads.to_string(), keepalive.to_string());
        let to = format!("{VIP}:80");
        let words = [
            program.as_str(),
            "load",
            "--to",
            &to,
            "--downloads",
            &downloads,
            "--keepalive",
            &keepalive,
            "--file",
            servers::MEDIUM,
            "--path",
            "/medium",
            "--until",
            &until,
            "--ready",
            &ready,
        ];
        let task = Lab::CLIENT.spawn(&[&words[..], more].concat())?;
        wait_until("every client has had its first bytes", 60, || Path::new(&ready).exists())?;
        Ok(Loading { task, until })
    }

    /// Lets downloads come to their end and the others stop; what came of all.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn finish(self) -> Result<Loaded, Error> {
        crate::namespace::write(&self.until, "")?;
        let output = self.task.finish()?;
        serde_json::from_str(&output.stdout).map_err(|_| Error::Command {
            command: "tandem-lab load".to_owned(),
            words: output.words(),
        })
    }
}
