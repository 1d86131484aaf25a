//! ICMP echo.

use std::net::{IpAddr, Ipv4Addr};

use tokio::time::{Instant, timeout_at};

use super::socket;
use crate::health::outcome::Outcome;
use crate::health::report::Code;
use crate::witness::echo::EchoSocket;

pub async fn probe(local: Ipv4Addr, to: Ipv4Addr, deadline: Instant) -> Outcome {
    let socket = match EchoSocket::open_from(Some(IpAddr::V4(local)), IpAddr::V4(to)) {
        Ok(socket) => socket,
        Err(error) => return socket::failure(&error),
    };
    let sequence = match getrandom::u32() {
        Ok(random) => random as u16,
        Err(error) => return Outcome::local(error.to_string()),
    };
    if let Err(error) = socket.send(sequence).await {
        return socket::failure(&error);
    }
    let answer = async {
        loop {
            match socket.receive().await {
                Ok(Some(number)) if number == sequence => return Ok(()),
                // Another's, where the socket is a raw one.
                Ok(_) => {}
                Err(error) => return Err(error),
            }
        }
    };
    match timeout_at(deadline, answer).await {
        Err(_) => Outcome::silent(Code::L4Timeout, "no echo"),
        Ok(Err(error)) => socket::failure(&error),
        Ok(Ok(())) => Outcome::passed(Code::L4Ok, "echo answered"),
    }
}
