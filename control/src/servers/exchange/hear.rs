//! Hears what the peer tells.

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{Heard, Message, SILENCE};
use crate::sync::Trouble;
use crate::sync::noise::Secured;

/// Hears on the newest connection of the peer, and hands on what it says.
pub async fn run(mut links: mpsc::Receiver<Secured>, heard: mpsc::Sender<Heard>) {
    let mut listening: Option<JoinHandle<()>> = None;
    while let Some(link) = links.recv().await {
        // The peer has given up the one before.
        if let Some(before) = listening.take() {
            before.abort();
        }
        listening = Some(tokio::spawn(listen(link, heard.clone())));
    }
}

async fn listen(link: Secured, heard: mpsc::Sender<Heard>) {
    if heard.send(Heard::Gone).await.is_err() {
        return;
    }
    let trouble = take(link, &heard).await;
    tracing::debug!("the peer tells nothing of servers any more: {trouble}");
    let _ = heard.send(Heard::Gone).await;
}

async fn take(mut link: Secured, heard: &mpsc::Sender<Heard>) -> Trouble {
    let mut plain = Vec::new();
    loop {
        match timeout(SILENCE, link.receiver.receive(&mut plain)).await {
            Ok(Ok(())) => {}
            Ok(Err(trouble)) => return trouble,
            Err(_) => return Trouble::Silent,
        }
        if plain.is_empty() {
            continue;
        }
        match serde_json::from_slice::<Message>(&plain) {
            Ok(message) => {
                if heard.send(Heard::Message(message)).await.is_err() {
                    return Trouble::Closed;
                }
                if let Err(trouble) = link.sender.send(&[]).await {
                    return trouble;
                }
            }
            Err(error) => return Trouble::Network(format!("the peer is not understood: {error}")),
        }
    }
}
