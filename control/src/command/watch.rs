//! `tandem watch`: the status that redraws; in a pipe a line each time.

use core::time::Duration;
use std::io;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use super::rates::{self, Rates};
use super::status::{self, Known, Layout, Verdict, ask, judge};
use super::{Context, apply};
use crate::error::Error;
use crate::output::screen::{Ended, Screen};
use crate::output::units::{count, rate};
use crate::output::{colour, date, terminal};

pub(super) const HELP: &str = "\
On a terminal the screen of tandem status is drawn again each time, with rates; q or Ctrl-C ends \
it. Elsewhere a line is written each time, with --json an object on a line: for a file or a pipe.

Examples:
  tandem watch
  tandem watch --interval 10s | tee -a /var/tmp/tandem.log
  tandem watch --json --count 60 | jq -c '[.time, .state, .troubles[].what]'";

#[derive(Clone, Debug, Args)]
pub(super) struct Arguments {
    /// The time between two looks, such as 500ms, 2s or 1m
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = interval)]
    interval: Duration,

    /// End after so many looks
    #[arg(long, value_name = "N")]
    count: Option<u64>,
}

/// A time that is neither a burden to the machine nor longer than a day.
pub(super) fn interval(text: &str) -> Result<Duration, String> {
    const SHORTEST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(86_400);
    let time = apply::time(text)?;
    if (SHORTEST..=LONGEST).contains(&time) {
        Ok(time)
    } else {
        Err(format!("{text} is not between 100ms and 24h"))
    }
}

/// One look.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer<'a> {
    /// When it was, in seconds since 1970.
    time: u64,
    #[serde(flatten)]
    verdict: &'a Verdict,
    /// What happened in a second since the look before; none with the first one, and where the
    /// dataplane does not answer.
    rates: Option<&'a Rates>,
}

pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Error> {
    if !context.json && terminal::is_capable() {
        return on_terminal(arguments, context);
    }
    let mut looks = Looks::default();
    let mut left = arguments.count.unwrap_or(u64::MAX);
    while left > 0 {
        let begun = Instant::now();
        looks.look(context)?;
        write_line(&looks, context)?;
        context.out.flush()?;
        left -= 1;
        if left > 0 {
            std::thread::sleep(arguments.interval.saturating_sub(begun.elapsed()));
        }
    }
    looks.verdict.map_or(Ok(()), |verdict| verdict.outcome())
}

/// The last look, and the rates since the one before.
#[derive(Default)]
struct Looks {
    last: Option<(Instant, Known)>,
    verdict: Option<Verdict>,
    rates: Option<Rates>,
}

impl Looks {
    /// An error: this user may not look.
    fn look(&mut self, context: &Context<'_>) -> Result<(), Error> {
        let (known, now) = (ask(context.socket)?, Instant::now());
        self.rates = self.last.as_ref().and_then(|(at, before)| {
            rates::between(before, &known, now.saturating_duration_since(*at))
        });
        self.verdict = Some(judge(&known, self.rates.as_ref()));
        self.last = Some((now, known));
        Ok(())
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

fn write_line(looks: &Looks, context: &mut Context<'_>) -> Result<(), Error> {
    let Some(verdict) = &looks.verdict else { return Ok(()) };
    let (time, rates) = (now(), looks.rates.as_ref());
    if context.json {
        return context.line(&Answer { time, verdict, rates });
    }
    let traffic = rates.map(|rates| format!(" [{}]", traffic(rates))).unwrap_or_default();
    writeln!(context.out, "{}{traffic} {}", date::utc(time), verdict.line())?;
    Ok(())
}

/// `12.3k pkt/s in, 340 new/s, 0 dropped/s`.
fn traffic(rates: &Rates) -> String {
    let received: f64 = rates.nics.iter().map(|nic| nic.rx_packets).sum();
    let opened: f64 = rates.services.iter().map(|service| service.traffic.connections).sum();
    let dropped: f64 = rates.drops.iter().map(|reason| reason.packets).sum();
    format!("{} pkt/s, {} new/s, {} dropped/s", rate(received), rate(opened), rate(dropped))
}

fn on_terminal(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Error> {
    let mut looks = Looks::default();
    let mut left = arguments.count.unwrap_or(u64::MAX);
    let mut screen = Screen::enter()?;
    let mut ended = Ended::Asked;
    while left > 0 {
        let due = Instant::now() + arguments.interval;
        looks.look(context)?;
        draw(&mut screen, arguments, &looks)?;
        left -= 1;
        if left == 0 {
            break;
        }
        if let Some(end) = screen.wait(due, |screen| draw(screen, arguments, &looks))? {
            ended = end;
            break;
        }
    }
    drop(screen);
    // The last screen stays where the shell goes on.
    if let (Some((_, known)), Some(verdict)) = (&looks.last, &looks.verdict) {
        let layout = Layout { size: terminal::size(), has_colours: colour::are_wanted() };
        status::screen::show(known, verdict, looks.rates.as_ref(), layout, context.out)?;
        context.out.flush()?;
    }
    ended.finish();
    Ok(())
}

fn draw(screen: &mut Screen, arguments: &Arguments, looks: &Looks) -> io::Result<()> {
    let (Some((_, known)), Some(verdict)) = (&looks.last, &looks.verdict) else { return Ok(()) };
    let (columns, rows) = terminal::size().unwrap_or((80, 24));
    let layout = Layout { size: Some((columns, rows)), has_colours: colour::are_wanted() };
    let mut lines = status::screen::lines(known, verdict, looks.rates.as_ref(), layout);
    let millis = u64::try_from(arguments.interval.as_millis()).unwrap_or(u64::MAX);
    lines.truncate(usize::from(rows).saturating_sub(1));
    let foot = format!("{}, every {} ms; q ends", date::utc(now()), count(millis));
    screen.write_lines(&lines, &foot)
}
