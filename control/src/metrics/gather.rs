//! Where a scrape's numbers come from.

use core::time::Duration;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use api::{Pools, Request, Response, Services};
use thiserror::Error;
use tokio::sync::{Mutex, watch};

use super::catalogue as all;
use super::dataplane::Answers;
use super::format::Format;
use super::page::{Page, PageError};
use super::{checks, events, pair, pools, process};
use crate::boot::Boot;
use crate::dataplane_client::{AskError, DataplaneClient};
use crate::events::Events;
use crate::events::hooks::HookCounts;
use crate::health::Health;
use crate::measures::Measures;
use crate::role::DriverHandle;
use crate::role::pair_view::Numbers;
use crate::servers::PoolsHandle;
use crate::sync::Counts;

/// What a pair has to say besides.
#[derive(Clone)]
pub struct PairSource {
    pub driver: DriverHandle,
    pub measures: Arc<Measures>,
    /// What connection sync counts.
    pub counts: Arc<Counts>,
}

/// What happened.
#[derive(Clone)]
pub struct EventSource {
    pub events: Events,
    pub hooks: HookCounts,
}

/// Between the beginnings of two scrapes at the least, whoever asks: what a scrape takes of the
/// dataplane's main core and of this process stays small however many scrapers there are.
const PAUSE: Duration = Duration::from_millis(50);

