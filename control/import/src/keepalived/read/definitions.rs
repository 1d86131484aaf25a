//! `$NAME=value`, and `$NAME` or `${NAME}` where the value is put in.

use std::collections::HashMap;

/// The longest line after its variables were put in, in bytes; that of keepalived is 1,023.
pub(super) const LONGEST_LINE: usize = 4096;

/// The most variables that are put in one line, one into the other.
const MOST_IN_A_LINE: usize = 256;

/// The variables of the files.
#[derive(Default)]
pub(super) struct Definitions {
    /// The lines of each.
    known: HashMap<String, Vec<String>>,
}

/// A line with its variables put in.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Replaced {
    pub(super) text: String,
    /// The further lines of a variable at the end.
    pub(super) more: Vec<String>,
}

/// Why variables were not put in.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Refused {
    TooLong,
    Endless,
}

/// What keepalived knows by itself, and what that is here.
pub(super) struct BuiltIn<'b> {
    pub(super) folder: &'b str,
    pub(super) instance: Option<&'b str>,
}

impl Definitions {
    pub(super) fn set(&mut self, name: &str, lines: Vec<String>) {
        self.known.insert(name.to_owned(), lines);
    }

    pub(super) fn add_line(&mut self, name: &str, line: &str) {
        self.known.entry(name.to_owned()).or_default().push(line.to_owned());
    }

    /// The line with all variables that are known put in, also those of their values; none when
    /// there is none. `count` counts them.
    pub(super) fn replace(
        &self,
        text: &str,
        built_in: &BuiltIn<'_>,
        count: &mut usize,
    ) -> Result<Option<Replaced>, Refused> {
        let mut text = text.to_owned();
        let (mut more, mut at, mut replaced) = (Vec::new(), 0, 0);
        while let Some(found) = text.get(at..).and_then(|rest| rest.find('$')) {
            let here = at + found;
            let after = text.get(here + 1..).unwrap_or_default();
            let Some((lines, length)) = self.find(after, built_in) else {
                at = here + 1;
                continue;
            };
            replaced += 1;
            *count += 1;
            if replaced > MOST_IN_A_LINE {
                return Err(Refused::Endless);
            }
            let mut lines = lines.into_iter();
            let first = lines.next().unwrap_or_default();
            // Further lines of an inner one come before those of the outer one.
            more = lines.chain(more).collect();
            let is_sequence = first.trim_start().starts_with('~');
            text.replace_range(here..here + 1 + length, &first);
            if text.len() > LONGEST_LINE || more.len() > LONGEST_LINE {
                return Err(Refused::TooLong);
            }
            if is_sequence {
                break;
            }
            at = here;
        }
        Ok((replaced > 0).then_some(Replaced { text, more }))
    }

    /// The lines of the variable that is named behind a `$`, and the length of its name there.
    fn find(&self, after: &str, built_in: &BuiltIn<'_>) -> Option<(Vec<String>, usize)> {
        let (name, parameters, length) = name(after)?;
        let is_last = length == after.len();
        if let Some(lines) = self.known.get(name) {
            let usable = parameters.is_empty() && (lines.len() < 2 || is_last);
            return usable.then(|| (lines.clone(), length));
        }
        let value = match name {
            "_PWD" if parameters.is_empty() => built_in.folder.to_owned(),
            "_INSTANCE" if parameters.is_empty() => built_in.instance?.to_owned(),
            "_HASH" => "\\#".to_owned(),
            "_BANG" => "\\!".to_owned(),
            _ => return None,
        };
        Some((vec![value], length))
    }
}

