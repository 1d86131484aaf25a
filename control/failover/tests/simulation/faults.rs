//! What goes wrong.

use crate::random::Random;

/// Paths between the machines.
pub(crate) const PATHS: usize = 3;

/// One thing that goes wrong; with a time, it is over after so many microseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// The control process of a machine stands still.
    PauseControl(usize, u64),
    /// The whole machine does.
    PauseMachine(usize, u64),
    /// The control process dies and is started again.
    CrashControl(usize, u64),
    /// The dataplane dies and is started again.
    CrashDataplane(usize, u64),
    /// The machine loses its power and boots.
    CrashMachine(usize, u64),
    /// A path carries nothing from this machine to the other.
    Cut(usize, usize, u64),
    /// All paths carry nothing, in both directions.
    Partition(u64),
    /// A path loses so many of a thousand.
    Loss(usize, u64, u64),
    /// A NIC's link is down.
    LinkDown(usize, u64),
    /// The disk takes no writes.
    DiskFull(usize, u64),
    /// The operator wants the role to move.
    Handover(usize),
}

impl Fault {
    pub(crate) fn random(random: &mut Random) -> Self {
        let node = random.within(0, 2) as usize;
        let path = random.within(0, PATHS as u64) as usize;
        let short = random.within(1_000, 120_000);
        let long = random.within(50_000, 1_200_000);
        match random.within(0, 14) {
            0 => Fault::PauseControl(node, long),
            1 => Fault::PauseMachine(node, long),
            2 | 3 => Fault::CrashControl(node, short),
            4 => Fault::CrashControl(node, long),
            5 => Fault::CrashDataplane(node, long),
            6 => Fault::CrashMachine(node, long),
            7 => Fault::Cut(node, path, long),
            8 => Fault::Partition(long),
            9 => Fault::Loss(path, random.within(10, 600), long),
            10 => Fault::LinkDown(node, long),
            11 => Fault::DiskFull(node, long),
            _ => Fault::Handover(node),
        }
    }
}