/// Why there is no answer to a scrape.
#[derive(Debug, Error)]
pub enum GatherError {
    #[error(transparent)]
    Page(#[from] PageError),
    #[error("the answer was not written: {0}")]
    Thread(#[from] tokio::task::JoinError),
}

/// Where a scrape's numbers come from. One scrape at a time.
pub struct Source {
    socket: PathBuf,
    pair: Option<PairSource>,
    pools: PoolsHandle,
    health: Health,
    /// How long the machine's boot took, as far as it is known.
    boot: watch::Receiver<Boot>,
    events: EventSource,
    /// Held by the scrape whose turn it is: when the last one began.
    turn: Mutex<Option<Instant>>,
}

impl Source {
    /// The dataplane on this socket, and the pair where there is one.
    #[must_use]
    pub fn new(
        socket: PathBuf,
        pair: Option<PairSource>,
        pools: PoolsHandle,
        health: Health,
        boot: watch::Receiver<Boot>,
        events: EventSource,
    ) -> Self {
        Source { socket, pair, pools, health, boot, events, turn: Mutex::new(None) }
    }

    /// One scrape's text. It is written by a thread that waits for nothing else, as it takes
    /// tens of milliseconds for thousands of servers.
    ///
    /// # Errors
    /// When a family is not what the catalogue says.
    pub async fn text(&self, format: Format) -> Result<String, GatherError> {
        let mut turn = self.turn.lock().await;
        if let Some(last) = *turn {
            tokio::time::sleep_until((last + PAUSE).into()).await;
        }
        *turn = Some(Instant::now());
        let answers = ask(&self.socket).await;
        let numbers = match &self.pair {
            Some(source) => source.driver.numbers().await.ok(),
            None => None,
        };
        let gathered = Gathered {
            answers,
            numbers,
            pair: self.pair.clone(),
            pools: self.pools.all().await.ok(),
            health: self.health.clone(),
            boot: *self.boot.borrow(),
            events: self.events.clone(),
        };
        Ok(tokio::task::spawn_blocking(move || gathered.text(format)).await??)
    }
}

/// All that one scrape tells.
struct Gathered {
    answers: Answers,
    pair: Option<PairSource>,
    /// The numbers of the role; none if its thread does not answer.
    numbers: Option<Numbers>,
    pools: Option<Pools>,
    health: Health,
    boot: Boot,
    events: EventSource,
}

impl Gathered {
    /// What is of the machine comes first, and what grows with the configuration last: that is
    /// what there may be no room for.
    fn text(self, format: Format) -> Result<String, PageError> {
        let mut page = Page::new(format);
        page.flag(all::DATAPLANE_UP, self.answers.answers());
        process::write(&mut page);
        let phases = self.boot.phases();
        page.gauges(all::BOOT, phases.map(|(phase, time)| ([phase], time)));
        events::write(&self.events, &mut page);
        if let Some(source) = &self.pair {
            page.counter(all::LOG_LOST, crate::log::lost());
            pair::write_measures(&source.measures, &mut page);
            pair::write_counts(&source.counts, &mut page);
        }
        if let Some(numbers) = &self.numbers {
            pair::write(numbers, &mut page);
        }
        checks::write_totals(&self.health, &mut page);
        self.answers.write_machine(&mut page);
        self.answers.write_services(&mut page);
        if let Some(pools) = &self.pools {
            pools::write(pools, &mut page);
        }
        checks::write(&self.health, &mut page);
        page.text()
    }
}

/// Asks for each part. One that fails is missing, and the others are told all the same.
async fn ask(socket: &Path) -> Answers {
    let said = |part: &str, error: AskError| {
        tracing::warn!("no metrics of the dataplane's {part}: {error}");
    };
    let (mut client, mut answers) = (None, Answers::default());
    match part(&mut client, socket, &Request::Status).await {
        Ok(Response::Status(status)) => answers.status = Some(status),
        Ok(_) => said("status", AskError::OtherAnswer),
        // Nobody listens, or nobody answers: what follows would take as long again.
        Err(error @ (AskError::Io(_) | AskError::Timeout)) => {
            tracing::debug!("no metrics of the dataplane: {error}");
            return answers;
        }
        Err(error) => said("status", error),
    }
    match part(&mut client, socket, &Request::Counters).await {
        Ok(Response::Counters(counters)) => answers.counters = Some(counters),
        Ok(_) => said("counters", AskError::OtherAnswer),
        Err(error) => said("counters", error),
    }
    match services(&mut client, socket).await {
        Ok(services) => answers.services = Some(services),
        Err(error) => said("services", error),
    }
    answers
}

/// Asks on the connection that there is, or on a new one. After an error there is none: nobody
/// knows what comes on it.
async fn part(
    client: &mut Option<DataplaneClient>,
    socket: &Path,
    request: &Request,
) -> Result<Response, AskError> {
    let mut connection = connection(client, socket).await?;
    let response = connection.request(request).await?;
    *client = Some(connection);
    Ok(response)
}

async fn services(
    client: &mut Option<DataplaneClient>,
    socket: &Path,
) -> Result<Services, AskError> {
    connection(client, socket).await?.services().await
}

async fn connection(
    client: &mut Option<DataplaneClient>,
    socket: &Path,
) -> Result<DataplaneClient, AskError> {
    match client.take() {
        Some(client) => Ok(client),
        None => DataplaneClient::connect(socket).await,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use api::{Counters, Failure, FailureKind, Status, frame, message};

    use super::*;

    /// A dataplane whose counters are no answer, in one of these ways.
    fn start(name: &str, counters: Option<Response>) -> PathBuf {
        let socket =
            std::env::temp_dir().join(format!("tandem-gather-{}-{name}", std::process::id()));
        let _ = std::fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket).unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                while let Ok(Some(json)) = frame::read(&mut stream) {
                    let response = match message::decode(&json).unwrap() {
                        Request::Status => Some(Response::Status(Status::default())),
                        Request::Counters => counters.clone(),
                        _ => Some(Response::Services(Services::default())),
                    };
                    let Some(response) = response else { break };
                    let json = message::encode(&response).unwrap();
                    frame::write(&mut stream, &json).unwrap();
                }
            }
        });
        socket
    }

    #[tokio::test]
    async fn a_part_that_fails_is_missing_and_the_others_are_told() {
        let failure = Failure::new(FailureKind::TooLarge, "too many counters");
        let answered = Some(Response::Counters(Counters::default()));
        for (name, counters, has_them) in [
            ("refuses", Some(failure.into()), false),
            ("breaks", None, false),
            ("answers", answered, true),
        ] {
            let socket = start(name, counters);
            let answers = ask(&socket).await;
            assert!(answers.answers(), "{name}");
            assert!(answers.status.is_some() && answers.services.is_some(), "{name}");
            assert_eq!(answers.counters.is_some(), has_them, "{name}");
            std::fs::remove_file(socket).unwrap();
        }
    }

    #[tokio::test]
    async fn nobody_answers_on_a_socket_that_is_not_there() {
        assert!(!ask(Path::new("/nowhere/dataplane.sock")).await.answers());
    }
}
