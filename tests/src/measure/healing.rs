//! Every path of heartbeats is cut, so that both machines are active, and mended.

use std::time::Instant;

use super::spread;
use crate::cut::Cut;
use crate::{Error, Lab, VIP, wait_until};

/// Milliseconds from the healing until one machine is active.
const ONE_ACTIVE: u64 = 200;
/// And until the client is served.
const SERVED: u64 = 1000;

pub(super) fn run(lab: &Lab, rounds: u32) -> Result<bool, Error> {
    let (mut one, mut served) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        lab.await_pair()?;
        let cuts = Cut::heartbeats_of_both(&Cut::PATHS, 100)?;
        let both = || lab.machines().iter().all(|machine| machine.is_active());
        wait_until("both are active", 20, both)?;
        // The commands that mend both ends take some milliseconds of what follows.
        let healed = Instant::now();
        drop(cuts);
        let millis = || u64::try_from(healed.elapsed().as_millis()).unwrap_or(u64::MAX);
        wait_until("one of them is", 20, || lab.roles().is_some())?;
        one.push(millis());
        wait_until("the client is served", 20, || {
            let url = format!("http://{VIP}/");
            Lab::CLIENT.run(&["curl", "-s", "-m", "1", &url]).is_ok_and(|output| output.ok())
        })?;
        served.push(millis());
    }
    println!("{rounds} partitions mended: one machine active after {}", spread(&one, "ms"));
    println!("a new connection of the client answered after {}", spread(&served, "ms"));
    Ok(one.iter().all(|&millis| millis <= ONE_ACTIVE)
        && served.iter().all(|&millis| millis <= SERVED))
}
