//! Lines that fit into a width.

/// The text in lines of at most this many characters, broken between words; the second and later
/// lines begin with so many blanks. A word that is longer than a line has a line to itself.
pub fn wrap(text: &str, width: usize, indent: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    // Blanks at the beginning stay.
    let lead = text.chars().take_while(|letter| *letter == ' ').count();
    line.push_str(&" ".repeat(lead));
    let mut is_empty = true;
    for word in text.split_whitespace() {
        let taken = line.chars().count();
        if !is_empty && taken + 1 + word.chars().count() > width {
            lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    lines.push(line);
    lines
}

/// The text in at most this many characters; three dots stand for what is cut off. They are ASCII,
/// for consoles that know nothing else.
pub fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let dots = width.min(3);
    let mut short: String = text.chars().take(width - dots).collect();
    short.push_str(&"..."[..dots]);
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words() {
        assert_eq!(wrap("one two three", 8, 2), ["one two", "  three"]);
        assert_eq!(wrap("  one two three", 9, 4), ["  one two", "    three"]);
        assert_eq!(wrap("a 12345678901 b", 5, 0), ["a", "12345678901", "b"]);
        assert_eq!(wrap("", 5, 2), [""]);
        for width in 1..30 {
            let lines = wrap("some words of at most six letters", width.max(7), 0);
            assert!(lines.iter().all(|line| line.chars().count() <= width.max(7)), "{lines:?}");
        }
    }

    #[test]
    fn what_is_cut_off_is_marked() {
        assert_eq!(cut("12345", 5), "12345");
        assert_eq!(cut("123456", 5), "12...");
        assert_eq!([cut("abc", 2), cut("ab", 0)], ["..", ""]);
    }
}
