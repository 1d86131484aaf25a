//! A real server fails in every way, again and again: is it out within the promised time?

use std::time::{Duration, Instant};

use api::ServerState;

use super::spread;
use crate::faults::FAULTS;
use crate::outage::{await_state, promised};
use crate::{Error, Lab};

/// Milliseconds that a promise may be late by, on a machine that does other work as well.
const LATE: u64 = 100;

pub(super) fn run(lab: &Lab, rounds: u32) -> Result<bool, Error> {
    let appliance = &lab.appliance;
    let mut good = true;
    for (what, service, fault) in FAULTS {
        let promised = promised(appliance, service)?;
        let place = (appliance, service, 1);
        let mut times = Vec::new();
        for round in 0..rounds {
            await_state(place, ServerState::Up, Instant::now())?;
            // At another point between two checks each time.
            std::thread::sleep(Duration::from_millis(u64::from(round) * 37 % 500));
            let fault = fault()?;
            times.push(await_state(place, ServerState::Down, Instant::now())?);
            drop(fault);
        }
        await_state(place, ServerState::Up, Instant::now())?;
        let late = times.iter().filter(|&&time| time > promised + LATE).count();
        println!(
            "{what}: out after {}, promised {promised} ms, {late} of {rounds} late",
            spread(&times, "ms")
        );
        // One in a hundred may be, as the 99th percentile is what is promised.
        good &= late * 100 <= times.len();
    }
    Ok(good)
}
