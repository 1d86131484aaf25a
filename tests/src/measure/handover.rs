//! `tandem failover`, again and again.

use std::time::Instant;

use super::spread;
use crate::queues::{Longer, overflows};
use crate::{Error, Lab, Loaded, Loading, Probed, Probing, hops, wait_until};

pub(super) fn run(lab: &Lab, rounds: u32, rate: u32, downloads: u32) -> Result<bool, Error> {
    let _queues = Longer::queues()?;
    let (mut times, started) = (Vec::new(), Instant::now());
    let with = Under::load(rate, downloads, || {
        for _ in 0..rounds {
            times.push(hand_over(lab)?);
        }
        Ok(())
    })?;
    // The same load for as long, and nothing happens: what the lab loses by itself.
    let took = started.elapsed();
    let without = Under::load(rate, downloads, || {
        std::thread::sleep(took);
        Ok(())
    })?;
    println!("{rounds} handovers in {} s: {}", took.as_secs(), spread(&times, "ms each"));
    println!("with them: {with}");
    println!("without:   {without}");
    for machine in lab.machines() {
        println!("dropped by {}: {:?}", machine.machine.name, machine.drops());
    }
    Ok(with.lost() == 0)
}

/// What clients met while something happened.
struct Under {
    probed: Probed,
    loaded: Loaded,
    overflows: u64,
    losses: hops::Losses,
    rate: u32,
}

impl Under {
    fn load(
        rate: u32,
        downloads: u32,
        happens: impl FnOnce() -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let before = overflows();
        hops::count()?;
        let loading = Loading::start_again_and_again(downloads, 0)?;
        let probing = Probing::start(rate)?;
        happens()?;
        let (probed, loaded) = (probing.finish()?, loading.finish()?);
        let (overflows, losses) = (overflows() - before, hops::losses(&probed)?);
        Ok(Under { probed, loaded, overflows, losses, rate })
    }

    fn lost(&self) -> u64 {
        self.probed.sent - self.probed.received + self.loaded.lost + self.loaded.wrong
    }
}

impl core::fmt::Display for Under {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let (probed, loaded) = (&self.probed, &self.loaded);
        write!(
            f,
            "{} of {} datagrams lost at {}/s, {} of {} downloads lost; longest silence {} ms, the \
             probe's own {} ms",
            probed.sent - probed.received,
            probed.sent,
            self.rate,
            loaded.lost + loaded.wrong,
            loaded.whole + loaded.lost + loaded.wrong,
            probed.gap_micros / 1000,
            probed.late_micros / 1000,
        )?;
        if self.overflows > 0 {
            write!(f, "; {} packets lost in the kernel's receive queues", self.overflows)?;
        }
        if probed.received < probed.sent {
            write!(f, "; {}", self.losses)?;
        }
        Ok(())
    }
}

/// Hands over; milliseconds from the command until the other machine is active alone.
fn hand_over(lab: &Lab) -> Result<u64, Error> {
    lab.await_pair()?;
    let (active, standby) = lab.roles().ok_or_else(Lab::no_pair)?;
    let asked = Instant::now();
    let answer = active.tandem(&["failover"])?;
    if !answer.ok() {
        return Err(Error::Command {
            command: "tandem failover".to_owned(),
            words: answer.words(),
        });
    }
    let name = standby.machine.name;
    let moved = || lab.roles().is_some_and(|(active, _)| active.machine.name == name);
    wait_until(&format!("{name} is the active one"), 20, moved)?;
    Ok(u64::try_from(asked.elapsed().as_millis()).unwrap_or(u64::MAX))
}
