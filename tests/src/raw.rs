//! Frames of a scenario's own, sent as they are through a packet socket in a namespace.
//!
//! The scenario builds them with [`wire::testing::Frame`] and calls [`Namespace::send`], which
//! runs `tandem-lab send` in the namespace.

use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, LinkAddr, MsgFlags, SockFlag, SockType, sendto, socket};
use wire::MacAddress;

use crate::namespace::Task;
use crate::{Error, FOLDER, Namespace, appliance};

/// What to send.
#[derive(Clone, Debug, clap::Args)]
pub struct Send {
    /// The interface.
    #[arg(long)]
    pub interface: String,
    /// A file of frames, each behind its length in four bytes, the highest first.
    #[arg(long)]
    pub frames: PathBuf,
    /// How many frames to send, beginning anew behind the last.
    #[arg(long)]
    pub count: u64,
    /// Change some bytes of each frame at random, from this seed.
    #[arg(long)]
    pub mutate: Option<u64>,
    /// Sleep a millisecond after so many frames.
    #[arg(long)]
    pub burst: Option<u64>,
}

impl Send {
    /// Sends them.
    ///
    /// # Errors
    ///
    /// [`Error::File`] for the frames and the socket.
    pub fn run(&self) -> Result<u64, Error> {
        let path = self.frames.display().to_string();
        let frames = split(&std::fs::read(&self.frames).map_err(Error::file(path))?);
        let failed = || Error::file(format!("the packet socket of {}", self.interface));
        let link = Link::open(&self.interface).map_err(failed())?;
        let mut random = self.mutate.map(fastrand::Rng::with_seed);
        for (number, frame) in (1..=self.count).zip(frames.iter().cycle()) {
            let sent = match &mut random {
                Some(random) => link.send(&mutated(frame, random)),
                None => link.send(frame),
            };
            sent.map_err(failed())?;
            if self.burst.is_some_and(|burst| number % burst == 0) {
                std::thread::sleep(core::time::Duration::from_millis(1));
            }
        }
        Ok(self.count)
    }
}

/// A packet socket of an interface.
pub(crate) struct Link {
    socket: OwnedFd,
    address: LinkAddr,
}

impl Link {
    pub(crate) fn open(interface: &str) -> io::Result<Self> {
        let mut all = nix::ifaddrs::getifaddrs()?;
        let own = |entry: nix::ifaddrs::InterfaceAddress| {
            let is_own = entry.interface_name == interface;
            entry.address.filter(|_| is_own)?.as_link_addr().copied()
        };
        let address = all.find_map(own).ok_or(io::ErrorKind::NotFound)?;
        let socket = socket(AddressFamily::Packet, SockType::Raw, SockFlag::empty(), None)?;
        Ok(Link { socket, address })
    }

    /// The interface's own Ethernet address.
    pub(crate) fn mac(&self) -> MacAddress {
        MacAddress(self.address.addr().unwrap_or_default())
    }

    /// Sends a frame, again and again while the interface's queue is full.
    pub(crate) fn send(&self, frame: &[u8]) -> io::Result<()> {
        loop {
            match sendto(self.socket.as_raw_fd(), frame, &self.address, MsgFlags::empty()) {
                Err(Errno::ENOBUFS | Errno::EINTR) => std::thread::yield_now(),
                sent => return Ok(sent.map(|_| ())?),
            }
        }
    }
}

fn split(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk() {
        let length = u32::from_be_bytes(*length) as usize;
        let Some((frame, rest)) = rest.split_at_checked(length) else { break };
        frames.push(frame.to_vec());
        bytes = rest;
    }
    frames
}

/// Bytes of ARP that may change: the sender stays, since nobody can tell a lie there.
const ARP_BYTES: [usize; 10] = [12, 13, 14, 16, 18, 19, 21, 33, 38, 41];

