//! When the floating addresses are announced.
//!
//! An announcement is lost as easily as any frame, and a switch or host may be slow to
//! take it, so each is repeated at growing intervals (RFC 5227 section 2.3 asks for two,
//! VRRP's implementations send five), and refreshed for as long as the role lasts.

use nat::Instant;

/// Milliseconds after the claim.
const STEPS: [Step; 6] = [
    Step { after: 0, unicast: true },
    Step { after: 20, unicast: false },
    Step { after: 100, unicast: false },
    Step { after: 500, unicast: true },
    Step { after: 2000, unicast: false },
    Step { after: 5000, unicast: false },
];
/// Then again and again, as long.
const REFRESH: u64 = 60_000;

struct Step {
    after: u64,
    unicast: bool,
}

/// To whom the floating addresses are announced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Audience {
    /// To the whole link, as request and as reply.
    Link,
    /// The same, and to each known neighbour by unicast.
    LinkAndNeighbours,
}

/// The schedule of announcements of one reign.
#[derive(Debug, Default)]
pub struct Schedule {
    began: Option<Instant>,
    done: usize,
    last: Instant,
}

impl Schedule {
    /// Begins, or begins again.
    pub fn start(&mut self, now: Instant) {
        *self = Schedule { began: Some(now), done: 0, last: now };
    }

    /// Ends; nothing is due any more.
    pub fn stop(&mut self) {
        self.began = None;
    }

    /// Every step was taken: what is due from now on is the refresh.
    pub fn is_refreshing(&self) -> bool {
        self.done >= STEPS.len()
    }

    /// The announcement that is due now, if one is. Those that were missed are one.
    pub fn due(&mut self, now: Instant) -> Option<Audience> {
        let age = now.since(self.began?);
        let steps = STEPS.get(self.done..).unwrap_or_default();
        let (reached, unicast) = steps
            .iter()
            .take_while(|step| age >= step.after)
            .fold((0, false), |(count, unicast), step| (count + 1, unicast || step.unicast));
        let refresh = steps.is_empty() && now.since(self.last) >= REFRESH;
        if reached == 0 && !refresh {
            return None;
        }
        self.done += reached;
        self.last = now;
        Some(if unicast { Audience::LinkAndNeighbours } else { Audience::Link })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    /// Every announcement in a span of time, looked for each millisecond.
    fn announcements(schedule: &mut Schedule, span: core::ops::Range<u64>) -> Vec<(u64, Audience)> {
        span.filter_map(|millis| Some((millis, schedule.due(at(millis))?))).collect()
    }

    #[test]
    fn six_in_five_seconds_and_one_a_minute_then() {
        let mut schedule = Schedule::default();
        assert_eq!(announcements(&mut schedule, 0..100), []);
        schedule.start(at(100));
        let (link, all) = (Audience::Link, Audience::LinkAndNeighbours);
        assert_eq!(
            announcements(&mut schedule, 100..200_000),
            [
                (100, all),
                (120, link),
                (200, link),
                (600, all),
                (2100, link),
                (5100, link),
                (65_100, link),
                (125_100, link),
                (185_100, link),
            ]
        );
    }

    #[test]
    fn nothing_is_due_after_the_end() {
        let mut schedule = Schedule::default();
        schedule.start(at(0));
        assert!(schedule.due(at(0)).is_some());
        schedule.stop();
        assert_eq!(announcements(&mut schedule, 0..70_000), []);
    }

    #[test]
    fn what_was_missed_is_sent_once() {
        let mut schedule = Schedule::default();
        schedule.start(at(0));
        assert_eq!(schedule.due(at(700)), Some(Audience::LinkAndNeighbours));
        assert_eq!(announcements(&mut schedule, 700..2500), [(2000, Audience::Link)]);
    }

    #[test]
    fn a_new_start_begins_anew() {
        let mut schedule = Schedule::default();
        schedule.start(at(0));
        announcements(&mut schedule, 0..3000);
        schedule.start(at(3000));
        let times: Vec<u64> =
            announcements(&mut schedule, 3000..4000).into_iter().map(|(at, _)| at).collect();
        assert_eq!(times, [3000, 3020, 3100, 3500]);
    }
}
