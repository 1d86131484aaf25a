//! What the processes of both machines hold while nothing happens: memory, and packet buffers.

use std::collections::BTreeMap;

use super::WHOLE;
use crate::{Appliance, Driver, Error, Lab, wait_until};

/// KiB that a process has, by machine, name and number.
pub(super) type Memory = BTreeMap<(&'static str, &'static str, u32), u64>;

/// Buffers of a pool that are on their way at any moment: heartbeats, ARP and requests on
/// connections that are kept alive, a burst of 32 at most in each of the few queues and rings
/// where they are.
const ON_THE_WAY: u64 = 256;
/// Buffers that the queues of both NICs hold: a receive and a transmit queue each. DPDK's XDP driver
/// keeps as many as a ring of its own has, 2,048, to receive into, and as many at the most that were
/// sent and that it has not looked after yet.
const IN_XDP_QUEUES: u64 = 2 * 2 * 2048;

/// Buffers of a pool that may be in use at rest. Those in the caches of the cores are none of
/// them.
const fn at_rest(driver: Driver) -> u64 {
    match driver {
        // Its driver copies, and its queues hold none.
        Driver::AfPacket => ON_THE_WAY,
        Driver::AfXdp => IN_XDP_QUEUES + ON_THE_WAY,
    }
}

/// Waits until the buffers of both machines are back in their pools. Fragments whose first one is
/// lost keep theirs for 30 seconds.
pub(super) fn await_buffers(lab: &Lab, driver: Driver) -> Result<(), Error> {
    let are_back = |machine: &Appliance| {
        let pools = in_use(machine);
        !pools.is_empty() && pools.iter().all(|(_, used)| *used <= at_rest(driver))
    };
    let what = format!("each pool has all buffers but {}", at_rest(driver));
    wait_until(&what, WHOLE, || lab.machines().into_iter().all(are_back)).map_err(|error| {
        match error {
            Error::Waited { seconds, what, .. } => {
                Error::Waited { seconds, what, words: format!("; in use: {}", buffers(lab)) }
            }
            other => other,
        }
    })
}

/// The pools of a machine and the buffers of each that are in use; none if it does not answer.
fn in_use(machine: &Appliance) -> Vec<(String, u64)> {
    let counters = machine.client().ok().and_then(|mut client| client.counters().ok());
    let pools = counters.map(|counters| counters.mempools).unwrap_or_default();
    pools.into_iter().map(|pool| (pool.name, pool.in_use)).collect()
}

/// The buffers in use on both machines, in words.
pub(super) fn buffers(lab: &Lab) -> String {
    let told = lab.machines().map(|machine| {
        let pools = in_use(machine);
        let pools: Vec<_> = pools.iter().map(|(name, used)| format!("{name} {used}")).collect();
        format!("{}: {}", machine.machine.name, pools.join(", "))
    });
    told.join("; ")
}

/// What the processes of both machines have now.
pub(super) fn memory(lab: &Lab) -> Memory {
    let mut memory = Memory::new();
    for machine in lab.machines() {
        let processes = [
            ("tandem-dataplane", machine.process()),
            ("tandem-control", machine.control.process()),
        ];
        for (name, process) in processes {
            let Some(process) = process else { continue };
            let status = std::fs::read_to_string(format!("/proc/{process}/status"));
            let status = status.unwrap_or_default();
            let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
            let number = resident.and_then(|line| line.split_whitespace().next()?.parse().ok());
            if let Some(kibibytes) = number {
                memory.insert((machine.machine.name, name, process), kibibytes);
            }
        }
    }
    memory
}
