//! Datagrams larger than a frame: who asks, and who answers each with itself. Either sends its
//! fragments as the kernel makes them, or the last one first.

use core::time::Duration;
use std::net::{SocketAddr, SocketAddrV4, UdpSocket};

use wire::MacAddress;
use wire::testing::Frame;

use crate::Error;
use crate::raw::Link;

/// Bytes of each datagram: three frames.
const SIZE: usize = 4000;
/// Bytes of the payload of a frame.
const FRAGMENT: usize = 1480;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How datagrams are sent.
#[derive(Clone, Debug, clap::Args)]
pub struct Sending {
    /// Send the last fragment first, over the interface eth0 to this Ethernet address.
    #[arg(long)]
    pub reversed_via: Option<MacAddress>,
}

/// Asks so often, and compares what comes back.
#[derive(Clone, Debug, clap::Args)]
pub struct Ask {
    /// The own address.
    #[arg(long)]
    pub from: std::net::Ipv4Addr,
    /// Whom.
    #[arg(long)]
    pub to: SocketAddrV4,
    /// How often.
    #[arg(long)]
    pub count: u64,
    #[command(flatten)]
    sending: Sending,
}

impl Ask {
    /// Asks; how many answers were right.
    ///
    /// # Errors
    ///
    /// [`Error::File`] for the sockets.
    pub fn run(&self) -> Result<u64, Error> {
        let failed = || Error::file(format!("the sockets to {}", self.to));
        let socket = UdpSocket::bind((self.from, 0)).map_err(failed())?;
        socket.set_read_timeout(Some(PATIENCE)).map_err(failed())?;
        let mut sender = Sender::new(&socket, &self.sending).map_err(failed())?;
        let (mut random, mut buffer) = (fastrand::Rng::new(), vec![0; 65_535]);
        let mut datagram = vec![0; SIZE];
        for right in 0..self.count {
            datagram.iter_mut().for_each(|byte| *byte = random.u8(..));
            sender.send(self.to, &datagram).map_err(failed())?;
            match socket.recv(&mut buffer) {
                Ok(length) if buffer.get(..length) == Some(&datagram) => {}
                _ => return Ok(right),
            }
        }
        Ok(self.count)
    }
}

/// Answers datagrams.
#[derive(Clone, Debug, clap::Args)]
pub struct Answer {
    /// Where.
    #[arg(long)]
    pub listen: SocketAddrV4,
    #[command(flatten)]
    sending: Sending,
}

impl Answer {
    /// Sends every datagram back.
    ///
    /// # Errors
    ///
    /// [`Error::File`] for the sockets.
    pub fn run(&self) -> Result<(), Error> {
        let failed = || Error::file(format!("the sockets at {}", self.listen));
        let socket = UdpSocket::bind(self.listen).map_err(failed())?;
        let mut sender = Sender::new(&socket, &self.sending).map_err(failed())?;
        let mut buffer = vec![0; 65_535];
        loop {
            if let Ok((length, SocketAddr::V4(from))) = socket.recv_from(&mut buffer) {
                let datagram = buffer.get(..length).unwrap_or_default();
                sender.send(from, datagram).map_err(failed())?;
            }
        }
    }
}

/// A socket, and the link for what it does not send itself.
struct Sender<'a> {
    socket: &'a UdpSocket,
    raw: Option<(Link, MacAddress, MacAddress)>,
    identification: u16,
}

impl<'a> Sender<'a> {
    fn new(socket: &'a UdpSocket, sending: &Sending) -> std::io::Result<Self> {
        let raw = match sending.reversed_via {
            Some(to) => {
                let link = Link::open("eth0")?;
                let own = link.mac();
                Some((link, own, to))
            }
            None => None,
        };
        Ok(Sender { socket, raw, identification: fastrand::u16(..) })
    }

    fn send(&mut self, to: SocketAddrV4, datagram: &[u8]) -> std::io::Result<()> {
        let Some((link, own, router)) = &self.raw else {
            return self.socket.send_to(datagram, to).map(|_| ());
        };
        let SocketAddr::V4(from) = self.socket.local_addr()? else {
            return Err(std::io::ErrorKind::Unsupported.into());
        };
        self.identification = self.identification.wrapping_add(1);
        let frame = Frame::udp((*from.ip(), from.port()), (*to.ip(), to.port()));
        let frame = frame.payload(datagram).identification(self.identification);
        let frame = frame.macs(*own, *router);
        frame.fragments(FRAGMENT).iter().rev().try_for_each(|piece| link.send(&piece.build()))
    }
}
