//! A real server fails in every way, again and again: is it out within the promised time?

use std::time::{Duration, Instant};

use api::ServerState;

use super::spread;
use crate::faults::SLOW;
use crate::outage::{await_state, promised};
use crate::{Certificate, Error, Fault, Lab};

/// Milliseconds that a promise may be late by, on a machine that does other work as well.
const LATE: u64 = 100;

type Break = fn() -> Result<Fault, Error>;

const FAULTS: [(&str, &str, Break); 10] = [
    ("killed", "web", || Fault::kill_web(1)),
    ("hung", "web", || Fault::hang_web(1)),
    ("answers 500", "web", || Fault::answer_health(1, "return 500;")),
    ("slow", "web", || Fault::answer_health(1, SLOW)),
    ("wrong body", "web", || Fault::answer_health(1, "return 200 \"ill\";")),
    ("certificate expired", "tls", || Fault::certificate(1, Certificate::Expired)),
    ("certificate of another", "tls", || Fault::certificate(1, Certificate::ForeignName)),
    ("DNS killed", "dns", || Fault::kill_dns(1)),
    ("DNS answers SERVFAIL", "dns", || Fault::dns_fails(1)),
    ("UDP port closed", "udp", || Fault::kill_dns(1)),
];

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
