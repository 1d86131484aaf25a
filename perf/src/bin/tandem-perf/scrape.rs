//! `tandem-perf scrape`.

use clap::Args;
use perf::Error;
use perf::scrape::{self, ScrapeSettings, Scraped};

use crate::output::{Ending, Folder, Output};
use crate::traffic::TrafficArguments;

#[derive(Args)]
pub(crate) struct Arguments {
    /// Scrapes a second. Prometheus makes one every 15 seconds, or every minute.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=20))]
    rate: u32,
    /// Pairs of slices, one without and one with scrapes.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Milliseconds of a slice.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(100..))]
    millis: u64,
    /// Services besides, of ten servers each, which nobody asks: what a scrape tells of.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=4000))]
    services: u32,
    #[command(flatten)]
    folder: Folder,
    #[command(flatten)]
    traffic: TrafficArguments,
}

impl Arguments {
    pub(crate) fn run(&self, output: &Output) -> Result<Ending, Error> {
        let settings = ScrapeSettings {
            traffic: self.traffic.traffic(),
            rate: self.rate,
            rounds: self.rounds,
            millis: self.millis,
            services: self.services,
        };
        let recorder = output.begin("scrape", &settings)?;
        let progress = |pair: &str| eprintln!("{pair}");
        let result = self.folder.keep(|folder| scrape::run(&settings, folder, &progress))?;
        output.end(recorder, (&result.figures, Some(&result.drops)), &result, print)
    }
}

fn print(result: &Scraped) {
    println!();
    for (what, summary, digits) in [
        ("Mpps without scrapes", &result.without, 2),
        ("Mpps during scrapes", &result.during, 2),
        ("  ratio", &result.ratio, 3),
        ("cycles a packet without scrapes", &result.cycles_without, 1),
        ("cycles a packet during scrapes", &result.cycles_during, 1),
        ("  ratio", &result.cycles_ratio, 3),
        ("milliseconds of a scrape", &result.millis, 1),
        ("kilobytes of an answer, packed", &result.kilobytes, 1),
        ("tandem-control, % of a core", &result.control_percent, 1),
    ] {
        let perf::statistics::Summary { median, least, most } = summary;
        let spread = format!("{median:.digits$} ({least:.digits$} to {most:.digits$})");
        println!("{what:<34} {spread:>28}");
    }
    println!("{:<34} {:>28}", "scrapes", result.scrapes);
}
