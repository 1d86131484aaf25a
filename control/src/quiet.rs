//! Log lines that must not become a flood.

use core::time::Duration;

use failover::Instant;

/// One line in so long.
const PAUSE: Duration = Duration::from_secs(10);

/// Says when a line may be written again.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quiet(Option<Instant>);

impl Quiet {
    /// True the first time and once in ten seconds.
    pub fn may_speak(&mut self, now: Instant) -> bool {
        let is_due = self.0.is_none_or(|last| now.since(last) >= PAUSE);
        if is_due {
            self.0 = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_in_ten_seconds() {
        let mut quiet = Quiet::default();
        let spoken = (0..100).filter(|&tenth| quiet.may_speak(Instant(tenth * 250_000))).count();
        assert_eq!(spoken, 3);
    }
}
