//! Both machines lose a link, or what is behind it, in turn, again and again.

use core::time::Duration;
use std::thread::sleep;

use fastrand::Rng;

use crate::{Appliance, Error, Lab};

/// How often one of the machines is struck.
const TIMES: usize = 8;
/// How long it lasts, and how long until the next, in milliseconds: shorter than a fault takes to be
/// noticed, and longer.
const MILLIS: core::ops::Range<u64> = 50..1500;

/// What fails.
#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    /// The carrier.
    Link,
    /// The switch's port is in no network: the link stays up, and nothing answers.
    Reach,
}

/// A port of the switch that fails until this is dropped.
struct Failing {
    what: What,
    port: String,
    side: &'static str,
}

impl Failing {
    fn new(what: What, machine: &Appliance, side: &'static str) -> Result<Self, Error> {
        let port = format!("{}-{side}", machine.machine.name);
        // Mended also where it fails only in part.
        let failing = Failing { what, port, side };
        let words: &[&str] = match what {
            What::Link => &["down"],
            What::Reach => &["nomaster"],
        };
        Lab::SWITCH.must(&[&["ip", "link", "set", &failing.port][..], words].concat())?;
        Ok(failing)
    }

    fn mend(&self) -> Result<(), Error> {
        let words: &[&str] = match self.what {
            What::Link => &["up"],
            What::Reach => &["master", self.side],
        };
        Lab::SWITCH.must(&[&["ip", "link", "set", &self.port][..], words].concat()).map(drop)
    }
}

impl Drop for Failing {
    fn drop(&mut self) {
        // Once more does no harm.
        let _ = self.mend();
    }
}

/// Strikes one machine and the other in turn, on either side.
pub(super) fn both(lab: &Lab, what: What, random: &mut Rng) -> Result<(), Error> {
    for machine in lab.machines().into_iter().cycle().take(TIMES) {
        let side = if random.bool() { "public" } else { "private" };
        let failing = Failing::new(what, machine, side)?;
        sleep(Duration::from_millis(random.u64(MILLIS)));
        failing.mend()?;
        drop(failing);
        sleep(Duration::from_millis(random.u64(MILLIS)));
    }
    Ok(())
}
