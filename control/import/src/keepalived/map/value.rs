//! The values of keywords.

use core::ops::RangeInclusive;
use core::time::Duration;
use std::net::Ipv4Addr;

use super::Mapper;
use crate::keepalived::read::Statement;
use crate::report::Outcome;

impl Mapper<'_> {
    /// A whole number; what is none is said.
    pub(super) fn number(
        &mut self,
        statement: &Statement,
        range: RangeInclusive<u32>,
    ) -> Option<u32> {
        let number = statement.argument(0).and_then(|word| word.parse().ok());
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            let words = format!(
                "keepalived ignores it: write a whole number from {} to {}",
                range.start(),
                range.end()
            );
            self.wrong(statement, &words);
        }
        self.extra(statement, 1);
        number
    }

    /// A time in seconds, with decimals; what is none is said.
    pub(super) fn timer(&mut self, statement: &Statement) -> Option<Duration> {
        let time = statement.argument(0).and_then(seconds);
        if time.is_none() {
            self.wrong(statement, "keepalived ignores it: write a time in seconds, as in 6 or 0.5");
        }
        self.extra(statement, 1);
        time
    }

    /// On or off; on when nothing is said.
    pub(super) fn switch(&mut self, statement: &Statement) -> Option<bool> {
        self.extra(statement, 1);
        match statement.argument(0) {
            None | Some("on" | "true" | "yes") => Some(true),
            Some("off" | "false" | "no") => Some(false),
            Some(_) => {
                self.wrong(statement, "keepalived ignores it: write on or off");
                None
            }
        }
    }

    /// A word; without one it is said.
    pub(super) fn word<'s>(&mut self, statement: &'s Statement) -> Option<&'s str> {
        let word = statement.argument(0).filter(|word| !word.is_empty());
        if word.is_none() {
            self.wrong(statement, "its value is missing; write it, or take the line out");
        }
        self.extra(statement, 1);
        word
    }

    /// More words than are read.
    fn extra(&mut self, statement: &Statement, most: usize) {
        if statement.words.len() > most + 1 {
            let words = "keepalived ignores what follows the first value; take it out, or begin it \
                         with #";
            self.say(statement, Outcome::Otherwise, words);
        }
    }
}

/// A time in seconds with decimals, at most some thirty years.
pub(super) fn seconds(text: &str) -> Option<Duration> {
    let is_decimal = |c: u8| c.is_ascii_digit() || c == b'.';
    if text.is_empty() || !text.bytes().all(is_decimal) {
        return None;
    }
    let seconds: f64 = text.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok().filter(|time| *time <= Duration::from_secs(1 << 30))
}

/// The length of a mask's prefix, when it is one.
pub(crate) fn prefix_of_mask(mask: Ipv4Addr) -> Option<u8> {
    let bits = mask.to_bits();
    let length = bits.leading_ones();
    let is_prefix = bits.checked_shl(length).unwrap_or(0) == 0;
    is_prefix.then(|| u8::try_from(length).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_masks() {
        assert_eq!(seconds("0.5"), Some(Duration::from_millis(500)));
        assert_eq!(seconds("6"), Some(Duration::from_secs(6)));
        for wrong in ["", "-1", "1e9", "six", "1.2.3", "99999999999", "."] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
        assert_eq!(prefix_of_mask(Ipv4Addr::new(255, 255, 255, 0)), Some(24));
        assert_eq!(prefix_of_mask(Ipv4Addr::BROADCAST), Some(32));
        assert_eq!(prefix_of_mask(Ipv4Addr::new(255, 0, 255, 0)), None);
        assert_eq!(prefix_of_mask(Ipv4Addr::UNSPECIFIED), Some(0));
    }
}
