//! The keys of `[[service]]` about its servers as a whole.

use core::time::Duration;

use crate::document::{At, Table, value};
use crate::model::pool::WhenAllDown;

const WHEN_ALL_DOWN: &[(&str, WhenAllDown)] =
    &[("keep", WhenAllDown::Keep), ("refuse", WhenAllDown::Refuse), ("sorry", WhenAllDown::Sorry)];

/// The longest slow start.
const SLOWEST: Duration = Duration::from_secs(3600);
/// The largest quorum: what 256 servers of the largest weight have.
const MOST_WEIGHT: i64 = 256 * 65_535;

/// The keys, typed.
pub(crate) struct RawPool {
    pub(crate) slow_start: Option<At<Duration>>,
    pub(crate) panic: Option<At<u8>>,
    pub(crate) when_all_down: Option<At<WhenAllDown>>,
    pub(crate) quorum: Option<At<u32>>,
    pub(crate) hysteresis: Option<At<u32>>,
}

pub(super) fn read(table: &Table<'_>) -> RawPool {
    RawPool {
        slow_start: table.optional("slow_start", value::time(Duration::ZERO..=SLOWEST)),
        panic: table.optional("panic", value::integer(0..=100)),
        when_all_down: table.optional("when_all_down", value::choice(WHEN_ALL_DOWN)),
        quorum: table.optional("quorum", value::integer(1..=MOST_WEIGHT)),
        hysteresis: table.optional("hysteresis", value::integer(0..=MOST_WEIGHT)),
    }
}
