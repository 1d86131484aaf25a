//! `tandem-lab soak`: a pair under mixed load, to which one fault happens after another.
//!
//! The faults are drawn from a seed, so that a run can be had again. Before each one clients begin
//! (downloads, connections that are kept alive, DNS, servers' own connections out, echoes); after it the
//! pair has to be whole again, what the design promises of established connections has to be true, and memory
//! and packet buffers have to be back where they were.

mod fault;
mod flap;
mod load;
mod report;
mod rest;

use std::time::{Duration, Instant};

use fault::Fault;
use load::Mixed;
use report::Report;
use rest::{await_buffers, memory};

use crate::topology::{Lab, Options};
use crate::{Driver, Error, Settings, wait_until};

/// How long a pair may take to be whole again: machines that share two cores.
const WHOLE: u64 = 90;
/// Connections by which the tables of both machines may differ while some open and end.
const APART: u64 = 200;

/// How long, and from what.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Soak {
    /// How long to go on.
    #[arg(long, default_value_t = 10)]
    pub minutes: u64,
    /// What the faults are drawn from; another number each time without one.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Reach the NICs by XDP sockets, and have datagrams in fragments in the load: packet sockets
    /// would put them together before the machines see them.
    #[arg(long)]
    pub xdp: bool,
}

/// The pair, with room for the connections that a flood opens, and a little more.
pub fn settings() -> Settings {
    Settings { connections: 50_000, ..Settings::patient_pair() }
}

impl Soak {
    fn driver(&self) -> Driver {
        if self.xdp { Driver::AfXdp } else { Driver::AfPacket }
    }

    /// The pair's settings.
    fn settings(&self) -> Settings {
        Settings { driver: self.driver(), ..settings() }
    }

    /// Raises the lab and has faults happen; prints what came of it. False if something was lost
    /// that is promised.
    ///
    /// # Errors
    ///
    /// [`Error`], when the lab itself does not work.
    pub fn run(&self) -> Result<bool, Error> {
        let lab = Lab::up(Options { settings: self.settings(), ..Options::default() })?;
        let report = self.of(&lab);
        Lab::down()?;
        Ok(report?.is_good())
    }

    /// The same in a lab that is up with [`settings`] (with the XDP driver, if `xdp` is set).
    ///
    /// # Errors
    ///
    /// [`Error`], when the pair does not become whole again, or the lab itself does not work.
    pub fn of(&self, lab: &Lab) -> Result<Report, Error> {
        let seed = self.seed.unwrap_or_else(|| fastrand::u64(1..1_000_000));
        println!("seed {seed}, {} minutes; again with: --seed {seed}", self.minutes);
        let mut random = fastrand::Rng::with_seed(seed);
        let mut report = Report::new(seed);
        let (begun, end) = (Instant::now(), Duration::from_secs(60 * self.minutes));
        let whole = |what: &str| {
            let is_whole = || lab.await_pair().is_ok();
            wait_until(&format!("the pair is whole {what}"), WHOLE, is_whole)
        };
        whole("at the start")?;
        await_buffers(lab, self.driver())?;
        report.compare("at the start", memory(lab));
        while begun.elapsed() < end {
            let fault = Fault::draw(&mut random);
            let mixed = Mixed::start(self.xdp)?;
            fault.happen(lab, self.settings(), &mut random)?;
            whole(&format!("after: {fault}"))?;
            let done = mixed.finish()?;
            println!("{:4} s  {fault}: {done}", begun.elapsed().as_secs());
            report.add(fault, &done);
            agree(lab)?;
            await_buffers(lab, self.driver())?;
            report.compare(&fault.to_string(), memory(lab));
        }
        println!("\n{report}  buffers in use at the end: {}", rest::buffers(lab));
        Ok(report)
    }
}

/// Waits until the tables of both machines agree.
fn agree(lab: &Lab) -> Result<(), Error> {
    let counts = || lab.machines().map(crate::Appliance::connections);
    let near = || {
        let [a, b] = counts();
        a.abs_diff(b) <= APART + a / 50
    };
    wait_until("the tables of both machines agree", WHOLE, near).map_err(|error| match error {
        Error::Waited { seconds, what, .. } => {
            Error::Waited { seconds, what, words: format!(": {:?}", counts()) }
        }
        other => other,
    })
}
