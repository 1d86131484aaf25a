//! Asks an agent.

use std::net::{Ipv4Addr, SocketAddrV4};

use config::Agent;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use super::socket;
use crate::health::outcome::Outcome;
use crate::health::report::Code;
use crate::health::words;

pub async fn probe(local: Ipv4Addr, to: SocketAddrV4, agent: &Agent, deadline: Instant) -> Outcome {
    let mut stream = match socket::connect(local, to, deadline).await {
        Ok(stream) => stream,
        Err(outcome) => return outcome,
    };
    let talk = async {
        if !agent.send.is_empty() {
            stream.write_all(&agent.send).await?;
        }
        let mut answer = Vec::new();
        loop {
            if let Some(end) = answer.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
                answer.truncate(end);
                return Ok(Some(answer));
            }
            let room = words::LONGEST.saturating_sub(answer.len());
            if room == 0 || (&mut stream).take(room as u64).read_buf(&mut answer).await? == 0 {
                return Ok::<_, std::io::Error>(None);
            }
        }
    };
    match timeout_at(deadline, talk).await {
        Err(_) => Outcome::silent(Code::L7Timeout, "no line came"),
        Ok(Err(error)) => socket::failure(&error),
        // What is cut off may mean something else: "maxconn:3" of "maxconn:30".
        Ok(Ok(None)) => Outcome::failed(Code::L7Response, "the line has no end"),
        Ok(Ok(Some(line))) => judge(&line),
    }
}

fn judge(line: &[u8]) -> Outcome {
    let words = words::parse(line);
    let shown = words::clean(&String::from_utf8_lossy(line));
    let outcome = match (&words.unknown, words.health) {
        (Some(unknown), None) => {
            let text = format!("the word \"{unknown}\" is not known");
            Outcome::passed(Code::L7Response, text)
        }
        (_, Some(false)) => Outcome::failed(Code::L7Status, shown),
        _ => Outcome::passed(Code::L7Ok, shown),
    };
    outcome.with_words(words)
}
