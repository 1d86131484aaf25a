//! Damping of a machine that loses its fitness again and again, after RFC 2439 (BGP route flap
//! damping).
//!
//! Each loss adds to a penalty, which decays exponentially. A machine whose penalty is above one
//! threshold is damped until the penalty has decayed to a lower one. A ceiling bounds the penalty,
//! and with it the time for which a machine is damped after its last loss.

use core::time::Duration;

use crate::time::Instant;

/// What one loss of fitness adds to the penalty.
pub const PENALTY: u32 = 1_000;

/// How a penalty grows and decays, and from when to when it counts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Damping {
    /// The time in which a penalty decays to its half.
    pub half_life: Duration,
    /// A machine is damped when its penalty exceeds this.
    pub suppress: u32,
    /// A machine is no longer damped when its penalty has decayed to this.
    pub reuse: u32,
    /// The longest time for which a machine is damped after its last loss.
    pub longest: Duration,
}

impl Default for Damping {
    /// The third loss within half a minute, or one each ten seconds, damps; a minute ends it.
    fn default() -> Self {
        Damping {
            half_life: Duration::from_secs(15),
            suppress: 2_000,
            reuse: 750,
            longest: Duration::from_secs(60),
        }
    }
}

impl Damping {
    /// No machine is ever damped.
    pub const OFF: Damping = Damping {
        half_life: Duration::from_secs(15),
        suppress: u32::MAX,
        reuse: 0,
        longest: Duration::ZERO,
    };

    /// What is left of a penalty after this time. Between two half lives it decays in a straight
    /// line, so that whole numbers are enough and the time to any value can be told.
    fn decayed(&self, penalty: u32, time: Duration) -> u32 {
        let (micros, half_life) = (time.as_micros(), self.half_life.as_micros().max(1));
        let halvings = u32::try_from(micros / half_life).unwrap_or(u32::MAX);
        let whole = u128::from(penalty.checked_shr(halvings).unwrap_or(0));
        let left = whole - whole / 2 * (micros % half_life) / half_life;
        u32::try_from(left).unwrap_or(penalty)
    }

    /// The time in which a penalty decays to this value.
    fn time_to(&self, mut penalty: u32, value: u32) -> Duration {
        let mut time = Duration::ZERO;
        while penalty / 2 > value {
            penalty /= 2;
            time += self.half_life;
        }
        match penalty.saturating_sub(value) {
            0 => time,
            more => time + self.half_life * more / (penalty / 2).max(more),
        }
    }

    /// The penalty that takes the longest time to decay to the lower threshold. It is no lower
    /// than what damps at all.
    fn ceiling(&self) -> u32 {
        let half_life = self.half_life.as_micros().max(1);
        let halvings = u32::try_from(self.longest.as_micros() / half_life).unwrap_or(u32::MAX);
        let most = u64::from(self.reuse).checked_shl(halvings.min(31)).unwrap_or(u64::MAX);
        u32::try_from(most).unwrap_or(u32::MAX).max(self.suppress.saturating_add(1))
    }
}

/// A machine that is damped, for the operator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Damped {
    /// How often the machine has lost its fitness.
    pub losses: u32,
    /// The time in which it has, up to now.
    pub within: Duration,
    /// How long the machine stays damped if it loses nothing more.
    pub left: Duration,
}

/// The losses of one machine, and what is left of their penalty.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Losses {
    /// The penalty as it was at the last loss, and when that was.
    penalty: u32,
    last: Instant,
    /// Losses since the penalty was last forgotten, and when the first of them was.
    count: u32,
    first: Instant,
    is_damped: bool,
    /// True from a loss until the machine is fit again, since nothing more can be lost meanwhile.
    is_unfit: bool,
}

impl Losses {
    /// The losses of a machine that starts. One that is not fit yet has lost nothing.
    pub(crate) fn new(is_unfit: bool, now: Instant) -> Self {
        Losses { penalty: 0, last: now, count: 0, first: now, is_damped: false, is_unfit }
    }

    /// Notes that the machine is fit.
    pub(crate) fn fit(&mut self) {
        self.is_unfit = false;
    }

    /// Notes that the machine is not fit. Returns true if it becomes damped by that.
    pub(crate) fn unfit(&mut self, damping: &Damping, now: Instant) -> bool {
        if core::mem::replace(&mut self.is_unfit, true) {
            return false;
        }
        let before = self.penalty(damping, now);
        let was_damped = self.is_damped(damping, now);
        // RFC 2439 forgets a history at half of the lower threshold.
        (self.count, self.first) = if before > damping.reuse / 2 {
            (self.count.saturating_add(1), self.first)
        } else {
            (1, now)
        };
        self.penalty = before.saturating_add(PENALTY).min(damping.ceiling());
        self.last = now;
        self.is_damped = was_damped || self.penalty > damping.suppress;
        self.is_damped && !was_damped
    }

    fn penalty(&self, damping: &Damping, now: Instant) -> u32 {
        damping.decayed(self.penalty, now.since(self.last))
    }

    /// True while the machine is damped.
    pub(crate) fn is_damped(&self, damping: &Damping, now: Instant) -> bool {
        self.is_damped && self.penalty(damping, now) > damping.reuse
    }

