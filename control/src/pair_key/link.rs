//! The peer's end: carries out what the machine orders on which the command runs.

use core::time::Duration;
use std::sync::Arc;

use api::KeyStep;
use tokio::sync::mpsc;
use tokio::time::timeout;
use zeroize::{Zeroize, Zeroizing};

use super::keeper::{Change, Keeper};
use super::message::{Answer, Order, Secret, What};
use crate::sync::Trouble;
use crate::sync::noise::Secured;

/// Who says nothing for so long is let go.
const SILENCE: Duration = Duration::from_secs(30);

/// Serves the peer's connections, each for itself.
pub async fn run(mut links: mpsc::Receiver<Secured>, keeper: Arc<Keeper>) {
    while let Some(link) = links.recv().await {
        let keeper = Arc::clone(&keeper);
        tokio::spawn(async move {
            if let Err(trouble) = serve(link, &keeper).await {
                tracing::debug!("the peer's connection about keys has ended: {trouble}");
            }
        });
    }
}

async fn serve(mut link: Secured, keeper: &Keeper) -> Result<(), Trouble> {
    loop {
        // A key may be in it.
        let mut plain = Zeroizing::new(Vec::new());
        timeout(SILENCE, link.receiver.receive(&mut plain))
            .await
            .unwrap_or(Err(Trouble::Silent))?;
        if plain.is_empty() {
            continue;
        }
        let order: Order = serde_json::from_slice(&plain)
            .map_err(|error| Trouble::Network(format!("the peer is not understood: {error}")))?;
        plain.zeroize();
        let change = match order.what {
            What::Look => Change::Step(KeyStep::Look),
            What::Accept(Secret(key)) => Change::Accept(key),
            What::Use(name) => Change::Step(KeyStep::Use(name)),
            What::Forget(name) => Change::Step(KeyStep::Forget(name)),
        };
        let answer = match keeper.carry_out(order.run, change, "the other machine").await {
            Ok(state) => Answer::State(state),
            Err(why) => Answer::Refused(why),
        };
        let json =
            serde_json::to_vec(&answer).map_err(|error| Trouble::Network(error.to_string()))?;
        timeout(SILENCE, link.sender.send(&json)).await.unwrap_or(Err(Trouble::Silent))?;
    }
}
