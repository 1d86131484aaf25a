//! The peer's end: tells how this machine is, and takes an upgrade.

use core::time::Duration;
use std::sync::Arc;

use tokio::sync::{Mutex, mpsc};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::machine::Upload;
use super::{Answer, Install, Machine, Order};
use crate::events::{Draft, EventKind, Events};
use crate::sync::Trouble;
use crate::sync::noise::Secured;

/// Who says nothing for so long is let go.
const SILENCE: Duration = Duration::from_secs(30);

/// Serves the peer's connections, each for itself.
pub async fn run(mut links: mpsc::Receiver<Secured>, machine: Machine, events: Events) {
    let uploading = Arc::new(Mutex::new(()));
    while let Some(link) = links.recv().await {
        let (machine, uploading) = (machine.clone(), Arc::clone(&uploading));
        let events = events.clone();
        tokio::spawn(async move {
            if let Err(trouble) = serve(link, &machine, &uploading, &events).await {
                tracing::debug!("the peer's connection about upgrades has ended: {trouble}");
            }
        });
    }
}

async fn serve(
    mut link: Secured,
    machine: &Machine,
    uploading: &Mutex<()>,
    events: &Events,
) -> Result<(), Trouble> {
    let mut plain = Vec::new();
    loop {
        receive(&mut link, &mut plain).await?;
        let order = serde_json::from_slice(&plain)
            .map_err(|error| Trouble::Network(format!("the peer is not understood: {error}")))?;
        let answer = match order {
            Order::State => Answer::State(state(machine).await),
            Order::Install(install) => match uploading.try_lock() {
                Ok(_guard) => {
                    let answer = take(&mut link, machine, install, events).await?;
                    tell_end(events, &answer);
                    answer
                }
                Err(_) => Answer::Refused("another upgrade is on its way already".to_owned()),
            },
        };
        tell(&mut link, &answer).await?;
    }
}

async fn receive(link: &mut Secured, plain: &mut Vec<u8>) -> Result<(), Trouble> {
    timeout(SILENCE, link.receiver.receive(plain)).await.unwrap_or(Err(Trouble::Silent))
}

async fn tell(link: &mut Secured, answer: &Answer) -> Result<(), Trouble> {
    let json = serde_json::to_vec(answer).map_err(|error| Trouble::Network(error.to_string()))?;
    timeout(SILENCE, link.sender.send(&json)).await.unwrap_or(Err(Trouble::Silent))
}

async fn state(machine: &Machine) -> super::State {
    let machine = machine.clone();
    spawn_blocking(move || machine.state()).await.unwrap_or_default()
}

fn tell_end(events: &Events, answer: &Answer) {
    match answer {
        Answer::State(_) => events.emit(Draft::new(
            EventKind::UpgradeReceived,
            "an upgrade has come from the other machine, and is installed into the other slot",
        )),
        Answer::Refused(why) => tell_refusal(events, why),
    }
}

fn tell_refusal(events: &Events, why: &str) {
    let what = "the other machine's upgrade was not taken";
    events.emit(Draft::new(EventKind::UpgradeRefused, what).why(why));
}

/// Takes the bytes of an upgrade; the answer when it is whole, or is not taken.
async fn take(
    link: &mut Secured,
    machine: &Machine,
    install: Install,
    events: &Events,
) -> Result<Answer, Trouble> {
    let size = install.size;
    let beginning = machine.clone();
    let mut upload = match blocking(move || beginning.begin(&install)).await {
        Ok(upload) => upload,
        Err(why) => return Ok(Answer::Refused(why)),
    };
    tracing::info!("the peer sends an upgrade of {} MB", size / 1_000_000);
    tell(link, &Answer::State(state(machine).await)).await?;
    let mut plain = Vec::new();
    while !upload.is_whole() {
        receive(link, &mut plain).await?;
        let bytes = core::mem::take(&mut plain);
        let written = blocking(move || {
            let written = upload.write(&bytes);
            written.map(|()| (upload, bytes))
        });
        (upload, plain) = match written.await {
            Ok(back) => back,
            Err(why) => {
                tell_refusal(events, &why);
                tell(link, &Answer::Refused(why)).await?;
                // What is on its way has to be read, or the answer would be lost with it.
                loop {
                    receive(link, &mut plain).await?;
                }
            }
        };
    }
    match blocking(move || Upload::finish(upload)).await {
        Ok(()) => Ok(Answer::State(state(machine).await)),
        Err(why) => Ok(Answer::Refused(why)),
    }
}

/// Runs what waits for the disk.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    spawn_blocking(work).await.unwrap_or_else(|error| Err(error.to_string()))
}
