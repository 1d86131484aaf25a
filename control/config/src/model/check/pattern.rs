//! Bytes that an answer must have, some of which may be anything.

/// The most bytes of a pattern, and of what is sent.
pub(crate) const MOST: usize = 1024;

/// Bytes, each with the bits of it that count.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Pattern(Vec<(u8, u8)>);

impl Pattern {
    /// From text with the escapes `\r`, `\n`, `\t`, `\0`, `\\` and `\xHH`. With `wildcards` a
    /// digit of the last may be `?`, which any digit matches. None when it is not of this form,
    /// or too long.
    pub fn parse(text: &str, wildcards: bool) -> Option<Pattern> {
        let mut bytes = text.bytes();
        let mut pattern = Vec::new();
        while let Some(byte) = bytes.next() {
            if byte != b'\\' {
                pattern.push((byte, 0xff));
                continue;
            }
            pattern.push(match bytes.next()? {
                b'r' => (b'\r', 0xff),
                b'n' => (b'\n', 0xff),
                b't' => (b'\t', 0xff),
                b'0' => (0, 0xff),
                b'\\' => (b'\\', 0xff),
                b'x' => {
                    let (high, high_mask) = digit(bytes.next()?, wildcards)?;
                    let (low, low_mask) = digit(bytes.next()?, wildcards)?;
                    (high << 4 | low, high_mask << 4 | low_mask)
                }
                _ => return None,
            });
        }
        (pattern.len() <= MOST).then_some(Pattern(pattern))
    }

    /// The bytes, where any is allowed a zero.
    pub fn bytes(&self) -> Vec<u8> {
        self.0.iter().map(|(byte, _)| *byte).collect()
    }

    /// True for a pattern of no byte.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True when the data begins with it.
    pub fn begins(&self, data: &[u8]) -> bool {
        data.len() >= self.0.len()
            && self.0.iter().zip(data).all(|((byte, mask), found)| (byte ^ found) & mask == 0)
    }

    /// True when it is anywhere in the data.
    pub fn occurs(&self, data: &[u8]) -> bool {
        self.is_empty() || data.windows(self.0.len()).any(|window| self.begins(window))
    }

    /// As it is written in the configuration.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (byte, mask) in &self.0 {
            match (byte, mask) {
                (b'\\', 0xff) => text.push_str("\\\\"),
                (b' '..=b'~', 0xff) => text.push(char::from(*byte)),
                (b'\r', 0xff) => text.push_str("\\r"),
                (b'\n', 0xff) => text.push_str("\\n"),
                (byte, mask) => {
                    let shown = |digit: u8, mask: u8| {
                        if mask == 0 {
                            '?'
                        } else {
                            char::from_digit(digit.into(), 16).unwrap_or('?')
                        }
                    };
                    text.push_str("\\x");
                    text.push(shown(byte >> 4, mask >> 4));
                    text.push(shown(byte & 15, mask & 15));
                }
            }
        }
        text
    }
}

/// A digit and which of its bits count.
fn digit(byte: u8, wildcards: bool) -> Option<(u8, u8)> {
    if byte == b'?' && wildcards {
        return Some((0, 0));
    }
    let digit = char::from(byte).to_digit(16)?;
    Some((u8::try_from(digit).ok()?, 15))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::parse(text, true).unwrap()
    }

    #[test]
    fn escapes_are_bytes() {
        assert_eq!(pattern(r"PING\r\n\x00\xfF\\\t\0").bytes(), b"PING\r\n\x00\xff\\\t\0");
        for wrong in [r"\", r"\x", r"\x1", r"\xg0", r"\q", r"\x+1"] {
            assert_eq!(Pattern::parse(wrong, true), None, "{wrong}");
        }
        assert_eq!(Pattern::parse(r"\x4?", false), None, "what is sent is known");
        assert_eq!(Pattern::parse(&"a".repeat(MOST + 1), true), None);
    }

    #[test]
    fn wildcards_match_any_digit() {
        let half = pattern(r"\x4?b");
        assert!(half.begins(b"Ab") && half.begins(b"Ob...") && !half.begins(b"ab"));
        assert!(!half.begins(b"A"), "too short");
        assert!(pattern(r"\x??\x??ok").begins(b"\x00\xffok"));
    }

    #[test]
    fn a_pattern_occurs_anywhere() {
        assert!(pattern("+PONG").occurs(b"noise +PONG\r\n"));
        assert!(!pattern("+PONG").occurs(b"+PON"));
        assert!(pattern("").occurs(b""));
    }

    #[test]
    fn shown_as_written() {
        for text in [r"PING\r\n", r"\x00\x4?\x?f\\", "220 mail"] {
            assert_eq!(pattern(text).text(), text);
        }
    }
}
