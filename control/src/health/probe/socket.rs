//! Sockets of probes, from the machine's real address on the side of the servers.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::os::fd::AsFd;

use nix::sys::socket::{setsockopt, sockopt};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::time::{Instant, timeout_at};

use crate::health::outcome::Outcome;
use crate::health::report::Code;

/// Opens a TCP connection.
///
/// It ends with a reset: a probe keeps no port of this machine in TIME-WAIT, of which 500 probes a
/// second would leave 30,000. And it takes no port of its own before the connection: the same one
/// serves for many servers.
pub async fn connect(
    local: Ipv4Addr,
    to: SocketAddrV4,
    deadline: Instant,
) -> Result<TcpStream, Outcome> {
    let socket = open(local).map_err(|error| failure(&error))?;
    match timeout_at(deadline, socket.connect(SocketAddr::V4(to))).await {
        Err(_) => Err(Outcome::silent(Code::L4Timeout, "no answer to the opening of a connection")),
        Ok(Err(error)) => Err(failure(&error)),
        Ok(Ok(stream)) => Ok(stream),
    }
}

fn open(local: Ipv4Addr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_zero_linger()?;
    socket.set_nodelay(true)?;
    if !local.is_unspecified() {
        setsockopt(&socket.as_fd(), sockopt::IpBindAddressNoPort, &true)?;
        socket.bind(SocketAddr::V4(SocketAddrV4::new(local, 0)))?;
    }
    Ok(socket)
}

/// A UDP socket of one peer, which hears of refusals.
pub async fn udp(local: Ipv4Addr, to: SocketAddrV4) -> Result<UdpSocket, Outcome> {
    let open = async {
        let socket = UdpSocket::bind(SocketAddr::V4(SocketAddrV4::new(local, 0))).await?;
        socket.connect(SocketAddr::V4(to)).await?;
        Ok::<_, io::Error>(socket)
    };
    open.await.map_err(|error| failure(&error))
}

/// What a failed call on a socket says of the server.
pub fn failure(error: &io::Error) -> Outcome {
    use io::ErrorKind as Kind;
    match error.kind() {
        Kind::ConnectionRefused => Outcome::failed(Code::L4Connection, "connection refused"),
        Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe => {
            Outcome::failed(Code::L4Connection, "connection reset")
        }
        Kind::TimedOut => Outcome::silent(Code::L4Timeout, "no answer"),
        Kind::HostUnreachable => Outcome::silent(Code::L4Connection, "host unreachable"),
        Kind::NetworkUnreachable => Outcome::silent(Code::L4Connection, "network unreachable"),
        // No address, no descriptor, no memory, no permission: all of it is this machine's.
        _ => Outcome::local(error.to_string()),
    }
}
