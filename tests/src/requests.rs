//! Many clients that ask again and again, each request on a connection of its own.

use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use core::time::Duration;
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
use serde::{Deserialize, Serialize};

use crate::{Error, FOLDER, Lab, Namespace, Task, VIP, appliance, wait_until};

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The first address of those clients; each has the next one.
const FIRST: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 101);

/// Failures that a report tells of one by one.
const TOLD: usize = 40;

/// What the clients are to do.
#[derive(Clone, Debug, clap::Args)]
pub struct Requests {
    /// The web service.
    #[arg(long)]
    pub to: SocketAddrV4,
    /// Clients, each with an address of its own.
    #[arg(long)]
    pub clients: u8,
    /// Milliseconds from one request of a client to its next.
    #[arg(long)]
    pub pause: u64,
    /// They end when this file is there.
    #[arg(long)]
    pub until: PathBuf,
    /// Is written when every client has had an answer.
    #[arg(long)]
    pub ready: PathBuf,
}

/// What came of it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Requested {
    /// Answers, by the server that answered.
    pub answers: BTreeMap<String, u64>,
    /// Connections that nobody took: reset, unreachable or not answered.
    pub refused: u64,
    /// Connections that were taken and then broke before the answer was whole.
    pub broken: u64,
    /// What the first failures were, each with its milliseconds since the start.
    pub failures: Vec<(u64, String)>,
    /// Milliseconds since the start of the last answer of each server.
    pub last: BTreeMap<String, u64>,
}

impl Requested {
    /// Requests that failed.
    pub fn failed(&self) -> u64 {
        self.refused + self.broken
    }

    /// Requests that were answered.
    pub fn answered(&self) -> u64 {
        self.answers.values().sum()
    }

    fn add(&mut self, other: Requested) {
        for (server, count) in other.answers {
            *self.answers.entry(server).or_default() += count;
        }
        for (server, at) in other.last {
            let last = self.last.entry(server).or_default();
            *last = at.max(*last);
        }
        self.refused += other.refused;
        self.broken += other.broken;
        self.failures.extend(other.failures);
    }
}

enum Failure {
    Refused(io::Error),
    Broken(io::Error),
}

impl Requests {
    /// Runs all clients until they are to end.
    ///
    /// # Errors
    ///
    /// [`Error::File`], when a client cannot be started.
    pub fn run(&self) -> Result<Requested, Error> {
        let (stop, start) = (Arc::new(AtomicBool::new(false)), Instant::now());
        let answered = Arc::new(core::sync::atomic::AtomicU64::new(0));
        let mut clients = Vec::new();
        for number in 0..self.clients {
            let (stop, answered, all) = (Arc::clone(&stop), Arc::clone(&answered), self.clone());
            let from = Ipv4Addr::from_bits(FIRST.to_bits() + u32::from(number));
            let client = move || all.client(from, start, &stop, &answered);
            let small = thread::Builder::new().stack_size(256 * 1024);
            clients.push(small.spawn(client).map_err(Error::file("a client's thread"))?);
        }
        let mut told = false;
        while !self.until.exists() {
            if !told && answered.load(Relaxed) >= clients.len() as u64 {
                // Whoever waits for it sees that it is missing.
                told = std::fs::write(&self.ready, "").is_ok();
            }
            thread::sleep(Duration::from_millis(10));
        }
        stop.store(true, Relaxed);
        let mut sum = Requested::default();
        clients.into_iter().filter_map(|one| one.join().ok()).for_each(|one| sum.add(one));
        sum.failures.sort();
        sum.failures.truncate(TOLD);
        Ok(sum)
    }

