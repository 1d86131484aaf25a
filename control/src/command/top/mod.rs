//! `tandem top`: rates by service, server, client, drop reason and worker.
//!
//! [`feed`] asks in threads of its own; [`app`] keeps what is shown and takes the keys; [`draw`]
//! makes the picture of it, on a [`Screen`] that gives the terminal back. [`once`] writes one
//! table for a pipe.

mod app;
mod clients;
mod draw;
mod feed;
mod group;
mod once;
#[cfg(test)]
mod tests;

use core::time::Duration;
use std::time::Instant;

use clap::Args;

use self::app::{App, Outcome};
use self::draw::Theme;
use self::feed::{Feed, News};
use self::group::Group;
use super::Context;
use super::watch::interval;
use crate::error::Error;
use crate::output::screen::{Came, Ended, Screen};
use crate::output::{colour, terminal as output};

pub(super) use once::Answer;

pub(super) const HELP: &str = "\
It takes the whole terminal, 80 by 24 is enough; ? shows the keys, q quits. In a pipe, and with --once, \
one table is written after one interval. --sources counts connections by client: it looks at all of \
them every 5 s, and no worker waits for that.

Examples:
  tandem top
  tandem top --by drops --interval 5s
  tandem top --sources
  tandem top --once --by servers --sort new/s --lines 10
  tandem top --json | jq '.services[] | select(.connections > 1000) | .name'";

#[derive(Clone, Debug, Args)]
pub(super) struct Arguments {
    /// What has a row at first
    #[arg(long, value_enum, default_value_t = Group::Services)]
    by: Group,

    /// Count connections by client as well
    #[arg(long)]
    sources: bool,

    /// The time between two looks, such as 500ms, 1s or 1m
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = interval)]
    interval: Duration,

    /// The column to sort by at first: its heading, or the beginning of it
    #[arg(long, value_name = "COLUMN")]
    sort: Option<String>,

    /// Write one table, and end
    #[arg(long)]
    once: bool,

    /// Write at most so many rows of the one table
    #[arg(long, value_name = "N", default_value_t = 50)]
    lines: usize,
}

impl Arguments {
    fn counts_clients(&self) -> bool {
        self.sources || self.by == Group::Clients
    }

    fn app(&self) -> Result<App, Error> {
        let mut app = App::new(self.by, self.interval, self.counts_clients());
        if let Some(heading) = &self.sort {
            if !app.sort_by(heading) {
                let headings: Vec<_> =
                    self.by.columns().iter().map(|column| column.heading.to_lowercase()).collect();
                return Err(Error::Usage(format!(
                    "there is no column {heading:?} of {}: take one of {}",
                    self.by.title(),
                    headings.join(", ")
                )));
            }
        }
        Ok(app)
    }
}

pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Error> {
    let app = arguments.app()?;
    if arguments.once || context.json || !output::is_capable() {
        return once::run(arguments, app, context);
    }
    let ended = on_terminal(arguments, app, context)?;
    ended.finish();
    Ok(())
}

fn on_terminal(
    arguments: &Arguments,
    mut app: App,
    context: &mut Context<'_>,
) -> Result<Ended, Error> {
    let theme = Theme { has_colours: !colour::are_declined(), has_unicode: output::has_unicode() };
    let feed = Feed::start(context.socket, arguments.interval, arguments.counts_clients());
    let screen = Screen::enter()?;
    let mut terminal = screen.terminal()?;
    let mut is_new = true;
    let mut drawn = Instant::now();
    loop {
        loop {
            match feed.next() {
                Ok(Some(News::Sample(sample))) => app.take(sample.0, sample.1),
                Ok(Some(News::Refused(error))) => return Err(error),
                Ok(Some(News::Clients(found))) => app.take_clients(found),
                Ok(None) => break,
                Err(_) => {
                    let gone = "the thread that asks the dataplane has ended";
                    return Err(std::io::Error::other(gone).into());
                }
            }
            is_new = true;
        }
        if is_new || drawn.elapsed() > Duration::from_secs(1) {
            terminal.draw(|frame| draw::draw(frame, &mut app, theme))?;
            (is_new, drawn) = (false, Instant::now());
        }
        match screen.next()? {
            Came::End(ended) => return Ok(ended),
            Came::Redraw => {
                terminal.clear()?;
                is_new = true;
            }
            Came::Key(key) => {
                match app.key(key) {
                    Outcome::End => return Ok(Ended::Asked),
                    Outcome::Tell => feed.set_interval(app.interval),
                    Outcome::Nothing => {}
                }
                is_new = true;
            }
            Came::Nothing => {}
        }
    }
}
