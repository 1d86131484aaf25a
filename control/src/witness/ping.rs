//! Pings.

use core::time::Duration;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use failover::Instant;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::PERIOD;
use crate::clock::Clock;
use crate::role::{Ask, Asker};

/// Pings the witness for as long as the driver lives, and tells it of the answers.
pub async fn run(
    witness: IpAddr,
    interval: Duration,
    mut closely: watch::Receiver<bool>,
    clock: Clock,
    driver: Asker,
) {
    loop {
        match open(witness) {
            Ok(socket) => {
                let error = ping(&socket, interval, &mut closely, clock, &driver).await;
                tracing::warn!("the witness {witness} cannot be asked: {error}");
            }
            Err(error) => tracing::warn!("no socket for the witness {witness}: {error}"),
        }
        if closely.has_changed().is_err() {
            return;
        }
        sleep(PERIOD).await;
    }
}

/// An ICMP socket as any user may have it. The system keeps its identifier, and hands it
/// the answers only.
fn open(witness: IpAddr) -> io::Result<Arc<UdpSocket>> {
    let (domain, protocol) = match witness {
        IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4),
        IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6),
    };
    let socket = Socket::new(domain, Type::DGRAM, Some(protocol)).map_err(|error| {
        let hint = "see sysctl net.ipv4.ping_group_range";
        io::Error::new(error.kind(), format!("{error} ({hint})"))
    })?;
    socket.set_nonblocking(true)?;
    socket.connect(&SocketAddr::new(witness, 0).into())?;
    // To tokio any datagram socket is alike.
    Ok(Arc::new(UdpSocket::from_std(socket.into())?))
}

async fn ping(
    socket: &UdpSocket,
    interval: Duration,
    closely: &mut watch::Receiver<bool>,
    clock: Clock,
    driver: &Asker,
) -> io::Error {
    let is_v6 = socket.peer_addr().is_ok_and(|peer| peer.is_ipv6());
    let mut sent: [(u16, Instant); 64] = [(0, Instant::default()); 64];
    let mut sequence: u16 = 0;
    loop {
        sequence = sequence.wrapping_add(1);
        let slot = usize::from(sequence) % sent.len();
        if let Some(slot) = sent.get_mut(slot) {
            *slot = (sequence, clock.now());
        }
        // A network that is down is the very thing that is to be found out.
        let _ = socket.send(&request(is_v6, sequence)).await;
        let pause = if *closely.borrow_and_update() { interval } else { PERIOD };
        let listened = timeout(pause, async {
            loop {
                tokio::select! {
                    answer = receive(socket) => match answer {
                        Ok(number) => {
                            let asked = sent.iter().find(|(n, _)| *n == number);
                            if let Some((_, at)) = asked {
                                driver.tell(Ask::Witness(*at));
                            }
                        }
                        Err(error) if is_passing(&error) => {}
                        Err(error) => return error,
                    },
                    changed = closely.changed() => match changed {
                        Ok(()) if *closely.borrow() => return io::ErrorKind::Interrupted.into(),
                        Ok(()) => {}
                        Err(_) => return io::Error::other("the driver has ended"),
                    },
                }
            }
        });
        match listened.await {
            Ok(error) if error.kind() != io::ErrorKind::Interrupted => return error,
            _ => {}
        }
    }
}

/// What ICMP errors about our pings lead to.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable, WouldBlock};
    matches!(error.kind(), ConnectionRefused | HostUnreachable | NetworkUnreachable | WouldBlock)
}

/// An echo request; the system fills in identifier and checksum.
fn request(is_v6: bool, sequence: u16) -> [u8; 16] {
    let mut packet = [0; 16];
    packet[0] = if is_v6 { 128 } else { 8 };
    packet[6..8].copy_from_slice(&sequence.to_be_bytes());
    packet
}

/// The sequence number of the next answer.
async fn receive(socket: &UdpSocket) -> io::Result<u16> {
    let mut packet = [0; 64];
    let length = socket.recv(&mut packet).await?;
    let is_reply = length >= 8 && matches!(packet[0], 0 | 129);
    let number = u16::from_be_bytes([packet[6], packet[7]]);
    if is_reply { Ok(number) } else { Err(io::ErrorKind::WouldBlock.into()) }
}
