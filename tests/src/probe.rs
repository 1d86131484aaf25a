//! A probe: a datagram to the virtual IP's echo every millisecond, and what came back.

use core::time::Duration;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::time::Instant;

use rustix::net::sockopt::set_socket_recv_buffer_size_force;
use serde::{Deserialize, Serialize};

use crate::{Error, Lab, Task, VIP, appliance, wait_until};

/// What came of a probe.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Probed {
    pub sent: u64,
    /// Datagrams that came back.
    pub received: u64,
    /// The longest time between two that came back, in microseconds; as far as the probe
    /// itself was on time.
    pub gap_micros: u64,
    /// The longest time between two that were sent: how late the probe itself was.
    pub late_micros: u64,
}

/// How to probe.
#[derive(Clone, Debug, clap::Args)]
pub struct Probe {
    /// Where the echo is.
    #[arg(long)]
    pub to: SocketAddr,
    /// Datagrams a second.
    #[arg(long, default_value_t = 1000)]
    pub rate: u32,
    /// Ends when this file is there, half a second after the last datagram.
    #[arg(long)]
    pub until: std::path::PathBuf,
    /// Is written once the first one has come back.
    #[arg(long)]
    pub ready: std::path::PathBuf,
}

impl Probe {
    /// Probes until it is told to end.
    ///
    /// # Errors
    ///
    /// [`Error::File`] for its socket.
    pub fn run(&self) -> Result<Probed, Error> {
        let failed = || Error::file(format!("the probe's socket to {}", self.to));
        let socket = UdpSocket::bind("0.0.0.0:0").map_err(failed())?;
        socket.connect(self.to).map_err(failed())?;
        patient(&socket).map_err(failed())?;
        let sender = socket.try_clone().map_err(failed())?;
        socket.set_read_timeout(Some(Duration::from_millis(500))).map_err(failed())?;
        let (rate, until) = (self.rate, self.until.clone());
        let sending = std::thread::spawn(move || send(&sender, rate, &until));
        let mut probed = self.receive(&socket, || sending.is_finished());
        let (sent, late) = sending.join().unwrap_or_default();
        (probed.sent, probed.late_micros) = (sent, late);
        Ok(probed)
    }

    fn receive(&self, socket: &UdpSocket, ended: impl Fn() -> bool) -> Probed {
        let (mut probed, mut last, mut buffer) = (Probed::default(), None, [0; 64]);
        // One that comes twice makes up for none that is missing.
        let mut seen = std::collections::HashSet::new();
        loop {
            match socket.recv(&mut buffer) {
                Ok(length) if seen.insert(buffer.get(..length).unwrap_or_default().to_vec()) => {
                    let now = Instant::now();
                    let gap = last.map_or(0, |last| micros(now, last));
                    probed.gap_micros = probed.gap_micros.max(gap);
                    probed.received += 1;
                    last = Some(now);
                    if probed.received == 1 {
                        // Whoever waits for it sees that it is missing.
                        let _ = std::fs::write(&self.ready, "");
                    }
                }
                Ok(_) => {}
                // An ICMP error about a datagram is a datagram lost.
                Err(_) if ended() => return probed,
                Err(_) => {}
            }
        }
    }
}

fn micros(now: Instant, before: Instant) -> u64 {
    u64::try_from(now.duration_since(before).as_micros()).unwrap_or(u64::MAX)
}

/// Sends at a steady rate; how many, and the longest time between two.
fn send(socket: &UdpSocket, rate: u32, until: &Path) -> (u64, u64) {
    let interval = Duration::from_secs(1) / rate.max(1);
    let (mut sent, mut late, mut last) = (0u64, 0, Instant::now());
    let mut due = last;
    while !until.exists() {
        // A look at the file costs more than a datagram: one for every ten.
        for _ in 0..10 {
            let _ = socket.send(&sent.to_be_bytes());
            sent += 1;
            let now = Instant::now();
            late = late.max(micros(now, last));
            last = now;
            due = (due + interval).max(now);
            std::thread::sleep(due - now);
        }
    }
    (sent, late)
}

/// A probe that runs in the client's namespace, and the echo server behind it.
#[derive(Debug)]
pub struct Probing {
    echo: Task,
    probe: Task,
    until: String,
}

impl Probing {
    /// Starts both, and waits until datagrams come back.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn start(rate: u32) -> Result<Self, Error> {
        let (until, ready) =
            (format!("{}/probe.until", crate::FOLDER), format!("{}/probe.ready", crate::FOLDER));
        for file in [&until, &ready] {
            let _ = std::fs::remove_file(file);
        }
        let program = appliance::program("tandem-lab").display().to_string();
        let echo = Lab::S2.spawn(&[&program, "echo", "--listen", "10.0.0.12:7"])?;
        // Or the first datagrams find nobody, and are no loss of the appliance's.
        wait_until("the echo has its socket", 20, || {
            let sockets = Lab::S2.run(&["ss", "-unlH"]);
            sockets.is_ok_and(|sockets| sockets.stdout.contains("10.0.0.12:7 "))
        })?;
        let (to, rate) = (format!("{VIP}:7"), rate.to_string());
        let words = ["probe", "--to", &to, "--rate", &rate, "--until", &until, "--ready", &ready];
        let probe = Lab::CLIENT.spawn(&[&[program.as_str()], &words[..]].concat())?;
        wait_until("the probe's datagrams come back", 20, || Path::new(&ready).exists())?;
        Ok(Probing { echo, probe, until })
    }

    /// Ends the probe and tells what came of it.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn finish(self) -> Result<Probed, Error> {
        crate::namespace::write(&self.until, "")?;
        let output = self.probe.finish()?;
        drop(self.echo);
        serde_json::from_str(&output.stdout).map_err(|_| Error::Command {
            command: "tandem-lab probe".to_owned(),
            words: output.words(),
        })
    }
}

/// What a socket may keep of datagrams that nobody has taken yet: more than a second of
/// them, or a reader that a shared machine lets wait loses what the appliance did not.
const QUEUE: usize = 16 << 20;

fn patient(socket: &UdpSocket) -> std::io::Result<()> {
    Ok(set_socket_recv_buffer_size_force(socket, QUEUE)?)
}

/// Sends every datagram back.
///
/// # Errors
///
/// [`Error::File`] for its socket.
pub fn echo(listen: SocketAddr) -> Result<(), Error> {
    let socket =
        UdpSocket::bind(listen).map_err(Error::file(format!("the echo's socket {listen}")))?;
    patient(&socket).map_err(Error::file(format!("the echo's socket {listen}")))?;
    let mut buffer = vec![0; 65_535];
    loop {
        if let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let _ = socket.send_to(buffer.get(..length).unwrap_or_default(), from);
        }
    }
}
