//! A virtual machine.

use core::time::Duration;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::disk::Partition;
use super::{Hardware, Stick, artefact, key};
use crate::namespace::{Namespace, Output, Task, must};
use crate::topology::Lab;
use crate::{Error, FOLDER, wait_until};

/// How long an emulated machine on a busy host may take for one step of its start.
const SECONDS: u64 = 400;

/// Between two looks: each is a command that an emulated machine runs.
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);

/// A virtual machine, on or off. Its disk is gone with it.
#[derive(Debug)]
pub struct Machine {
    hardware: Hardware,
    disk: String,
    stick: Option<String>,
    process: Option<Task>,
    sticks: u32,
}

impl Machine {
    const SWITCH: Namespace = Lab::SWITCH;

    /// One that is off, with the image on its disk and a stick in it.
    ///
    /// # Errors
    ///
    /// [`Error`], when there is no image or no room.
    pub fn new(hardware: Hardware, stick: Option<&Stick>) -> Result<Self, Error> {
        let name = hardware.name;
        let disk = format!("{FOLDER}/{name}.img");
        let image = artefact(".img.zst")?.display().to_string();
        must(&["zstd", "--quiet", "--decompress", "--force", "--sparse", &image, "-o", &disk])?;
        must(&["truncate", "-s", "2G", &disk])?;
        let stick = stick.map(|stick| stick.write(&format!("{name}-0"))).transpose()?;
        for side in ["public", "private", "management"] {
            let port = format!("{name}-{side}-v");
            let switch = Self::SWITCH.0;
            must(&["ip", "-n", switch, "tuntap", "add", "dev", &port, "mode", "tap"])?;
            must(&["ip", "-n", switch, "link", "set", &port, "up", "master", side])?;
        }
        Ok(Machine { hardware, disk, stick, process: None, sticks: 0 })
    }

    /// Switches it on.
    ///
    /// # Errors
    ///
    /// [`Error::Start`].
    pub fn power_on(&mut self) -> Result<(), Error> {
        // A connection to the machine as it was would hang.
        let _ = fs::remove_file(self.hardware.file("ssh"));
        let words = self.hardware.words(&self.disk, self.stick.as_deref());
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        // Each start has a record of its own.
        let _ = fs::remove_file(self.hardware.file("console"));
        self.process = Some(Self::SWITCH.spawn(&words)?);
        Ok(())
    }

    /// Cuts its power.
    pub fn power_off(&mut self) {
        self.process = None;
    }

    /// True while it is on.
    pub fn is_on(&mut self) -> bool {
        self.process.as_mut().is_some_and(Task::runs)
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.hardware.name
    }

    /// Its real address on the public side.
    pub fn public(&self) -> String {
        format!("198.51.100.{}", 1 + self.hardware.number())
    }

    /// The Ethernet address of a NIC: 0 for management, 1 the public side, 2 the private one.
    pub fn mac(&self, nic: u8) -> String {
        self.hardware.mac(nic)
    }

    /// Its address for management.
    pub fn management(&self) -> String {
        format!("192.0.2.1{}", self.hardware.number())
    }

    /// Puts a stick into a machine that is on.
    ///
    /// # Errors
    ///
    /// [`Error`], when the machine does not take it.
    pub fn plug(&mut self, stick: &Stick) -> Result<(), Error> {
        self.sticks += 1;
        let number = self.sticks;
        let image = stick.write(&format!("{}-{number}", self.hardware.name))?;
        self.monitor(&format!("drive_add 0 if=none,id=stick{number},file={image},format=raw"))?;
        self.monitor(&format!("device_add usb-storage,drive=stick{number},id=usb{number}"))
    }

    /// Says a line to QEMU's monitor.
    fn monitor(&self, line: &str) -> Result<(), Error> {
        let path = self.hardware.file("monitor");
        let talk = || {
            let mut stream = UnixStream::connect(&path)?;
            writeln!(stream, "{line}\nquit-not")?;
            // The answer to a word that there is not comes after the answer to the line.
            let mut heard = String::new();
            for said in BufReader::new(stream).lines() {
                heard += &said?;
                if heard.contains("unknown command") {
                    break;
                }
            }
            Ok(heard)
        };
        let heard: String = talk().map_err(Error::file(&path))?;
        if heard.contains("Error") {
            return Err(Error::Command { command: line.to_owned(), words: plain(&heard) });
        }
        Ok(())
    }