    fn client(
        &self,
        from: Ipv4Addr,
        start: Instant,
        stop: &AtomicBool,
        answered: &core::sync::atomic::AtomicU64,
    ) -> Requested {
        let mut result = Requested::default();
        while !stop.load(Relaxed) {
            let asked = self.ask(from);
            let at = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
            match asked {
                Ok(server) => {
                    if result.answers.is_empty() {
                        answered.fetch_add(1, Relaxed);
                    }
                    result.last.insert(server.clone(), at);
                    *result.answers.entry(server).or_default() += 1;
                }
                Err(Failure::Refused(error)) => {
                    result.refused += 1;
                    result.failures.push((at, format!("refused: {error}")));
                }
                Err(Failure::Broken(error)) => {
                    result.broken += 1;
                    result.failures.push((at, format!("broken: {error}")));
                }
            }
            result.failures.truncate(TOLD);
            thread::sleep(Duration::from_millis(self.pause));
        }
        result
    }

    /// One request; the first word of its answer is the server's name.
    fn ask(&self, from: Ipv4Addr) -> Result<String, Failure> {
        let mut stream = self.connect(from).map_err(Failure::Refused)?;
        let mut answer = String::new();
        let mut exchange = || {
            stream.write_all(b"GET / HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n")?;
            stream.read_to_string(&mut answer)
        };
        exchange().map_err(Failure::Broken)?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer.as_str(), ""));
        match body.split_whitespace().next() {
            Some(server) if head.contains(" 200 ") => Ok(server.to_owned()),
            _ => {
                let line = head.lines().next().unwrap_or("closed without an answer").to_owned();
                Err(Failure::Broken(io::Error::other(line)))
            }
        }
    }

    fn connect(&self, from: Ipv4Addr) -> io::Result<TcpStream> {
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
        rustix::net::sockopt::set_socket_timeout(
            &socket,
            rustix::net::sockopt::Timeout::Send,
            Some(PATIENCE),
        )?;
        bind(&socket, &SocketAddrV4::new(from, 0))?;
        // The time limit for sending is the one for connecting as well (socket(7)).
        connect(&socket, &self.to)?;
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(stream)
    }
}

/// Gives the client's host an address for each of so many clients.
///
/// # Errors
///
/// [`Error::Command`].
pub fn give_addresses(host: Namespace, clients: u8) -> Result<(), Error> {
    let last = FIRST.octets()[3] + clients - 1;
    let line = format!(
        "for n in $(seq {} {last}); do ip addr replace 198.51.100.$n/24 dev eth0; done",
        FIRST.octets()[3]
    );
    host.must(&["bash", "-c", &line]).map(|_| ())
}

/// Clients at work in the client's namespace.
#[derive(Debug)]
pub struct Requesting {
    task: Task,
    until: String,
}

impl Requesting {
    /// Starts so many clients, who wait so many milliseconds between two requests, and waits
    /// until each has had an answer.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn start(clients: u8, pause: u64) -> Result<Self, Error> {
        give_addresses(Lab::CLIENT, clients)?;
        let (until, ready) =
            (format!("{FOLDER}/requests.until"), format!("{FOLDER}/requests.ready"));
        for file in [&until, &ready] {
            let _ = std::fs::remove_file(file);
        }
        let program = appliance::program("tandem-lab").display().to_string();
        let (to, clients) = (format!("{VIP}:80"), clients.to_string());
        let pause = pause.to_string();
        let words = [
            program.as_str(),
            "requests",
            "--to",
            &to,
            "--clients",
            &clients,
            "--pause",
            &pause,
            "--until",
            &until,
            "--ready",
            &ready,
        ];
        let task = Lab::CLIENT.spawn(&words)?;
        wait_until("every client has had an answer", 60, || Path::new(&ready).exists())?;
        Ok(Requesting { task, until })
    }

    /// Has the clients end; what came of their requests.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn finish(self) -> Result<Requested, Error> {
        crate::namespace::write(&self.until, "")?;
        let output = self.task.finish()?;
        serde_json::from_str(&output.stdout).map_err(|_| Error::Command {
            command: "tandem-lab requests".to_owned(),
            words: output.words(),
        })
    }
}
