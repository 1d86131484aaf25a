//! A line of keepalived's, taken apart: comments, braces, words.

/// A line without its comment.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Uncommented {
    pub(crate) text: String,
    /// A backslash at its end, which is not part of the text.
    pub(crate) continues: bool,
    /// A double quote is open at its end.
    pub(crate) is_open: bool,
}

/// Takes a comment off: `#` and `!` begin one anywhere but between double quotes, and `\#` and
/// `\!` are these characters themselves.
pub(crate) fn uncomment(line: &str) -> Uncommented {
    let mut text = String::with_capacity(line.len());
    let (mut is_open, mut continues) = (false, false);
    let mut characters = line.trim_start_matches([' ', '\t']).chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' => is_open = !is_open,
            '\\' => match characters.peek().copied() {
                None => {
                    continues = true;
                    continue;
                }
                Some(next) => {
                    characters.next();
                    if is_open || !matches!(next, '#' | '!') {
                        text.push('\\');
                    }
                    text.push(next);
                    continue;
                }
            },
            '#' | '!' if !is_open => break,
            _ => {}
        }
        text.push(c);
    }
    text.truncate(text.trim_end_matches([' ', '\t']).len());
    Uncommented { text, continues, is_open }
}

/// Words, or a brace.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Piece<'t> {
    Words(&'t str),
    Open,
    Close,
}

/// Splits a line at its braces; those between double quotes, and of a variable, are part of words.
pub(crate) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text.trim();
    while let Some(first) = rest.chars().next() {
        match first {
            '{' | '}' => {
                pieces.push(if first == '{' { Piece::Open } else { Piece::Close });
                rest = rest.get(1..).unwrap_or_default().trim_start();
            }
            _ => {
                let end = brace(rest).unwrap_or(rest.len());
                let (words, after) = rest.split_at(end);
                pieces.push(Piece::Words(words.trim_end()));
                rest = after;
            }
        }
    }
    pieces
}

/// Where the first brace is that is no part of a word.
fn brace(text: &str) -> Option<usize> {
    let mut at = 0;
    while let Some(found) = text.get(at..)?.find(['{', '}', '"']) {
        let here = at + found;
        let after = text.get(here + 1..)?;
        match text.as_bytes().get(here)? {
            b'"' => at = here + 1 + after.find('"')? + 1,
            b'{' if here > 0 && text.as_bytes().get(here - 1) == Some(&b'$') => {
                let end = after.find('}');
                let is_name = |name: &str| {
                    !name.is_empty()
                        && name.bytes().all(|c| c.is_ascii_alphanumeric() || b"_ \t".contains(&c))
                };
                match end.filter(|end| after.get(..*end).is_some_and(is_name)) {
                    Some(end) => at = here + 1 + end + 1,
                    None => return Some(here),
                }
            }
            _ => return Some(here),
        }
    }
    None
}

/// The words of a line, and false when a double quote is not closed: what follows it is left out.
pub(crate) fn words(text: &str) -> (Vec<String>, bool) {
    let mut words = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\n', '\u{b}', '\u{c}', '\r']);
        if rest.is_empty() {
            return (words, true);
        }
        if let Some(quoted) = rest.strip_prefix('"') {
            let Some((word, after)) = quoted.split_once('"') else { return (words, false) };
            words.push(word.to_owned());
            rest = after;
        } else {
            let end = rest.find([' ', '\t', '\n', '\u{b}', '\u{c}', '\r', '"']);
            let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
            words.push(word.to_owned());
            rest = after;
        }
    }
}

