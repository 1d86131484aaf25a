//! Pings the witness, and tells the driver of each answer.

use core::time::Duration;
use std::io;
use std::net::IpAddr;

use failover::Instant;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::PERIOD;
use super::echo::EchoSocket;
use crate::clock::Clock;
use crate::role::{DriverHandle, DriverRequest};

/// Pings the witness for as long as the driver lives, and tells it of the answers.
pub async fn run(
    witness: IpAddr,
    interval: Duration,
    closely: watch::Receiver<bool>,
    clock: Clock,
    driver: DriverHandle,
) {
    let mut pinger = Pinger { interval, closely, clock, driver, sent: [(0, Instant(0)); 64] };
    loop {
        match EchoSocket::open(witness) {
            Ok(socket) => {
                let error = pinger.ping(&socket).await;
                if pinger.is_over() {
                    return;
                }
                tracing::warn!("the witness {witness} cannot be asked: {error}");
            }
            Err(error) => {
                tracing::warn!("no ICMP socket can be opened to ask the witness {witness}: {error}")
            }
        }
        sleep(PERIOD).await;
    }
}

struct Pinger {
    interval: Duration,
    closely: watch::Receiver<bool>,
    clock: Clock,
    driver: DriverHandle,
    /// The last pings: their numbers, and when they were sent.
    sent: [(u16, Instant); 64],
}

impl Pinger {
    /// The driver has ended.
    fn is_over(&self) -> bool {
        self.closely.has_changed().is_err()
    }

    async fn ping(&mut self, socket: &EchoSocket) -> io::Error {
        let mut sequence: u16 = 0;
        loop {
            sequence = sequence.wrapping_add(1);
            let slot = usize::from(sequence) % self.sent.len();
            if let Some(slot) = self.sent.get_mut(slot) {
                *slot = (sequence, self.clock.now());
            }
            // A network that is down is the very thing that is to be found out.
            let _ = socket.send(sequence).await;
            let pause = if *self.closely.borrow_and_update() { self.interval } else { PERIOD };
            if let Ok(Err(error)) = timeout(pause, self.listen(socket)).await {
                return error;
            }
        }
    }

    /// Takes answers in until the witness is to be asked more closely.
    async fn listen(&mut self, socket: &EchoSocket) -> io::Result<()> {
        loop {
            tokio::select! {
                answer = socket.receive() => match answer {
                    Ok(number) => self.answered(number),
                    Err(error) if is_passing(&error) => {}
                    Err(error) => return Err(error),
                },
                changed = self.closely.changed() => {
                    changed.map_err(|_| io::Error::other("the driver has ended"))?;
                    if *self.closely.borrow() {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn answered(&self, number: Option<u16>) {
        let asked = self.sent.iter().find(|(sent, _)| Some(*sent) == number);
        if let Some((_, at)) = asked {
            self.driver.tell(DriverRequest::Witness(*at));
        }
    }
}

/// What ICMP errors about our pings lead to.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable};
    matches!(error.kind(), ConnectionRefused | HostUnreachable | NetworkUnreachable)
}
