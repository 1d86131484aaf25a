//! The faults that a world can have.

use crate::network::{PATHS, SLOWEST};
use crate::next_hops::Lost;
use crate::random::Random;

/// One thing that goes wrong at a machine or with what it sends; times in microseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// The control process is stopped for a while.
    PauseControl(u64),
    /// The whole machine is stopped for a while.
    PauseMachine(u64),
    /// The control process dies and is started again.
    CrashControl(u64),
    /// The dataplane dies and is started again.
    CrashDataplane(u64),
    /// The machine loses its power and boots.
    CrashMachine(u64),
    /// It is stopped in an orderly manner, and started again.
    Leave(u64),
    /// A path carries nothing from this machine to the other.
    Cut(usize, u64),
    /// No path carries anything from this machine to the other.
    CutAll(u64),
    /// No path carries anything, in either direction.
    Partition(u64),
    /// A path loses so many of a thousand, in both directions.
    Loss(usize, u64, u64),
    /// Heartbeats take up to this long.
    Delay(u64, u64),
    /// The link of a NIC is down, and the path over it.
    LinkDown(usize, u64),
    /// Some next hops of a side do not answer this machine.
    Unreachable(usize, u8, u64),
    /// Neither side's end of a NIC hears the other: the switch's port is in another network.
    WrongNetwork(usize, u64),
    /// What this machine sends through a NIC is lost.
    Mute(usize, u64),
    /// What is sent to it through a NIC is lost.
    Deaf(usize, u64),
    /// Some next hops of a side die, and answer neither machine.
    HopsDie(usize, u8, u64),
    /// This machine has taken another configuration than its peer.
    Reloaded(u64),
    /// The disk refuses every write.
    DiskFull(u64),
    /// Writes to the disk take long.
    DiskSlow(u64),
    /// The witness does not answer this machine.
    WitnessLost(u64),
    /// The operator wants the role to move.
    Handover,
    /// Somebody else announces a floating address.
    Conflict,
}

impl Fault {
    pub(crate) fn random(random: &mut Random) -> Self {
        let path = random.within(0, PATHS as u64) as usize;
        let short = random.within(1_000, 120_000);
        let long = random.within(50_000, 1_200_000);
        let (side, longer) = (path % 2, long * 2);
        match random.within(0, 29) {
            0 => Fault::PauseControl(long),
            1 => Fault::PauseControl(short * 2),
            2 => Fault::PauseMachine(long),
            3 | 4 => Fault::CrashControl(short),
            5 => Fault::CrashControl(long),
            6 => Fault::CrashDataplane(long.min(short * 8)),
            7 => Fault::CrashMachine(long),
            8 => Fault::Leave(long),
            9 => Fault::Cut(path, long),
            10 => Fault::CutAll(long),
            11 => Fault::Partition(long),
            12 => Fault::Loss(path, random.within(10, 600), long),
            13 => Fault::Delay(random.within(4_000, SLOWEST), long),
            14 | 15 => Fault::LinkDown(side, long),
            16 => Fault::DiskFull(long),
            17 => Fault::DiskSlow(long),
            18 => Fault::WitnessLost(long),
            19 => Fault::Conflict,
            20 | 21 => Fault::Unreachable(side, Lost::some(side, random), longer),
            22 => Fault::WrongNetwork(side, longer),
            23 => Fault::Mute(side, longer),
            24 => Fault::Deaf(side, longer),
            25 | 26 => Fault::HopsDie(side, Lost::some(side, random), longer),
            27 => Fault::Reloaded(longer),
            _ => Fault::Handover,
        }
    }
}
