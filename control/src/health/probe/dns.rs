//! DNS: a query is answered with the right response code.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::str::FromStr;

use config::{Dns, Transport};
use hickory_proto::op::{Message, MessageType, OpCode, Query};
use hickory_proto::rr::{Name, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use super::socket;
use crate::health::outcome::Outcome;
use crate::health::report::Code;

pub async fn probe(local: Ipv4Addr, to: SocketAddrV4, dns: &Dns, deadline: Instant) -> Outcome {
    let (id, query) = match query(dns) {
        Ok(made) => made,
        Err(error) => return Outcome::local(error),
    };
    let answered = match dns.transport {
        Transport::Udp => {
            let socket = match socket::udp(local, to).await {
                Ok(socket) => socket,
                Err(outcome) => return outcome,
            };
            timeout_at(deadline, over_udp(&socket, &query, id)).await
        }
        Transport::Tcp => {
            let mut stream = match socket::connect(local, to, deadline).await {
                Ok(stream) => stream,
                Err(outcome) => return outcome,
            };
            timeout_at(deadline, over_tcp(&mut stream, &query)).await
        }
    };
    match answered {
        Err(_) => Outcome::silent(Code::L7Timeout, "no answer"),
        Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Outcome::failed(Code::L7Response, "closed without an answer")
        }
        Ok(Err(error)) => socket::failure(&error),
        Ok(Ok(answer)) => judge(dns, id, &answer),
    }
}

/// A query and its identifier.
fn query(dns: &Dns) -> Result<(u16, Vec<u8>), String> {
    let mut name = Name::from_str(&dns.name).map_err(|error| error.to_string())?;
    name.set_fqdn(true);
    let id = getrandom::u32().map_err(|error| error.to_string())? as u16;
    let mut message = Message::new();
    message
        .set_id(id)
        .set_message_type(MessageType::Query)
        .set_op_code(OpCode::Query)
        .set_recursion_desired(true)
        .add_query(Query::query(name, RecordType::from(dns.record.number())));
    message.to_vec().map(|bytes| (id, bytes)).map_err(|error| error.to_string())
}

/// The answer of this identifier; what else comes is not for us.
async fn over_udp(socket: &tokio::net::UdpSocket, query: &[u8], id: u16) -> io::Result<Vec<u8>> {
    socket.send(query).await?;
    let mut answer = vec![0; 65_535];
    loop {
        let length = socket.recv(&mut answer).await?;
        if length >= 2 && answer.starts_with(&id.to_be_bytes()) {
            answer.truncate(length);
            return Ok(answer);
        }
    }
}

async fn over_tcp(stream: &mut tokio::net::TcpStream, query: &[u8]) -> io::Result<Vec<u8>> {
    let length = u16::try_from(query.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes()[..], query].concat()).await?;
    let mut answer = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}

fn judge(dns: &Dns, id: u16, answer: &[u8]) -> Outcome {
    // A DNS server may cut its answer short to fit: the header and the question are enough.
    let answer = match Message::from_vec(answer) {
        Ok(answer) => answer,
        Err(error) => return Outcome::failed(Code::L7Response, format!("no DNS message: {error}")),
    };
    if answer.id() != id || answer.message_type() != MessageType::Response {
        return Outcome::failed(Code::L7Response, "no answer to the query");
    }
    let code = answer.response_code();
    let shown = code_name(u16::from(code));
    match dns.rcode {
        Some(expected) if u16::from(code) != expected.number() => {
            Outcome::failed(Code::L7Status, shown)
        }
        _ => Outcome::passed(Code::L7Ok, shown),
    }
}

fn code_name(number: u16) -> String {
    let known = config::Rcode::BY_NAME.iter().find(|(_, rcode)| rcode.number() == number);
    known.map_or(format!("response code {number}"), |(name, _)| (*name).to_owned())
}
