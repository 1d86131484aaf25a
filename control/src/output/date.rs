//! Dates.

/// Seconds since 1970 as `2026-03-01 12:00:00 UTC`.
pub fn utc(seconds: u64) -> String {
    let (year, month, day) = civil(seconds / 86_400);
    let of_day = seconds % 86_400;
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// Milliseconds since 1970 as RFC 3339 has them, in UTC: `2026-03-01T12:00:00.250Z`.
pub fn rfc3339(millis: u64) -> String {
    let text = utc(millis / 1000);
    let text = text.trim_end_matches(" UTC").replacen(' ', "T", 1);
    format!("{text}.{:03}Z", millis % 1000)
}

/// Milliseconds since 1970 of a time: as RFC 3339 has it, or a date with or without a time of the
/// day, which is UTC then. None if it is neither.
pub fn parse(text: &str) -> Option<u64> {
    let text = text.trim();
    let at = text.parse::<jiff::Timestamp>().ok().or_else(|| {
        let text = text.trim_end_matches('Z').trim_end_matches("UTC").trim_end();
        let civil = text.parse::<jiff::civil::DateTime>().ok();
        let date = || text.parse::<jiff::civil::Date>().ok().map(Into::into);
        jiff::tz::Offset::UTC.to_timestamp(civil.or_else(date)?).ok()
    })?;
    u64::try_from(at.as_millisecond()).ok()
}

/// Year, month and day of the Gregorian calendar from days since 1970. Years are
/// counted from March on, so that the leap day comes last.
fn civil(days: u64) -> (u64, u64, u64) {
    const ERA: u64 = 146_097; // days in 400 years
    let days = days + 719_468; // from 1 March of the year 0
    let (era, day_of_era) = (days / ERA, days % ERA);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_dates() {
        // The expected values are those of `date -u -d @N`.
        assert_eq!(utc(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(utc(951_782_400), "2000-02-29 00:00:00 UTC");
        assert_eq!(utc(1_772_366_400), "2026-03-01 12:00:00 UTC");
        assert_eq!(utc(4_107_542_399), "2100-02-28 23:59:59 UTC");
        assert_eq!(utc(4_107_542_400), "2100-03-01 00:00:00 UTC");
        assert_eq!(rfc3339(1_772_366_400_007), "2026-03-01T12:00:00.007Z");
    }

    #[test]
    fn a_time_is_read_as_it_is_shown_and_in_other_ways() {
        let noon = 1_772_366_400_000;
        for text in [
            "2026-03-01T12:00:00Z",
            "2026-03-01T12:00:00.000Z",
            "2026-03-01 12:00:00 UTC",
            "2026-03-01 12:00",
            "2026-03-01T14:00:00+02:00",
        ] {
            assert_eq!(parse(text), Some(noon), "{text}");
        }
        assert_eq!(parse("2026-03-01"), Some(noon - 43_200_000));
        for text in ["", "noon", "12:00", "2026-13-01", "1969-01-01", "2026-03-01 25:00"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