/// A frame with up to three bytes behind the addresses changed, sometimes cut short, and
/// sometimes nothing but rubbish behind the addresses.
fn mutated(frame: &[u8], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut frame = frame.to_vec();
    let change = |frame: &mut Vec<u8>, at: usize, random: &mut fastrand::Rng| {
        if let Some(byte) = frame.get_mut(at) {
            *byte = random.u8(..);
        }
    };
    if frame.get(12..14) == Some(&[8, 6]) {
        let at = ARP_BYTES.get(random.usize(..ARP_BYTES.len())).copied().unwrap_or_default();
        change(&mut frame, at, random);
        return frame;
    }
    let choice = random.f32();
    if choice < 0.15 {
        frame.truncate(12);
        frame.resize(14 + random.usize(..1400), 0);
        frame.iter_mut().skip(12).for_each(|byte| *byte = random.u8(..));
        return frame;
    }
    for _ in 0..random.usize(..4) {
        let at = random.usize(12..frame.len().max(13));
        change(&mut frame, at, random);
    }
    if choice > 0.9 {
        frame.truncate(random.usize(14..frame.len().max(15)));
    }
    frame
}

impl Namespace {
    /// Sends frames through an interface, once each.
    ///
    /// # Errors
    ///
    /// [`Error::Command`], with what went wrong.
    pub fn send(self, interface: &str, frames: &[Vec<u8>]) -> Result<(), Error> {
        let output = self.spawn_send(interface, frames, frames.len(), &[])?.finish()?;
        match output.ok() {
            true => Ok(()),
            false => {
                Err(Error::Command { command: "tandem-lab send".to_owned(), words: output.words() })
            }
        }
    }

    /// Starts to send so many frames, over and over those given; `more` are words of
    /// `tandem-lab send`.
    ///
    /// # Errors
    ///
    /// [`Error::Start`].
    pub fn spawn_send(
        self,
        interface: &str,
        frames: &[Vec<u8>],
        count: usize,
        more: &[&str],
    ) -> Result<Task, Error> {
        let path = format!("{FOLDER}/{}.{interface}.frames", self.0);
        let mut file = std::fs::File::create(&path).map_err(Error::file(&path))?;
        let mut bytes = Vec::new();
        for frame in frames {
            bytes.extend((frame.len() as u32).to_be_bytes());
            bytes.extend(frame);
        }
        file.write_all(&bytes).map_err(Error::file(&path))?;
        let program = appliance::program("tandem-lab").display().to_string();
        let count = count.to_string();
        let words =
            [&program, "send", "--interface", interface, "--frames", &path, "--count", &count];
        self.spawn(&[&words[..], more].concat())
    }

    /// The Ethernet address of an interface.
    ///
    /// # Errors
    ///
    /// [`Error::Command`].
    pub fn mac(self, interface: &str) -> Result<MacAddress, Error> {
        let path = format!("/sys/class/net/{interface}/address");
        let said = self.must(&["cat", &path])?;
        said.stdout
            .trim()
            .parse()
            .map_err(|_| Error::Command { command: format!("cat {path}"), words: said.words() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_frames_is_taken_apart() {
        let bytes = [0, 0, 0, 2, 1, 2, 0, 0, 0, 0, 0, 0, 0, 1, 3, 0, 0, 0, 9];
        assert_eq!(split(&bytes), [vec![1, 2], vec![], vec![3]]);
    }

    #[test]
    fn mutants_keep_their_addresses_and_arp_its_sender() {
        let mut random = fastrand::Rng::with_seed(1);
        let (packet, mut arp) = (vec![7; 60], vec![7; 60]);
        arp.splice(12..14, [8, 6]);
        let mut changed = 0;
        for _ in 0..1000 {
            let mutant = mutated(&packet, &mut random);
            assert_eq!(mutant[..12], packet[..12]);
            changed += usize::from(mutant != packet);
            assert_eq!(mutated(&arp, &mut random)[22..32], arp[22..32]);
        }
        assert!(changed > 500);
    }
}
