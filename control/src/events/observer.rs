//! Looks at the dataplane once in a while, and tells what its counters and its state mean: floods by
//! class, tables that are nearly full, links, its own start and end.

mod flood;
mod table;

use core::time::Duration;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use api::{Counters, EventKind, Request, Response, Side, Status};
use tokio::time::{Instant, MissedTickBehavior, interval};

use self::flood::Floods;
use self::table::Tables;
use super::{Draft, Events};
use crate::dataplane_client::{AskError, DataplaneClient};

/// How often.
const PERIOD: Duration = Duration::from_secs(1);
/// How long the dataplane may take to come at first: both processes start at once.
const START: Duration = Duration::from_secs(15);

/// Looks until the process ends.
pub async fn run(socket: PathBuf, events: Events) {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut client, mut seen) = (None, Seen::new(events));
    loop {
        ticks.tick().await;
        match look(&mut client, &socket).await {
            Ok((status, counters)) => seen.take(&status, &counters),
            Err(error) => {
                client = None;
                // One that refuses an answer is there all the same.
                if matches!(error, AskError::Io(_) | AskError::Timeout) {
                    seen.miss(&error.to_string());
                }
            }
        }
    }
}

async fn look(
    client: &mut Option<DataplaneClient>,
    socket: &Path,
) -> Result<(Status, Counters), AskError> {
    let mut connection = match client.take() {
        Some(connection) => connection,
        None => DataplaneClient::connect(socket).await?,
    };
    let Response::Status(status) = connection.request(&Request::Status).await? else {
        return Err(AskError::OtherAnswer);
    };
    let Response::Counters(counters) = connection.request(&Request::Counters).await? else {
        return Err(AskError::OtherAnswer);
    };
    *client = Some(connection);
    Ok((status, counters))
}

/// What was seen of the dataplane.
struct Seen {
    events: Events,
    began: Instant,
    /// It answers; none before the first answer.
    is_up: Option<bool>,
    uptime: u64,
    links: BTreeMap<Side, bool>,
    floods: Floods,
    tables: Tables,
}

impl Seen {
    fn new(events: Events) -> Self {
        Seen {
            events,
            began: Instant::now(),
            is_up: None,
            uptime: 0,
            links: BTreeMap::new(),
            floods: Floods::default(),
            tables: Tables::default(),
        }
    }

    fn take(&mut self, status: &Status, counters: &Counters) {
        let is_anew = self.is_up.is_some() && status.uptime_seconds < self.uptime;
        if self.is_up == Some(false) || is_anew {
            let draft = Draft::new(EventKind::DataplaneUp, "the dataplane answers");
            let why = if is_anew { "it was started anew" } else { "" };
            self.events.emit(draft.why(why).field("release", &status.version));
        }
        (self.is_up, self.uptime) = (Some(true), status.uptime_seconds);
        if is_anew {
            // It counts from the beginning.
            (self.floods, self.tables) = (Floods::default(), Tables::default());
        }
        self.look_at_links(status);
        let now = Instant::now();
        let mut drafts = self.floods.follow(counters, now);
        drafts.extend(self.tables.follow(status, counters, now));
        drafts.into_iter().for_each(|draft| self.events.emit(draft));
    }

    fn miss(&mut self, why: &str) {
        let waits = self.is_up.is_none() && self.began.elapsed() < START;
        if self.is_up == Some(false) || waits {
            return;
        }
        self.is_up = Some(false);
        let draft = Draft::new(EventKind::DataplaneDown, "the dataplane does not answer");
        self.events.emit(draft.why(why));
    }

    fn look_at_links(&mut self, status: &Status) {
        for nic in &status.nics {
            let before = self.links.insert(nic.side, nic.link_up);
            if before.is_none_or(|before| before == nic.link_up) {
                continue;
            }
            let side = nic.side;
            let draft = match nic.link_up {
                true => Draft::new(EventKind::LinkUp, format!("the {side} link is up")),
                false => Draft::new(EventKind::LinkDown, format!("the {side} link is down")),
            };
            self.events.emit(draft.field("side", side).field("device", &nic.device));
        }
    }
}

/// What a counter has grown by; nothing at the first look, or where it began anew.
fn growth(before: &mut BTreeMap<&'static str, u64>, name: &'static str, now: u64) -> u64 {
    before.insert(name, now).map_or(0, |before| now.saturating_sub(before))
}

/// A counter of all workers together.
fn total(counters: &Counters, name: &str) -> u64 {
    counters.workers.iter().filter_map(|worker| worker.counters.get(name)).sum()
}

/// Packets that were dropped for a reason.
fn drops(counters: &Counters, reason: &str) -> u64 {
    counters.drops.iter().filter(|drop| drop.name == reason).map(|drop| drop.packets).sum()
}
