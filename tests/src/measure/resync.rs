//! A machine joins, and gets all connections while others are made.

use std::time::Instant;

use super::spread;
use crate::{Appliance, Error, Lab, flows, wait_until};

pub(super) fn run(lab: &Lab, rounds: u32, connections: u32) -> Result<bool, Error> {
    let wanted = u64::from(connections) * 9 / 10;
    flows::open(connections)?.finish()?;
    let (mut times, mut rates) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        lab.await_pair()?;
        let (active, standby) = lab.roles().ok_or_else(Lab::no_pair)?;
        standby.kill()?;
        // Some more, of other numbers, while the other one joins.
        let more = flows::open_from(connections, connections / 100)?;
        standby.launch(&lab.options().settings)?;
        let joined = Instant::now();
        let complete = || {
            let pair = standby.pair();
            pair.is_ok_and(|pair| pair.own.ready && pair.sync.dataplane.complete)
        };
        wait_until("the joining machine has all connections", 60, complete)?;
        let millis = u64::try_from(joined.elapsed().as_millis()).unwrap_or(u64::MAX);
        more.finish()?;
        let open = Appliance::connections;
        wait_until("both have the same", 30, || open(active) == open(standby))?;
        let found = open(standby);
        times.push(millis);
        rates.push(found * 1000 / millis.max(1));
        if found < wanted {
            println!("only {found} of {connections} connections are open");
            return Ok(false);
        }
    }
    println!(
        "{rounds} times {connections} connections to a machine that joins: {}",
        spread(&times, "ms")
    );
    println!("connections a second: {}", spread(&rates, ""));
    Ok(true)
}
