//! `~SEQ(x, 1, 10) …` and `~LST(x, a, b) …`: one line for many.

/// A line that is read several times, with other values of its variables each time.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Sequence<'t> {
    /// The names.
    pub(super) names: Vec<&'t str>,
    pub(super) values: Values<'t>,
    /// What is read.
    pub(super) text: &'t str,
}

/// The values, one after the other.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Values<'t> {
    /// Numbers from one to another.
    Numbers { first: i64, step: i64, last: i64, is_hex: bool },
    /// One for each name, each time.
    Lists(Vec<Vec<&'t str>>),
}

/// A number as C's `strtol` reads it: decimal, `0x…` or octal.
fn number(text: &str) -> Option<i64> {
    let (digits, is_negative) = match text.strip_prefix('-') {
        Some(digits) => (digits, true),
        None => (text.strip_prefix('+').unwrap_or(text), false),
    };
    let hexadecimal = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    let value = match (hexadecimal, digits.strip_prefix('0')) {
        (Some(digits), _) => i64::from_str_radix(digits, 16),
        (None, Some(digits)) if !digits.is_empty() => i64::from_str_radix(digits, 8),
        _ => digits.parse(),
    };
    value.ok().map(|value| if is_negative { -value } else { value })
}

/// A sequence, when the line is one of either kind; `put_in` puts variables in its numbers.
pub(super) fn sequence<'t>(
    text: &'t str,
    put_in: impl FnOnce(&str) -> String,
) -> Option<Sequence<'t>> {
    if let Some(rest) = text.strip_prefix("~SEQ") {
        let (rest, is_hex) = rest.strip_prefix('x').map_or((rest, false), |rest| (rest, true));
        let inside = rest.trim_start().strip_prefix('(')?;
        let (inside, text) = inside.split_once(')')?;
        let (name, numbers) = inside.split_once(',')?;
        let values = numbers_of(&put_in(numbers), is_hex)?;
        let name = name.trim();
        return is_name(name).then(|| Sequence {
            names: vec![name],
            values,
            text: text.trim_start(),
        });
    }
    list(text.strip_prefix("~LST")?.trim_start().strip_prefix('(')?)
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_')
}

fn numbers_of(text: &str, is_hex: bool) -> Option<Values<'static>> {
    let numbers: Option<Vec<i64>> = text.split(',').map(|part| number(part.trim())).collect();
    let (first, step, last) = match numbers?[..] {
        [last] => {
            let sign = |least| if last < least { -1 } else { 1 };
            (sign(0), sign(1), last)
        }
        [first, last] => (first, if first <= last { 1 } else { -1 }, last),
        [first, step, last] => (first, step, last),
        _ => return None,
    };
    let runs = step != 0 && (first == last || (first < last) == (step > 0));
    (runs && !(is_hex && (first < 0 || last < 0))).then_some(Values::Numbers {
        first,
        step,
        last,
        is_hex,
    })
}

fn list(inside: &str) -> Option<Sequence<'_>> {
    let (names, rest) = group(inside.trim_start())?;
    if !names.iter().all(|name| is_name(name)) {
        return None;
    }
    let mut rest = rest.trim_start().strip_prefix(',')?.trim_start();
    let mut values = Vec::new();
    loop {
        let (mut group, after) = group(rest)?;
        if group.len() > names.len() {
            return None;
        }
        // What is not given is empty.
        group.resize(names.len(), "");
        values.push(group);
        rest = after.trim_start();
        if let Some(text) = rest.strip_prefix(')') {
            let text = text.trim_start();
            return Some(Sequence { names, values: Values::Lists(values), text });
        }
        rest = rest.strip_prefix(',')?.trim_start();
    }
}

/// Words between braces, or one word; and what follows.
fn group(text: &str) -> Option<(Vec<&str>, &str)> {
    if let Some(inside) = text.strip_prefix('{') {
        let (inside, rest) = inside.split_once('}')?;
        return Some((inside.split(',').map(str::trim).collect(), rest));
    }
    let end = text.find([',', ')', '}'])?;
    let (word, rest) = text.split_at(end);
    Some((vec![word.trim()], rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(text: &str) -> Option<(i64, i64, i64, bool)> {
        match sequence(text, str::to_owned)?.values {
            Values::Numbers { first, step, last, is_hex } => Some((first, step, last, is_hex)),
            Values::Lists(_) => None,
        }
    }

    #[test]
    fn sequences_of_numbers() {
        assert_eq!(numbers("~SEQ(x, 3) a"), Some((1, 1, 3, false)));
        assert_eq!(numbers("~SEQ(x, -3) a"), Some((-1, -1, -3, false)));
        assert_eq!(numbers("~SEQ (x,5,2) a"), Some((5, -1, 2, false)));
        assert_eq!(numbers("~SEQx(x, 0x10, 8, 040) a"), Some((16, 8, 32, true)));
        for wrong in ["~SEQ(x, 1, 0, 5) a", "~SEQ(x, 5, 1, 1)", "~SEQ(1, 2)", "~SEQx(x, -1)"] {
            assert_eq!(numbers(wrong), None, "{wrong}");
        }
        assert_eq!(sequence("~SEQ(x, 2)  $x b", str::to_owned).unwrap().text, "$x b");
    }

    #[test]
    fn sequences_of_words() {
        let found = sequence("~LST({a, b}, {1, 2}, {3}) $a $b", str::to_owned).unwrap();
        assert_eq!(found.names, ["a", "b"]);
        assert_eq!(found.values, Values::Lists(vec![vec!["1", "2"], vec!["3", ""]]));
        let found = sequence("~LST(a, x, y) $a", str::to_owned).unwrap();
        assert_eq!(found.values, Values::Lists(vec![vec!["x"], vec!["y"]]));
        for wrong in ["~LST(a)", "~LST(a, b", "~LST({a}, {1, 2})", "~LST({a, 1)"] {
            assert_eq!(sequence(wrong, str::to_owned), None, "{wrong}");
        }
    }
}
