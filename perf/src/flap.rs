//! A real server whose weight changes again and again, as one whose check fails and succeeds in
//! turn: what it costs the packets of known connections, which it is not to touch.

use core::time::Duration;
use std::sync::mpsc::{RecvTimeoutError, channel};

use serde::Serialize;

use crate::Error;
use crate::record::{Better, Each, Figure};
use crate::statistics::Summary;
use crate::tandem::Run;

/// What was measured while the weight changed, in seconds between those in which it did not.
#[derive(Clone, Debug, Serialize)]
pub struct Flapping {
    /// Forwarded packets, in millions a second, over the seconds.
    pub mpps: Summary,
    /// What is lost of the rate, in per cent: over the pairs of neighbouring seconds.
    pub slower_percent: Summary,
    /// Changes of the weight in all.
    pub changes: u64,
    /// Packets that took the slow path while the weight changed.
    pub slow_packets: u64,
    /// Packets that took it in the seconds without.
    pub slow_packets_without: u64,
}

/// A second without changes, and the next one with them.
pub(crate) struct Pair {
    pub(crate) without: Run,
    pub(crate) with: Run,
    pub(crate) changes: u64,
}

impl Flapping {
    pub(crate) fn of(pairs: &[Pair]) -> Result<Self, Error> {
        let lost = |pair: &Pair| (1.0 - pair.with.mpps / pair.without.mpps) * 100.0;
        let lost: Vec<f64> = pairs.iter().map(lost).collect();
        let summary = Summary::of(&lost);
        Ok(Flapping {
            mpps: figure(pairs).summary()?,
            slower_percent: summary.ok_or_else(|| Error::dataplane("no second was measured"))?,
            changes: pairs.iter().map(|pair| pair.changes).sum(),
            slow_packets: pairs.iter().map(|pair| pair.with.slow).sum(),
            slow_packets_without: pairs.iter().map(|pair| pair.without.slow).sum(),
        })
    }
}

/// The rate while the weight changed.
pub(crate) fn figure(pairs: &[Pair]) -> Figure {
    let rates = pairs.iter().map(|pair| pair.with.mpps).collect();
    Figure::new("tandem, a weight changing", "Mpps", Better::Higher, Each::Second, rates)
}

/// Does the work while a server's weight changes so many times a second between 0 and 1; it is
/// 1 at the end. Returns how many times it has changed as well.
pub(crate) fn meanwhile<T>(
    a_second: u32,
    mut set: impl FnMut(u16) -> Result<(), Error> + Send,
    work: impl FnOnce() -> Result<T, Error>,
) -> Result<(T, u64), Error> {
    let pause = Duration::from_secs(1) / a_second.max(1);
    let (stop, stopped) = channel::<()>();
    std::thread::scope(|scope| {
        let flapper = scope.spawn(move || {
            let mut changes = 0;
            loop {
                set((changes % 2) as u16)?;
                changes += 1;
                if stopped.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
                    break;
                }
            }
            set(1).map(|()| changes)
        });
        let done = work();
        drop(stop);
        let panicked = |_| Err(Error::dataplane("the thread that changes the weight panicked"));
        let changes = flapper.join().unwrap_or_else(panicked)?;
        Ok((done?, changes))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weight_changes_until_the_work_is_done_and_is_one_then() {
        let (seen, weights) = channel();
        let set = move |weight| seen.send(weight).map_err(Error::dataplane);
        // The work is to see some changes.
        let work = || Ok(weights.iter().take(5).collect::<Vec<_>>());
        let (first, changes) = meanwhile(1000, set, work).unwrap();
        assert_eq!(first, [0, 1, 0, 1, 0]);
        let rest: Vec<_> = weights.iter().collect();
        assert_eq!(rest.last(), Some(&1));
        assert_eq!(changes as usize + 1, first.len() + rest.len());
    }

    #[test]
    fn a_change_that_fails_is_told() {
        let refused = |_| Err(Error::dataplane("no such server"));
        let error = meanwhile(10, refused, || Ok(())).unwrap_err();
        assert!(error.to_string().contains("no such server"), "{error}");
    }
}