    /// Changes a bit of the first block of a partition of its disk, which is off.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn damage(&self, partition: &str) -> Result<(), Error> {
        Partition::find(&self.disk, partition)?.damage()
    }

    /// Overwrites the first 16 MiB of a partition of its disk, which is off.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn wipe(&self, partition: &str) -> Result<(), Error> {
        Partition::find(&self.disk, partition)?.wipe()
    }

    /// Takes the stick out of a machine that is off.
    pub fn take_stick_out(&mut self) {
        self.stick = None;
    }

    /// Chooses a line of GRUB's menu, counted from 0.
    ///
    /// # Errors
    ///
    /// [`Error`], when there is no menu.
    pub fn choose(&self, line: usize) -> Result<(), Error> {
        // The menu stays for 3 seconds, unless a key is pressed.
        wait_until("GRUB shows its menu", SECONDS, || self.console().contains("reset to factory"))?;
        for _ in 0..line {
            self.monitor("sendkey down")?;
        }
        self.monitor("sendkey ret")
    }

    /// Copies a file of the host into it.
    ///
    /// # Errors
    ///
    /// [`Error::Command`].
    pub fn copy(&self, from: &Path, to: &str) -> Result<(), Error> {
        let ssh = self.ssh(&format!("'cat > {to}'")).join(" ");
        let line = format!("{ssh} < {}", from.display());
        Self::SWITCH.must(&["bash", "-c", &line]).map(|_| ())
    }

    /// What its serial console has shown since it was switched on.
    pub fn console(&self) -> String {
        let bytes = fs::read(self.hardware.file("console")).unwrap_or_default();
        plain(&String::from_utf8_lossy(&bytes))
    }

    /// Waits until its console has shown these words.
    ///
    /// # Errors
    ///
    /// [`Error::Waited`], with the console's last lines.
    pub fn await_console(&self, words: &str) -> Result<(), Error> {
        self.wait(&format!("its console shows \"{words}\""), || self.console().contains(words))
    }

    /// Waits for a condition of this machine.
    ///
    /// # Errors
    ///
    /// [`Error::Waited`], with the console's last lines.
    pub fn wait(&self, what: &str, mut condition: impl FnMut() -> bool) -> Result<(), Error> {
        let what = format!("of machine {}, {what}", self.hardware.name);
        let patiently = || {
            let is_met = condition();
            if !is_met {
                std::thread::sleep(BETWEEN_LOOKS);
            }
            is_met
        };
        wait_until(&what, SECONDS, patiently).map_err(|error| match error {
            Error::Waited { seconds, what, .. } => {
                let console = self.console();
                let lines: Vec<&str> = console.lines().collect();
                let last = lines.len().saturating_sub(40);
                Error::Waited { seconds, what, words: format!("\n{}", lines[last..].join("\n")) }
            }
            other => other,
        })
    }

    /// The words that run a command in it over SSH.
    fn ssh(&self, command: &str) -> Vec<String> {
        let name = self.hardware.name;
        let line = format!(
            "ssh -q -i {} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
             -o ConnectTimeout=20 -o BatchMode=yes -o ControlMaster=auto \
             -o ControlPath={FOLDER}/{name}.ssh -o ControlPersist=60 root@{}",
            key(),
            self.management()
        );
        line.split_whitespace().map(str::to_owned).chain([command.to_owned()]).collect()
    }

    /// Runs a line of shell in it, whatever the end.
    ///
    /// # Errors
    ///
    /// [`Error::Start`].
    pub fn run(&self, command: &str) -> Result<Output, Error> {
        let words = self.ssh(command);
        Self::SWITCH.run(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Runs a line of shell that has to succeed; what it wrote.
    ///
    /// # Errors
    ///
    /// [`Error::Command`].
    pub fn must(&self, command: &str) -> Result<String, Error> {
        let output = self.run(command)?;
        if output.ok() {
            return Ok(output.stdout);
        }
        let command = format!("{command} in machine {}", self.hardware.name);
        Err(Error::Command { command, words: output.words() })
    }

    /// Waits until one can log in.
    ///
    /// # Errors
    ///
    /// [`Error::Waited`].
    pub fn await_login(&self) -> Result<(), Error> {
        self.wait("one can log in", || self.run("true").is_ok_and(|output| output.ok()))
    }

    /// Waits until the line of `tandem status --brief` says this.
    ///
    /// # Errors
    ///
    /// [`Error::Waited`].
    pub fn await_status(&self, words: &str) -> Result<(), Error> {
        self.await_login()?;
        let mut last = String::new();
        let result = self.wait(&format!("its status says \"{words}\""), || {
            last = self.run("tandem status --brief").map_or(String::new(), |o| o.words());
            last.contains(words)
        });
        result.map_err(|error| match error {
            Error::Waited { seconds, what, words } => {
                Error::Waited { seconds, what, words: format!(": it says {last}{words}") }
            }
            other => other,
        })
    }
}

/// A text without the sequences that place it on a terminal.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' => {
                if characters.next_if_eq(&'[').is_some() {
                    let _ = characters.by_ref().find(char::is_ascii_alphabetic);
                }
            }
            '\r' => {}
            other => plain.push(other),
        }
    }
    plain
}
