//! Where a scrape's numbers come from.

use std::path::PathBuf;
use std::sync::Arc;

use api::{Request, Response};
use tokio::sync::Mutex;

use super::catalogue as all;
use super::dataplane::Answers;
use super::page::Page;
use super::{checks, pair, pools};
use crate::dataplane_client::{AskError, DataplaneClient};
use crate::health::Health;
use crate::measures::Measures;
use crate::role::DriverHandle;
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

/// Where a scrape's numbers come from. One scrape at a time.
pub struct Source {
    socket: PathBuf,
    pair: Option<PairSource>,
    pools: PoolsHandle,
    health: Health,
    turn: Mutex<()>,
}

impl Source {
    /// The dataplane on this socket, and the pair where there is one.
    #[must_use]
    pub fn new(
        socket: PathBuf,
        pair: Option<PairSource>,
        pools: PoolsHandle,
        health: Health,
    ) -> Self {
        Source { socket, pair, pools, health, turn: Mutex::new(()) }
    }

    /// One scrape's text.
    ///
    /// # Errors
    /// When a family is not what the catalogue says.
    pub async fn text(&self) -> prometheus::Result<Vec<u8>> {
        let _turn = self.turn.lock().await;
        let mut page = Page::new();
        let answers = ask(&self.socket).await;
        page.flag(all::DATAPLANE_UP, answers.is_ok());
        match answers {
            Ok(answers) => answers.write(&mut page),
            Err(error) => tracing::debug!("no metrics of the dataplane: {error}"),
        }
        if let Ok(all) = self.pools.all().await {
            pools::write(&all, &mut page);
        }
        checks::write(&self.health, &mut page);
        if let Some(source) = &self.pair {
            page.counter(all::LOG_LOST, crate::log::lost());
            pair::write_measures(&source.measures, &mut page);
            pair::write_counts(&source.counts, &mut page);
            if let Ok(numbers) = source.driver.numbers().await {
                pair::write(&numbers, &mut page);
            }
        }
        page.text()
    }
}

async fn ask(socket: &std::path::Path) -> Result<Answers, AskError> {
    let mut client = DataplaneClient::connect(socket).await?;
    let mut answers = Answers::default();
    for request in [Request::Status, Request::Counters, Request::Services] {
        match client.request(&request).await? {
            Response::Status(status) => answers.status = status,
            Response::Counters(counters) => answers.counters = counters,
            Response::Services(services) => answers.services = services,
            _ => {}
        }
    }
    Ok(answers)
}
