//! Numbers with their units.

/// 1234567 as `1,234,567`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes in the unit, by thousands, that leaves one to three digits: `1.2 GB`.
pub fn bytes(number: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if number < 1000 {
        return format!("{number} B");
    }
    let mut value = number as f64 / 1000.0;
    let mut unit = UNITS[0];
    for next in UNITS.iter().skip(1) {
        // What would be rounded up to 1000.0 belongs to the next unit.
        if value < 999.95 {
            break;
        }
        value /= 1000.0;
        unit = next;
    }
    format!("{value:.1} {unit}")
}

/// A rate in at most five characters: `0`, `0.4`, `123`, `12.3k`, `1.2M`.
pub fn rate(number: f64) -> String {
    const UNITS: [&str; 5] = ["k", "M", "G", "T", "P"];
    if number < 0.05 || !number.is_finite() {
        return "0".to_owned();
    }
    if number < 9.95 {
        return format!("{number:.1}");
    }
    if number < 999.5 {
        return format!("{number:.0}");
    }
    let mut value = number / 1000.0;
    let mut unit = UNITS[0];
    for next in UNITS.iter().skip(1) {
        if value < 999.5 {
            break;
        }
        value /= 1000.0;
        unit = next;
    }
    if value < 99.95 { format!("{value:.1}{unit}") } else { format!("{value:.0}{unit}") }
}

/// Seconds in their two largest units: `3d 4h`, `2m 5s`, `0s`.
pub fn seconds(number: u64) -> String {
    const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)];
    let mut rest = number;
    let mut parts = Vec::new();
    for (unit, length) in UNITS {
        let whole = rest / length;
        rest %= length;
        if whole > 0 || !parts.is_empty() {
            parts.push((whole, unit));
        }
    }
    parts.truncate(2);
    let shown: Vec<String> = parts
        .iter()
        .filter(|(whole, _)| *whole > 0)
        .map(|(n, unit)| format!("{n}{unit}"))
        .collect();
    if shown.is_empty() { "0s".to_owned() } else { shown.join(" ") }
}

/// Milliseconds, as they are or in the units of [`seconds`]: `20 ms`, `2m 5s`.
pub fn millis(number: u64) -> String {
    if number < 10_000 { format!("{number} ms") } else { seconds(number / 1000) }
}

/// Thousandths as `12.3 %`.
pub fn permille(number: u16) -> String {
    format!("{}.{} %", number / 10, number % 10)
}

/// A count with its noun: `1 server`, `3 servers`.
pub fn plural(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{} {noun}s", count(number as u64)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_in_groups_of_three() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn bytes_in_the_fitting_unit() {
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1000), "1.0 kB");
        assert_eq!(bytes(999_949), "999.9 kB");
        assert_eq!(bytes(999_999), "1.0 MB");
        assert_eq!(bytes(u64::MAX), "18.4 EB");
    }

    #[test]
    fn rates_are_short() {
        let shown = [0.0, 0.4, 9.96, 123.4, 999.6, 12_345.0, 123_456.0, 999_600.0, 2.5e9].map(rate);
        assert_eq!(shown, ["0", "0.4", "10", "123", "1.0k", "12.3k", "123k", "1.0M", "2.5G"]);
        assert_eq!([f64::NAN, f64::INFINITY, -1.0].map(rate), ["0", "0", "0"]);
        for power in 0..60 {
            let text = rate(1.37 * f64::from(power).exp2());
            assert!(text.len() <= 5, "{text}");
        }
    }

    #[test]
    fn seconds_in_two_units() {
        assert_eq!([0, 59, 60, 125].map(seconds), ["0s", "59s", "1m", "2m 5s"]);
        assert_eq!([7440, 86_460, 273_600].map(seconds), ["2h 4m", "1d", "3d 4h"]);
    }

    #[test]
    fn silences() {
        assert_eq!([0, 9999, 10_000, 125_999].map(millis), ["0 ms", "9999 ms", "10s", "2m 5s"]);
    }

    #[test]
    fn shares_and_plurals() {
        assert_eq!(permille(123), "12.3 %");
        assert_eq!(plural(1, "server"), "1 server");
        assert_eq!(plural(0, "server"), "0 servers");
    }
}
