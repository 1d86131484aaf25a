//! Carries a stream: bytes of the dataplane into messages to the peer, and back.
//!
//! Each direction holds one message at most. Whoever is slow is waited for, and the
//! exporting dataplane finds its stream full: nothing is ever dropped here.

use core::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

use super::noise::{ROOM, Receiver, Secured, Sender};
use super::{Counts, KEEPALIVE, Trouble, add};

/// Carries the stream until it ends, and says why it did. `silence` is how long the peer may say
/// nothing.
pub async fn run(
    dataplane: UnixStream,
    link: Secured,
    counts: &Counts,
    silence: Duration,
) -> Trouble {
    let (reader, writer) = dataplane.into_split();
    tokio::select! {
        ended = send(reader, link.sender, counts) => ended,
        ended = receive(link.receiver, writer, counts, silence) => ended,
    }
    .err()
    .unwrap_or(Trouble::Closed)
}

async fn send(
    mut dataplane: OwnedReadHalf,
    mut peer: Sender,
    counts: &Counts,
) -> Result<(), Trouble> {
    let mut plain = vec![0; ROOM];
    loop {
        // Reading loses nothing when it is cut short.
        let length = match timeout(KEEPALIVE, dataplane.read(&mut plain)).await {
            Ok(Ok(0)) => return Err(Trouble::Dataplane("it closed the stream".to_owned())),
            Ok(Ok(first)) => first + fill(&dataplane, &mut plain, first),
            Ok(Err(error)) => return Err(Trouble::Dataplane(error.to_string())),
            Err(_) => 0,
        };
        peer.send(plain.get(..length).unwrap_or_default()).await?;
        add(&counts.sent, length as u64);
    }
}

/// Takes along what else the dataplane has written meanwhile.
fn fill(dataplane: &OwnedReadHalf, plain: &mut [u8], first: usize) -> usize {
    let mut filled = first;
    while let Some(rest) = plain.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match dataplane.try_read(rest) {
            // An end or an error is found again by the next read.
            Ok(0) | Err(_) => break,
            Ok(count) => filled += count,
        }
    }
    filled - first
}

async fn receive(
    mut peer: Receiver,
    mut dataplane: OwnedWriteHalf,
    counts: &Counts,
    silence: Duration,
) -> Result<(), Trouble> {
    let mut plain = Vec::with_capacity(ROOM);
    loop {
        // The time that our own dataplane takes is no silence of the peer.
        timeout(silence, peer.receive(&mut plain)).await.unwrap_or(Err(Trouble::Silent))?;
        let written = dataplane.write_all(&plain).await;
        written.map_err(|_| Trouble::Dataplane("it closed the stream".to_owned()))?;
        add(&counts.received, plain.len() as u64);
    }
}