    /// The losses for which the machine is damped, if it is.
    pub(crate) fn damped(&self, damping: &Damping, now: Instant) -> Option<Damped> {
        self.is_damped(damping, now).then(|| Damped {
            losses: self.count,
            within: now.since(self.first),
            left: damping.time_to(self.penalty(damping, now), damping.reuse),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAMPING: Damping = Damping {
        half_life: Duration::from_secs(15),
        suppress: 2_000,
        reuse: 750,
        longest: Duration::from_secs(60),
    };

    fn at(seconds: f64) -> Instant {
        Instant((seconds * 1e6) as u64)
    }

    /// A machine that loses its fitness this often, each so many seconds, and is fit between.
    fn losing(times: u32, each: f64) -> (Losses, Instant) {
        let mut losses = Losses::new(false, at(0.0));
        let mut now = at(0.0);
        for time in 0..times {
            now = at(1.0 + f64::from(time) * each);
            losses.unfit(&DAMPING, now);
            losses.fit();
        }
        (losses, now)
    }

    #[test]
    fn a_penalty_is_halved_in_each_half_life() {
        for (seconds, left) in [(0, 1_000), (15, 500), (30, 250), (45, 125), (600, 0)] {
            assert_eq!(DAMPING.decayed(1_000, Duration::from_secs(seconds)), left);
        }
        assert_eq!(DAMPING.decayed(u32::MAX, Duration::MAX), 0);
    }

    #[test]
    fn a_penalty_never_grows_by_itself_and_stays_close_to_the_exponential() {
        let mut before = 12_000;
        for millis in 0..90_000 {
            let left = DAMPING.decayed(12_000, Duration::from_millis(millis));
            let exact = 12_000.0 * 0.5_f64.powf(millis as f64 / 15_000.0);
            assert!(left <= before && f64::from(left) >= exact - 2.0, "{millis}");
            assert!(f64::from(left) <= exact * 1.07 + 2.0, "{millis}: {left} {exact}");
            before = left;
        }
    }

    #[test]
    fn the_time_to_a_value_is_the_time_in_which_it_is_reached() {
        for penalty in [751, 1_000, 1_499, 1_500, 2_001, 2_999, 5_903, 12_000, u32::MAX] {
            let time = DAMPING.time_to(penalty, 750);
            assert!(DAMPING.decayed(penalty, time + Duration::from_millis(20)) <= 750, "{penalty}");
            let earlier = time.saturating_sub(Duration::from_millis(50));
            assert!(DAMPING.decayed(penalty, earlier) >= 750, "{penalty}");
        }
        assert_eq!(DAMPING.time_to(750, 750), Duration::ZERO);
    }

    #[test]
    fn the_third_loss_in_a_row_damps_and_two_do_not() {
        let (losses, now) = losing(2, 1.0);
        assert_eq!(losses.damped(&DAMPING, now), None);
        let (losses, now) = losing(3, 1.0);
        let damped = losses.damped(&DAMPING, now).unwrap();
        assert_eq!((damped.losses, damped.within), (3, Duration::from_secs(2)));
        // It says how long it takes, and takes no longer.
        let over = now.plus(damped.left + Duration::from_millis(100));
        assert_eq!(losses.damped(&DAMPING, over), None);
        let before = now.plus(damped.left - Duration::from_millis(100));
        assert!(losses.damped(&DAMPING, before).is_some());
    }

    #[test]
    fn rare_losses_never_damp() {
        let (losses, now) = losing(1_000, 20.0);
        assert_eq!(losses.damped(&DAMPING, now), None);
        // The control: more frequent ones do.
        let (losses, now) = losing(1_000, 10.0);
        assert!(losses.damped(&DAMPING, now).is_some());
    }

    #[test]
    fn the_longest_time_is_bounded_however_often_fitness_is_lost() {
        let (losses, now) = losing(100_000, 0.01);
        let damped = losses.damped(&DAMPING, now).unwrap();
        assert_eq!(damped.left, DAMPING.longest);
        assert_eq!(losses.damped(&DAMPING, now.plus(DAMPING.longest)), None);
    }

    #[test]
    fn a_loss_that_lasts_counts_once() {
        let mut losses = Losses::new(false, at(0.0));
        for step in 0..1_000 {
            losses.unfit(&DAMPING, at(f64::from(step) * 0.01));
        }
        assert_eq!((losses.count, losses.penalty), (1, PENALTY));
    }

    #[test]
    fn a_machine_that_starts_unfit_has_lost_nothing() {
        let mut losses = Losses::new(true, at(0.0));
        losses.unfit(&DAMPING, at(1.0));
        assert_eq!(losses.count, 0);
    }

    #[test]
    fn what_is_forgotten_is_counted_no_more() {
        let (mut losses, now) = losing(5, 1.0);
        let later = now.plus(Duration::from_secs(300));
        losses.unfit(&DAMPING, later);
        assert_eq!((losses.count, losses.first), (1, later));
    }

    #[test]
    fn where_it_is_off_nothing_damps() {
        let mut losses = Losses::new(false, at(0.0));
        for step in 0..1_000 {
            assert!(!losses.unfit(&Damping::OFF, at(f64::from(step) * 0.01)));
            losses.fit();
        }
    }
}
