//! What was probably meant.

/// The candidate nearest to what was written, if one is near enough to be meant.
pub(crate) fn nearest<'c>(
    written: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    // A name is not guessed from one much longer, and the work stays small.
    if written.len() > 40 {
        return None;
    }
    let written = written.to_lowercase().replace('-', "_");
    let most = (written.chars().count() / 3).max(1);
    let ranked = candidates.into_iter().map(|candidate| (distance(&written, candidate), candidate));
    ranked
        .filter(|(far, _)| *far <= most)
        .min_by_key(|(far, _)| *far)
        .map(|(_, candidate)| candidate)
}

/// Letters to insert, delete, replace or swap with their neighbour to get from one to
/// the other (optimal string alignment).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let width = other.len() + 1;
    let mut rows: [Vec<usize>; 3] = [vec![0; width], vec![0; width], (0..width).collect()];
    let mut before = None;
    for (row, letter) in one.chars().enumerate() {
        rows.rotate_left(1);
        let [two_up, up, current] = &mut rows;
        let mut left = row + 1;
        let mut previous = None;
        current.clear();
        current.push(left);
        for (column, (against, steps)) in other.iter().zip(up.windows(2)).enumerate() {
            let &[diagonal, above] = steps else { continue };
            let mut best =
                (diagonal + usize::from(letter != *against)).min(above + 1).min(left + 1);
            if before == Some(*against) && previous == Some(letter) {
                let swapped = column.checked_sub(1).and_then(|at| two_up.get(at));
                best = best.min(swapped.map_or(usize::MAX, |steps| steps + 1));
            }
            current.push(best);
            left = best;
            previous = Some(*against);
        }
        before = Some(letter);
    }
    let [_, _, last] = &rows;
    last.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        assert_eq!(distance("worker", "workers"), 1);
        assert_eq!(distance("adress", "address"), 1);
        assert_eq!(distance("gatewya", "gateway"), 1);
        assert_eq!(distance("mtu", "mac"), 2);
        assert_eq!(distance("", "mtu"), 3);
        assert_eq!(distance("mtu", ""), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn only_what_is_near_is_meant() {
        assert_eq!(nearest("main-cores", ["main_cores", "workers"]), Some("main_cores"));
        assert_eq!(nearest("Gateway", ["gateway"]), Some("gateway"));
        assert_eq!(nearest("vlan", ["gateway", "mtu", "port"]), None);
    }
}
