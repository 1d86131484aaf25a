//! UDP: a datagram is not refused, or is answered.

use std::net::{Ipv4Addr, SocketAddrV4};

use config::Exchange;
use tokio::time::{Instant, timeout_at};

use super::socket;
use crate::health::outcome::Outcome;
use crate::health::report::Code;

pub async fn probe(
    local: Ipv4Addr,
    to: SocketAddrV4,
    exchange: &Exchange,
    require_reply: bool,
    deadline: Instant,
) -> Outcome {
    let socket = match socket::udp(local, to).await {
        Ok(socket) => socket,
        Err(outcome) => return outcome,
    };
    if let Err(error) = socket.send(&exchange.send).await {
        return socket::failure(&error);
    }
    let mut reply = vec![0; 65_535];
    match timeout_at(deadline, socket.recv(&mut reply)).await {
        Err(_) if require_reply => Outcome::silent(Code::L7Timeout, "no reply"),
        Err(_) => Outcome::passed(Code::L4Ok, "not refused"),
        Ok(Err(error)) => match error.kind() {
            std::io::ErrorKind::ConnectionRefused => {
                Outcome::failed(Code::L4Connection, "port unreachable")
            }
            _ => socket::failure(&error),
        },
        Ok(Ok(length)) => {
            let reply = reply.get(..length).unwrap_or_default();
            match &exchange.expect {
                Some(expect) if !expect.begins(reply) => {
                    Outcome::failed(Code::L7Response, "the reply is not as expected")
                }
                _ => Outcome::passed(Code::L7Ok, "answered"),
            }
        }
    }
}
