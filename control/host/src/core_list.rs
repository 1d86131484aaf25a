//! Lists of cores as the kernel and its command line write them: `0-3,8`.

use config::CoreId;

/// The cores of a list, in its order; `None` where it is no list. The empty text is the empty list.
#[must_use]
pub fn parse(text: &str) -> Option<Vec<CoreId>> {
    let text = text.trim();
    if text.is_empty() {
        return Some(Vec::new());
    }
    let ranges = text.split(',').map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = (first.trim().parse::<u16>().ok()?, last.trim().parse::<u16>().ok()?);
        (first <= last).then_some(first..=last)
    });
    let ranges: Vec<_> = ranges.collect::<Option<_>>()?;
    Some(ranges.into_iter().flatten().map(CoreId).collect())
}

/// The list of these cores, sorted and without repetitions.
#[must_use]
pub fn format(cores: &[CoreId]) -> String {
    let mut sorted = cores.to_vec();
    sorted.sort();
    sorted.dedup();
    let mut ranges: Vec<(u16, u16)> = Vec::new();
    for CoreId(core) in sorted {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == core => *last = core,
            _ => ranges.push((core, core)),
        }
    }
    let text = |(first, last): (u16, u16)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    ranges.into_iter().map(text).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_and_written() {
        let cores = |list: &[u16]| list.iter().copied().map(CoreId).collect::<Vec<_>>();
        assert_eq!(parse("0-2,8\n"), Some(cores(&[0, 1, 2, 8])));
        assert_eq!(parse(""), Some(Vec::new()));
        for wrong in ["a", "1-", "3-1", "1,,2", "-1", "99999"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        assert_eq!(format(&cores(&[8, 1, 0, 2, 2])), "0-2,8");
        assert_eq!(format(&[]), "");
        assert_eq!(format(&cores(&[65535, 65534])), "65534-65535");
    }
}