/// The words of a command, quoted as a shell's, with keepalived's escapes; none when a quote is
/// not closed.
pub(crate) fn command(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut characters = text.chars().peekable();
    loop {
        while characters.next_if(|c| c.is_whitespace()).is_some() {}
        if characters.peek().is_none() {
            return Some(words);
        }
        let (mut word, mut quote) = (String::new(), None);
        while let Some(c) = characters.next_if(|c| quote.is_some() || !c.is_whitespace()) {
            match (c, quote) {
                ('\\', _) => word.push(escape(&mut characters)?),
                (c, Some(open)) if c == open => quote = None,
                ('"' | '\'', None) => quote = Some(c),
                (c, _) => word.push(c),
            }
        }
        if quote.is_some() {
            return None;
        }
        words.push(word);
    }
}

/// What follows a backslash.
fn escape(characters: &mut core::iter::Peekable<core::str::Chars<'_>>) -> Option<char> {
    let number = |characters: &mut core::iter::Peekable<core::str::Chars<'_>>, radix, most| {
        let mut value = 0;
        for _ in 0..most {
            let Some(digit) = characters.peek().and_then(|c| c.to_digit(radix)) else { break };
            characters.next();
            value = value * radix + digit;
        }
        char::from(u8::try_from(value & 0xff).unwrap_or_default())
    };
    Some(match characters.next()? {
        'a' => '\u{7}',
        'b' => '\u{8}',
        'E' => '\u{1b}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        'x' if characters.peek().is_some_and(char::is_ascii_hexdigit) => number(characters, 16, 2),
        'c' => char::from(u8::try_from(u32::from(characters.next()?) & 0x1f).unwrap_or_default()),
        digit @ '0'..='7' => {
            let first = digit.to_digit(8).unwrap_or_default();
            let mut value = first;
            for _ in 0..2 {
                let Some(digit) = characters.peek().and_then(|c| c.to_digit(8)) else { break };
                characters.next();
                value = value * 8 + digit;
            }
            char::from(u8::try_from(value & 0xff).unwrap_or_default())
        }
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(line: &str) -> String {
        uncomment(line).text
    }

    #[test]
    fn comments_begin_anywhere_but_between_double_quotes() {
        assert_eq!(text("  weight 1 # heavy"), "weight 1");
        assert_eq!(text("auth_pass a!b"), "auth_pass a", "also in a word");
        assert_eq!(text(r#"path "/x#y" ! z"#), r#"path "/x#y""#);
        assert_eq!(text(r"real_server 10.0.0.1 80 {\# x"), "real_server 10.0.0.1 80 {# x");
        assert_eq!(text("path '/x#y'"), "path '/x", "single quotes keep nothing");
        assert_eq!(text(r#"a "\#" b"#), r#"a "\#" b"#);
        assert!(uncomment(r"$A=b \").continues && uncomment("a \"b").is_open);
        assert_eq!(text(r"$A=b \"), "$A=b");
    }

    #[test]
    fn braces_split_a_line() {
        use Piece::{Close, Open, Words};
        assert_eq!(
            pieces("unicast_peer { 10.0.0.2 }"),
            [Words("unicast_peer"), Open, Words("10.0.0.2"), Close]
        );
        assert_eq!(pieces("TCP_CHECK{"), [Words("TCP_CHECK"), Open]);
        assert_eq!(pieces("}}"), [Close, Close]);
        assert_eq!(pieces(r#"path "/{x}" {"#), [Words(r#"path "/{x}""#), Open]);
        assert_eq!(pieces("${vip}/24 dev {"), [Words("${vip}/24 dev"), Open]);
        assert_eq!(pieces("a \"open { }"), [Words("a \"open { }")]);
    }

    #[test]
    fn words_and_commands() {
        let all = |text: &str| words(text).0;
        assert_eq!(all("virtualhost \"Web Site\"  x"), ["virtualhost", "Web Site", "x"]);
        assert_eq!(words("a \"b"), (vec!["a".to_owned()], false));
        let all = |text: &str| command(text).unwrap();
        assert_eq!(all(r#""/bin/check a" 'b "c' d\ e"#), ["/bin/check a", "b \"c", "d e"]);
        assert_eq!(all(r"\x41\101\n"), ["AA\n"]);
        assert_eq!(command("'open"), None);
    }
}
