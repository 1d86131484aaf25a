//! What was probably meant. It is said, and nothing is done with it.

/// The words for something that is not known, with the nearest of what is.
pub(crate) fn unknown<'c>(
    what: &str,
    written: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> String {
    match nearest(written, candidates) {
        Some(meant) => format!("this is no {what}; did you mean {meant}? Nothing is guessed"),
        None => format!("this is no {what}; nothing is guessed, so write it by hand"),
    }
}

/// The candidate nearest to what was written, if one is near enough to be meant.
fn nearest<'c>(written: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    if written.len() > 40 {
        return None;
    }
    let most = (written.chars().count() / 3).max(1);
    let near = candidates.into_iter().map(|candidate| (distance(written, candidate), candidate));
    near.filter(|(far, _)| *far <= most).min().map(|(_, candidate)| candidate)
}

/// Letters to insert, delete, replace or swap with their neighbour to get from one to the other
/// (optimal string alignment), without regard to case.
fn distance(one: &str, other: &str) -> usize {
    let letters = |text: &str| text.to_lowercase().chars().collect::<Vec<char>>();
    let (one, other) = (letters(one), letters(other));
    let at = |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX / 2);
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=other.len()).collect();
    for (row, letter) in one.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, against) in other.iter().enumerate() {
            let replaced = at(&above, column) + usize::from(letter != against);
            let mut best = replaced.min(at(&above, column + 1) + 1).min(at(&current, column) + 1);
            if row > 0
                && column > 0
                && one.get(row - 1) == Some(against)
                && other.get(column - 1) == Some(letter)
            {
                best = best.min(at(&before, column - 1) + 1);
            }
            current.push(best);
        }
        before = core::mem::replace(&mut above, current);
    }
    at(&above, other.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_near_is_meant() {
        assert_eq!(nearest("lb_argo", ["lb_kind", "lb_algo"]), Some("lb_algo"));
        assert_eq!(nearest("Protocol", ["protocol"]), Some("protocol"));
        assert_eq!(nearest("weihgt", ["weight"]), Some("weight"));
        assert_eq!(nearest("vlan", ["gateway", "mtu"]), None);
        assert_eq!((distance("kitten", "sitting"), distance("", "abc")), (3, 3));
    }
}
