//! Spans of time: `900s`, `2h4m`, `500ms`.

use core::time::Duration;

const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("ms", 1), ("m", 60_000), ("s", 1000)];

/// One or more whole numbers, each with its unit. None for anything else, and for
/// more milliseconds than 64 bits hold.
pub fn parse(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at(digits);
        let (unit, milliseconds) = UNITS.iter().find(|(unit, _)| after.starts_with(unit))?;
        let part = number.parse::<u64>().ok()?.checked_mul(*milliseconds)?;
        total = total.checked_add(part)?;
        rest = after.get(unit.len()..)?;
    }
    if text.is_empty() { None } else { Some(Duration::from_millis(total)) }
}

/// The same, as it would be written.
pub(crate) fn display(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, milliseconds) in [UNITS[0], UNITS[1], UNITS[3], UNITS[4], UNITS[2]] {
        if rest >= milliseconds {
            text += &format!("{}{unit}", rest / milliseconds);
            rest %= milliseconds;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_add_up() {
        assert_eq!(parse("900s"), Some(Duration::from_secs(900)));
        assert_eq!(parse("2h4m"), Some(Duration::from_secs(7440)));
        assert_eq!(parse("1m500ms"), Some(Duration::from_millis(60_500)));
        assert_eq!(parse("1d"), Some(Duration::from_secs(86_400)));
    }

    #[test]
    fn what_has_no_unit_is_no_duration() {
        for text in
            ["", "900", "s", "2h4", "2 h", "-1s", "1.5s", "1w", "99999999999999999999s", "ü"]
        {
            assert_eq!(parse(text), None, "{text:?}");
        }
        assert_eq!(parse(&format!("{}d", u64::MAX)), None);
    }

    #[test]
    fn displayed_as_written() {
        for text in ["15m", "2h4m", "1m500ms", "2s", "7d"] {
            assert_eq!(parse(text).map(display).as_deref(), Some(text));
        }
        assert_eq!(display(Duration::ZERO), "0s");
    }
}
