//! TCP: a connection can be opened, and what comes over it is as expected.

use std::net::{Ipv4Addr, SocketAddrV4};

use config::Exchange;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use super::socket;
use crate::health::outcome::Outcome;
use crate::health::report::Code;

/// How much of an answer is looked at.
const MOST: usize = 16 * 1024;
/// No pattern is longer.
const LONGEST: usize = 1024;

pub async fn probe(
    local: Ipv4Addr,
    to: SocketAddrV4,
    exchange: &Exchange,
    deadline: Instant,
) -> Outcome {
    let mut stream = match socket::connect(local, to, deadline).await {
        Ok(stream) => stream,
        Err(outcome) => return outcome,
    };
    let Exchange { send, expect } = exchange;
    let Some(expect) = expect else {
        if send.is_empty() {
            return Outcome::passed(Code::L4Ok, "connected");
        }
        return match timeout_at(deadline, stream.write_all(send)).await {
            Err(_) => Outcome::silent(Code::L7Timeout, "what is sent is not taken"),
            Ok(Err(error)) => socket::failure(&error),
            Ok(Ok(())) => Outcome::passed(Code::L4Ok, "connected"),
        };
    };
    let talk = async {
        if !send.is_empty() {
            stream.write_all(send).await?;
        }
        let mut answer = Vec::new();
        let mut looked = 0_usize;
        while answer.len() < MOST {
            let room = MOST - answer.len();
            if (&mut stream).take(room as u64).read_buf(&mut answer).await? == 0 {
                break;
            }
            // What is new, and what of it may have begun before.
            let from = looked.saturating_sub(LONGEST);
            looked = answer.len();
            if expect.occurs(answer.get(from..).unwrap_or_default()) {
                return Ok(true);
            }
        }
        Ok::<_, std::io::Error>(false)
    };
    match timeout_at(deadline, talk).await {
        Err(_) => Outcome::silent(Code::L7Timeout, format!("no \"{}\" came", shown(expect))),
        Ok(Err(error)) => socket::failure(&error),
        Ok(Ok(true)) => Outcome::passed(Code::L7Ok, "answered as expected"),
        Ok(Ok(false)) => {
            Outcome::failed(Code::L7Response, format!("the answer has no \"{}\"", shown(expect)))
        }
    }
}

/// As it is configured, and not for ever.
fn shown(pattern: &config::Pattern) -> String {
    crate::health::words::clean(&pattern.text())
}
