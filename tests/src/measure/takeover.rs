//! The active machine loses its power, again and again.

use super::spread;
use crate::{Error, Lab, Takeover, take_over};

pub(super) fn run(lab: &Lab, rounds: u32, clients: u32) -> Result<bool, Error> {
    let mut takeovers = Vec::new();
    for round in 1..=rounds {
        let takeover = take_over(lab, clients, clients)?;
        println!("{round:>3}  {} to {}  {takeover}", takeover.from, takeover.to);
        let dead = lab.machines().into_iter().find(|one| one.machine.name == takeover.from);
        dead.map_or(Ok(()), |dead| dead.launch(&lab.options().settings))?;
        takeovers.push(takeover);
    }
    let gaps: Vec<u64> = takeovers.iter().map(|one| one.probed.gap_micros / 1000).collect();
    let lost: u64 = takeovers.iter().map(Takeover::lost).sum();
    println!(
        "{rounds} takeovers: gap {}; {lost} of {} connections lost",
        spread(&gaps, "ms"),
        2 * u64::from(clients) * u64::from(rounds),
    );
    Ok(takeovers.iter().all(Takeover::is_good))
}
