//! One path: a socket between two addresses, and what passed through it.
//!
//! The kernel hands only the remote end's datagrams to a connected socket. The local
//! address may come and go (the dataplane's kernel interfaces have it while the dataplane
//! runs), so the socket is made again until it can be.

use core::task::{Context, Poll};
use core::time::Duration;
use std::io::{self, ErrorKind, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;

use failover::Instant;
use nix::errno::Errno;
use nix::sys::socket::{
    self, ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt,
};
use tokio::net::UdpSocket;

use super::association::Admission;
use super::refusal::{Refusal, Refusals};
use super::seal::LIMIT;
use super::version::Version;

/// Between two attempts to make the socket.
const RETRY: Duration = Duration::from_millis(100);
/// Sent, and asked of what comes: it came through no router (RFC 5082).
const TTL: i32 = 255;

pub struct Path {
    local: SocketAddr,
    remote: SocketAddr,
    socket: Option<UdpSocket>,
    retry_at: Instant,
    trouble: Option<String>,
    /// The other end has answered that nobody listens there.
    is_refused: bool,
    pub admission: Admission,
    pub refused: Refusals,
    pub sent: u64,
    /// Heartbeats that count.
    pub received: u64,
    /// When the last of those came.
    pub heard: Option<Instant>,
    /// The version that the other end speaks, if it is not understood, and when that was seen.
    pub not_understood_version: Option<(Version, Instant)>,
}

/// A datagram as it came.
#[derive(Debug)]
pub struct Datagram<'b> {
    pub bytes: &'b [u8],
    /// It came over the link itself.
    pub is_on_link: bool,
}

impl Path {
    /// A path that is not open yet.
    #[must_use]
    pub fn new(local: IpAddr, remote: IpAddr, port: u16) -> Self {
        Path {
            local: SocketAddr::new(local, port),
            remote: SocketAddr::new(remote, port),
            socket: None,
            retry_at: Instant::default(),
            trouble: None,
            is_refused: false,
            admission: Admission::default(),
            refused: Refusals::default(),
            sent: 0,
            received: 0,
            heard: None,
            not_understood_version: None,
        }
    }

    #[must_use]
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    #[must_use]
    pub fn remote(&self) -> SocketAddr {
        self.remote
    }