/// The name at the beginning of a text, what stands behind it between braces, and the length of
/// all of it.
fn name(after: &str) -> Option<(&str, &str, usize)> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let (inside, braces) = match after.strip_prefix('{') {
        Some(inside) => (inside.split_once('}')?.0, true),
        None => (after, false),
    };
    let end = inside.find(|c| !is_part(c)).unwrap_or(inside.len());
    let (name, rest) = inside.split_at(end);
    if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        return None;
    }
    if braces {
        return Some((name, rest.trim(), inside.len() + 2));
    }
    let ends_well = rest.is_empty() || rest.starts_with([' ', '\t', ',', ')']);
    ends_well.then_some((name, "", name.len()))
}

/// A variable's name and the beginning of its value, when the line defines one.
pub(super) fn definition(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.strip_prefix('$')?.split_once('=')?;
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let begins_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    (begins_well && name.chars().all(is_part)).then(|| (name, value.trim_start()))
}

/// The first variable of a line that nobody has defined.
pub(super) fn undefined(text: &str) -> Option<&str> {
    let mut at = 0;
    while let Some(found) = text.get(at..)?.find('$') {
        let here = at + found;
        let after = text.get(here + 1..)?;
        let starts_word = text.get(..here)?.chars().next_back().is_none_or(|c| c.is_whitespace());
        if let Some((_, _, length)) = name(after).filter(|_| starts_word || after.starts_with('{'))
        {
            return text.get(here..here + 1 + length);
        }
        at = here + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: BuiltIn<'_> = BuiltIn { folder: "/etc/keepalived", instance: None };

    fn replaced(known: &[(&str, &[&str])], text: &str) -> Result<Option<Replaced>, Refused> {
        let mut definitions = Definitions::default();
        for (name, lines) in known {
            definitions.set(name, lines.iter().map(|line| (*line).to_owned()).collect());
        }
        definitions.replace(text, &NOTHING, &mut 0)
    }

    fn text(known: &[(&str, &[&str])], line: &str) -> String {
        replaced(known, line).unwrap().map_or(line.to_owned(), |replaced| replaced.text)
    }

    #[test]
    fn values_are_put_in_with_those_in_them() {
        let known: &[(&str, &[&str])] = &[("VIP", &["${NET}.10"]), ("NET", &["198.51.100"])];
        assert_eq!(text(known, "${VIP}/24"), "198.51.100.10/24");
        assert_eq!(text(known, "$VIP 80"), "198.51.100.10 80");
        assert_eq!(text(known, "$VIP/24"), "$VIP/24", "only before a blank");
        assert_eq!(text(known, "${OTHER} $"), "${OTHER} $");
        assert_eq!(text(&[], "include ${_PWD}/x"), "include /etc/keepalived/x");
        assert_eq!(undefined("a ${OTHER}/24"), Some("${OTHER}"));
        assert_eq!(undefined("regex ok$"), None);
    }

    #[test]
    fn a_variable_of_several_lines_stands_at_the_end() {
        let known: &[(&str, &[&str])] = &[("CHECK", &["TCP_CHECK {", "}"])];
        let found = replaced(known, "$CHECK").unwrap().unwrap();
        assert_eq!((found.text.as_str(), found.more), ("TCP_CHECK {", vec!["}".to_owned()]));
        assert_eq!(replaced(known, "$CHECK x"), Ok(None));
    }

    #[test]
    fn one_that_names_itself_ends() {
        assert_eq!(replaced(&[("A", &["${A}"])], "$A"), Err(Refused::Endless));
        assert_eq!(replaced(&[("A", &["${A} ${A}x"])], "$A"), Err(Refused::Endless));
        let long = "y".repeat(2000);
        assert_eq!(replaced(&[("A", &[&long])], "${A}${A}${A}"), Err(Refused::TooLong));
    }

    #[test]
    fn definitions_have_no_blank_before_their_sign() {
        assert_eq!(definition("$A=1 2"), Some(("A", "1 2")));
        assert_eq!(definition("$A= "), Some(("A", "")));
        for wrong in ["$A =1", "A=1", "$1=2", "$=2", "$A"] {
            assert_eq!(definition(wrong), None, "{wrong}");
        }
    }
}
