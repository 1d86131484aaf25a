//! A socket that sends ICMP echo requests and receives the replies.

use std::io;
use std::net::{IpAddr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

/// A socket for echoes to and from one address.
///
/// It is the kind that any user may have, where the system allows it
/// (`net.ipv4.ping_group_range`); else a raw one, which takes CAP_NET_RAW.
#[derive(Debug)]
pub struct EchoSocket {
    /// The ICMP socket; tokio has one type for all sockets of datagrams.
    socket: UdpSocket,
    is_v6: bool,
    is_raw: bool,
    identifier: u16,
}

/// The length of an echo request in bytes.
const ECHO: usize = 16;

impl EchoSocket {
    /// Opens a socket for echo requests to this address.
    ///
    /// # Errors
    /// When the system allows neither kind.
    pub fn open(address: IpAddr) -> io::Result<Self> {
        EchoSocket::open_from(None, address)
    }

    /// From one of this machine's addresses, to this one.
    ///
    /// # Errors
    /// When the system allows neither kind, or the first address is not this machine's.
    pub fn open_from(local: Option<IpAddr>, address: IpAddr) -> io::Result<Self> {
        let (domain, protocol) = match address {
            IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4),
            IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6),
        };
        let open = |kind| Socket::new(domain, kind, Some(protocol));
        let (socket, is_raw) = match open(Type::DGRAM) {
            Ok(socket) => (socket, false),
            Err(_) => (open(Type::RAW)?, true),
        };
        socket.set_nonblocking(true)?;
        if let Some(local) = local {
            socket.bind(&SocketAddr::new(local, 0).into())?;
        }
        socket.connect(&SocketAddr::new(address, 0).into())?;
        Ok(EchoSocket {
            socket: UdpSocket::from_std(socket.into())?,
            is_v6: address.is_ipv6(),
            is_raw,
            // Other raw sockets of the machine see our answers, and we see theirs.
            identifier: std::process::id() as u16,
        })
    }

    /// Sends an echo request of this number.
    ///
    /// # Errors
    /// When it cannot be sent.
    pub async fn send(&self, sequence: u16) -> io::Result<()> {
        self.socket.send(&request(self.is_v6, self.identifier, sequence)).await.map(|_| ())
    }

    /// The number of the next answer; none if something else came.
    ///
    /// # Errors
    /// When the socket fails, or an earlier request was refused.
    pub async fn receive(&self) -> io::Result<Option<u16>> {
        let mut packet = [0; 256];
        let length = self.socket.recv(&mut packet).await?;
        let packet = packet.get(..length).unwrap_or_default();
        // Only this kind shows the header of IPv4.
        let echo = if self.is_raw && !self.is_v6 { behind_header(packet) } else { packet };
        // The system gives others their own identifier.
        let identifier = self.is_raw.then_some(self.identifier);
        Ok(answer(self.is_v6, identifier, echo))
    }
}

fn behind_header(packet: &[u8]) -> &[u8] {
    let header = packet.first().map_or(0, |first| usize::from(first & 15) * 4);
    packet.get(header..).unwrap_or_default()
}

/// An echo request. ICMPv6's checksum is the system's to fill in.
fn request(is_v6: bool, identifier: u16, sequence: u16) -> [u8; ECHO] {
    let mut packet = [0; ECHO];
    packet[0] = if is_v6 { 128 } else { 8 };
    packet[4..6].copy_from_slice(&identifier.to_be_bytes());
    packet[6..8].copy_from_slice(&sequence.to_be_bytes());
    if !is_v6 {
        let sum = packet
            .chunks_exact(2)
            .fold(0_u32, |sum, pair| sum + u32::from(pair[0]) * 256 + u32::from(pair[1]));
        let folded = (sum & 0xffff) + (sum >> 16);
        packet[2..4].copy_from_slice(&(!(folded as u16)).to_be_bytes());
    }
    packet
}

/// The sequence number of an echo reply.
fn answer(is_v6: bool, identifier: Option<u16>, packet: &[u8]) -> Option<u16> {
    let [kind, _, _, _, i0, i1, s0, s1, ..] = packet else { return None };
    let is_ours = identifier.is_none_or(|own| u16::from_be_bytes([*i0, *i1]) == own);
    let is_reply = *kind == if is_v6 { 129 } else { 0 };
    (is_reply && is_ours).then(|| u16::from_be_bytes([*s0, *s1]))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn the_loopback_address_answers() {
        let Ok(socket) = EchoSocket::open("127.0.0.1".parse().unwrap()) else {
            // Neither kind is allowed to this user.
            return;
        };
        socket.send(77).await.unwrap();
        // A raw socket sees its own request first.
        let answered = async {
            loop {
                if let Some(number) = socket.receive().await.unwrap() {
                    return number;
                }
            }
        };
        let number = tokio::time::timeout(Duration::from_secs(5), answered).await.unwrap();
        assert_eq!(number, 77);
    }

    #[test]
    fn requests_have_the_right_checksum() {
        let packet = request(false, 0x1234, 0xfffe);
        let sum: u32 =
            packet.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
        assert_eq!((sum & 0xffff) + (sum >> 16), 0xffff);
    }

    #[test]
    fn only_replies_to_us_are_answers() {
        let reply = |kind: u8| [kind, 0, 0, 0, 1, 2, 0, 9];
        assert_eq!(answer(false, None, &reply(0)), Some(9));
        assert_eq!(answer(false, Some(0x0102), &reply(0)), Some(9));
        assert_eq!(answer(false, Some(0x0103), &reply(0)), None);
        assert_eq!(answer(false, None, &reply(8)), None);
        assert_eq!(answer(true, None, &reply(129)), Some(9));
        assert_eq!(answer(false, None, &[0; 7]), None);
        assert_eq!(behind_header(&[0x46; 30]), &[0x46; 6]);
        assert_eq!(behind_header(&[0x4f; 8]), &[0_u8; 0]);
    }
}