    /// Why nothing comes, as far as this end can tell.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let refused = || format!("nobody listens on {}", self.remote);
        self.trouble.clone().or_else(|| self.is_refused.then(refused))
    }

    /// Makes the socket if there is none and it is time to try.
    pub fn open(&mut self, now: Instant) {
        if self.socket.is_some() || now < self.retry_at {
            return;
        }
        self.retry_at = now.plus(RETRY);
        match make(self.local, self.remote) {
            Ok(socket) => {
                self.socket = Some(socket);
                self.set_trouble(None);
            }
            Err(error) => {
                let what = match error.kind() {
                    ErrorKind::AddrNotAvailable => {
                        format!("this machine does not have {}", self.local.ip())
                    }
                    ErrorKind::AddrInUse => format!("another process uses {}", self.local),
                    _ => error.to_string(),
                };
                self.set_trouble(Some(what));
            }
        }
    }

    /// Sends, without ever waiting.
    pub fn send(&mut self, datagram: &[u8]) {
        let Some(socket) = &self.socket else { return };
        let send = || socket::send(socket.as_raw_fd(), datagram, MsgFlags::MSG_DONTWAIT);
        // That an earlier datagram was refused is told in place of sending this one.
        let sent = match send() {
            Err(Errno::ECONNREFUSED) => {
                self.is_refused = true;
                send()
            }
            result => result,
        };
        match sent {
            Ok(_) => {
                self.sent += 1;
                self.set_trouble(None);
            }
            Err(error) => {
                if matches!(error, Errno::EADDRNOTAVAIL | Errno::EINVAL) {
                    self.socket = None;
                }
                self.set_trouble(Some(format!("sending fails: {}", error.desc())));
            }
        }
    }

    fn set_trouble(&mut self, trouble: Option<String>) {
        if self.trouble == trouble {
            return;
        }
        let (local, remote) = (self.local.ip(), self.remote.ip());
        match &trouble {
            Some(what) => tracing::warn!("the path {local} to {remote} is down: {what}"),
            None => tracing::info!("the path {local} to {remote} can be used"),
        }
        self.trouble = trouble;
    }

    /// The next datagram that waits in the socket, without waiting for one.
    pub fn receive<'b>(&mut self, buffer: &'b mut [u8; LIMIT + 1]) -> Option<Datagram<'b>> {
        let socket = self.socket.as_ref()?;
        // What tokio knows of the socket may be older than what waits in it.
        let mut received = socket.try_io(tokio::io::Interest::READABLE, || read(socket, buffer));
        if received.as_ref().is_err_and(is_passing) {
            self.is_refused |= received.as_ref().is_err_and(is_refusal);
            received = read(socket, buffer);
        }
        let (length, is_on_link) = received.ok()?;
        Some(Datagram { bytes: buffer.get(..length)?, is_on_link })
    }

    /// A heartbeat that counts came.
    pub fn hear(&mut self, now: Instant) -> Option<Instant> {
        self.received += 1;
        self.is_refused = false;
        self.heard.replace(now)
    }

    /// Ready when something may wait in the socket.
    pub fn poll_readable(&self, context: &mut Context<'_>) -> Poll<()> {
        match &self.socket {
            Some(socket) => socket.poll_recv_ready(context).map(|_| ()),
            None => Poll::Pending,
        }
    }

    /// A datagram was refused that began with this version.
    pub fn refused(&mut self, refusal: Refusal, version: Option<u8>, now: Instant) {
        self.refused.count(refusal);
        if let (Refusal::Version, Some(envelope)) = (refusal, version) {
            self.not_understood_version = Some((Version { envelope, message: None }, now));
        }
    }

    /// The peer spoke in this version, and was not understood.
    pub fn not_understood(&mut self, version: Version, now: Instant) {
        let is_own = version == Version::OWN;
        self.refused.count(if is_own { Refusal::Malformed } else { Refusal::Version });
        self.not_understood_version = Some((version, now));
    }
}

/// Nothing waits as far as tokio knows, or an earlier datagram of ours was refused.
fn is_passing(error: &io::Error) -> bool {
    error.kind() == ErrorKind::WouldBlock || is_refusal(error)
}

fn is_refusal(error: &io::Error) -> bool {
    error.kind() == ErrorKind::ConnectionRefused
}

fn make(local: SocketAddr, remote: SocketAddr) -> io::Result<UdpSocket> {
    let socket = std::net::UdpSocket::bind(local)?;
    socket.set_nonblocking(true)?;
    if local.is_ipv4() {
        setsockopt(&socket, sockopt::Ipv4Ttl, &TTL)?;
        setsockopt(&socket, sockopt::Ipv4RecvTtl, &true)?;
    } else {
        setsockopt(&socket, sockopt::Ipv6Ttl, &TTL)?;
        setsockopt(&socket, sockopt::Ipv6RecvHopLimit, &true)?;
    }
    socket.connect(remote)?;
    UdpSocket::from_std(socket)
}

fn read(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<(usize, bool)> {
    let mut control = nix::cmsg_space!(i32);
    let mut slices = [IoSliceMut::new(buffer)];
    let message = recvmsg::<SockaddrStorage>(
        socket.as_raw_fd(),
        &mut slices,
        Some(&mut control),
        MsgFlags::MSG_DONTWAIT,
    )?;
    let mut is_on_link = false;
    for item in message.cmsgs()? {
        if let ControlMessageOwned::Ipv4Ttl(ttl) | ControlMessageOwned::Ipv6HopLimit(ttl) = item {
            is_on_link = ttl == TTL;
        }
    }
    Ok((message.bytes, is_on_link))
}
