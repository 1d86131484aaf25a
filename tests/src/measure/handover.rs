//! `tandem failover`, again and again.

use std::time::Instant;

use super::spread;
use crate::queues::{Longer, overflows};
use crate::{Error, Lab, Loading, Probing, wait_until};

pub(super) fn run(lab: &Lab, rounds: u32, rate: u32, downloads: u32) -> Result<bool, Error> {
    let _queues = Longer::queues()?;
    let first = overflows();
    let loading = Loading::start_again_and_again(downloads, 0)?;
    let probing = Probing::start(rate)?;
    let (started, mut times) = (Instant::now(), Vec::new());
    for _ in 0..rounds {
        times.push(hand_over(lab)?);
    }
    let took = started.elapsed();
    let (probed, loaded) = (probing.finish()?, loading.finish()?);
    let before = overflows();
    // The same load for as long, and nothing happens: what the lab loses by itself.
    let loading = Loading::start_again_and_again(downloads, 0)?;
    let probing = Probing::start(rate)?;
    std::thread::sleep(took);
    let (quiet, undisturbed) = (probing.finish()?, loading.finish()?);
    println!("{rounds} handovers in {} s: {}", took.as_secs(), spread(&times, "ms each"));
    let kernel = [before - first, overflows() - before];
    for (what, probed, loaded, kernel) in
        [("with them", &probed, &loaded, kernel[0]), ("without", &quiet, &undisturbed, kernel[1])]
    {
        println!(
            "{what:>10}: {} of {} datagrams lost at {rate}/s, {} of {} downloads lost; longest \
             silence {} ms, the probe's own {} ms; {kernel} packets lost in the kernel's \
             receive queues",
            probed.sent - probed.received,
            probed.sent,
            loaded.lost + loaded.wrong,
            loaded.whole + loaded.lost + loaded.wrong,
            probed.gap_micros / 1000,
            probed.late_micros / 1000,
        );
    }
    for machine in lab.machines() {
        println!("{:>10} dropped: {:?}", machine.machine.name, machine.drops());
    }
    Ok(probed.received == probed.sent && loaded.lost + loaded.wrong == 0)
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
