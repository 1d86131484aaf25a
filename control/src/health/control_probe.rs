//! Asks the gateway and the peer on the side of the servers whether the network there is whole.

use core::time::Duration;
use std::io;
use std::net::IpAddr;
use std::time::Instant;

use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::runner::Shared;
use crate::witness::echo::EchoSocket;

/// Between two echo requests. Several fit into the time for which an answer is believed.
const PERIOD: Duration = Duration::from_millis(200);
/// After a socket could not be made.
const PAUSE: Duration = Duration::from_secs(1);

/// Asks those that are to be asked, for ever.
pub async fn run(shared: &Shared) {
    let mut hosts = shared.control_hosts.subscribe();
    loop {
        let now = hosts.borrow_and_update().clone();
        shared.engine().faults.forget_control();
        let asking = futures(shared, now);
        tokio::select! {
            () = asking => {}
            changed = hosts.changed() => {
                if changed.is_err() {
                    return;
                }
            }
        }
    }
}

async fn futures(shared: &Shared, hosts: Vec<IpAddr>) {
    let local = (!shared.local.is_unspecified()).then_some(IpAddr::V4(shared.local));
    let (answers, mut answered) = tokio::sync::mpsc::channel(16);
    let mut asking = JoinSet::new();
    for host in hosts {
        asking.spawn(ask(local, host, answers.clone()));
    }
    // One end stays here, so that it goes on with no host at all.
    let _answers = answers;
    while let Some(at) = answered.recv().await {
        shared.engine().faults.control_answers(at);
    }
}

async fn ask(local: Option<IpAddr>, host: IpAddr, answers: tokio::sync::mpsc::Sender<Instant>) {
    loop {
        if let Ok(socket) = EchoSocket::open_from(local, host) {
            let _ = ping(&socket, &answers).await;
        }
        sleep(PAUSE).await;
    }
}

async fn ping(socket: &EchoSocket, answers: &tokio::sync::mpsc::Sender<Instant>) -> io::Result<()> {
    let mut sequence: u16 = 0;
    loop {
        sequence = sequence.wrapping_add(1);
        let sent = Instant::now();
        // A network that is down is what is to be found out.
        let _ = socket.send(sequence).await;
        let answer = async {
            while socket.receive().await.ok().flatten() != Some(sequence) {
                // An error comes once; the next call waits.
                tokio::task::yield_now().await;
            }
        };
        if timeout(PERIOD, answer).await.is_ok() && answers.send(sent).await.is_err() {
            return Ok(());
        }
        sleep(PERIOD.saturating_sub(sent.elapsed())).await;
    }
}
