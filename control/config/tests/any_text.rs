//! No text makes the reader panic, and none is refused without a reason.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test fails by panicking.

use config::{Config, Mistakes, Sources};
use proptest::prelude::*;

const COMPLETE: &str = include_str!("../../../docs/examples/tandem.toml");
const REFERENCE: &str = include_str!("../../../docs/configuration.md");

const INHERITED: &str = "\
[defaults]
scheduler = \"rr\"
check = { use = \"web\", fall = 4 }
server = { weight = 2 }
[checks.web]
kind = \"http\"
use = \"base\"
[checks.base]
interval = \"1s\"
[[service]]
name = \"more\"
listen = \"198.51.100.10:8080\"
protocol = \"tcp\"
check = \"base\"
server = [{ address = \"10.0.0.11:8080\" }]
";

/// What every answer must be, right or wrong.
fn judge(text: &str) -> Result<(), TestCaseError> {
    judge_files(Sources::new([("any".to_owned(), text.to_owned())]))
}

fn judge_files(sources: Sources) -> Result<(), TestCaseError> {
    let files = sources.files().to_vec();
    match sources.check() {
        // What was taken is taken again, and changes nothing.
        Ok(checked) => prop_assert_eq!(checked.config.restart_needed(&checked.config), [""; 0]),
        Err(Mistakes { mistakes, .. }) => {
            prop_assert!(!mistakes.is_empty());
            let file_of = |mistake: &config::Mistake| {
                files.iter().position(|file| file.name == mistake.file).expect("a file of these")
            };
            prop_assert!(mistakes.is_sorted_by_key(|mistake| (file_of(mistake), mistake.place)));
            for mistake in mistakes {
                let lines = files[file_of(&mistake)].text.lines().count().max(1) + 1;
                let line = mistake.place.expect("a place").line as usize;
                prop_assert!(line >= 1 && line <= lines, "{} of {}", mistake, lines);
                prop_assert!(!mistake.what.is_empty() && !mistake.remedy.is_empty());
                prop_assert!(!mistake.to_string().contains('\n'), "{}", mistake);
            }
        }
    }
    Ok(())
}

/// Words that a configuration is made of, and some that break it.
fn word() -> impl Strategy<Value = String> {
    let words: Vec<String> = REFERENCE
        .split(|c: char| c.is_whitespace() || "`|=,{}[]".contains(c))
        .chain(["=", "[", "]", "{", "}", "\n", "\"", "'''", "#", ",", ".", "-1", "0x", "1e400"])
        .chain(["true", "99999999999999999999", "nan", "1979-05-27", "\u{0}", "ü", "\r\n", "[["])
        .map(str::to_owned)
        .collect();
    prop::sample::select(words)
}

/// A cut of the text: what is between two places goes, and something else comes.
fn mutated(text: &str, cuts: &[(usize, usize, String)]) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    for (start, length, word) in cuts {
        let start = start % (letters.len() + 1);
        let end = (start + length % 12).min(letters.len());
        letters.splice(start..end, word.chars());
    }
    letters.into_iter().collect()
}

proptest! {
    #[test]
    fn random_text(text: String) {
        judge(&text)?;
    }

    #[test]
    fn random_words(words in prop::collection::vec(word(), 0..60)) {
        judge(&words.join(" "))?;
    }

    #[test]
    fn a_configuration_with_pieces_replaced(
        cuts in prop::collection::vec((any::<usize>(), any::<usize>(), word()), 1..6),
    ) {
        judge(&mutated(COMPLETE, &cuts))?;
    }

    #[test]
    fn several_files_with_pieces_replaced(
        cuts in prop::collection::vec((any::<usize>(), any::<usize>(), word()), 1..6),
        ends in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
    ) {
        let all = format!("{COMPLETE}\n{INHERITED}");
        let mutated = mutated(&all, &cuts);
        let mut lines: Vec<&str> = mutated.split_inclusive('\n').collect();
        let mut files = Vec::new();
        for end in ends {
            let at = end.index(lines.len() + 1);
            files.insert(0, lines.split_off(at).concat());
        }
        files.insert(0, lines.concat());
        let files = files.into_iter().enumerate().map(|(n, text)| (n.to_string(), text));
        judge_files(Sources::new(files))?;
    }

    #[test]
    fn every_key_with_any_value(value in word(), other in word()) {
        for section in config::schema::SECTIONS {
            let header = if section.name.is_empty() { String::new() } else { format!("[{}]\n", section.name) };
            for key in section.keys {
                judge(&format!("{header}{} = {value}\n", key.name))?;
                judge(&format!("{header}{} = \"{value}\"\n", key.name))?;
                judge(&format!("{header}{} = [{value}, \"{other}\"]\n", key.name))?;
                judge(&format!("{COMPLETE}\n{header}{} = \"{value}\"\n", key.name))?;
            }
        }
    }
}

#[test]
fn nesting_without_end_is_a_mistake() {
    let depth = 100_000;
    for (open, close) in [("[", "]"), ("{ a = ", " }"), ("{ a.", "a = 1 }")] {
        let text = format!("node = {}{}", open.repeat(depth), close.repeat(depth));
        for text in [text, format!("node.{}a = 1", "a.".repeat(depth))] {
            judge(&text).unwrap();
            assert!(Config::from_str("deep", &text).is_err());
            // Behind another file every place is moved.
            let files = [("first", COMPLETE), ("deep", &text)];
            judge_files(Sources::new(files.map(|(n, t)| (n.to_owned(), t.to_owned())))).unwrap();
        }
    }
}

#[test]
fn a_long_file_is_read_in_good_time() {
    // The place of a mistake is looked up in the text: many mistakes in a long text
    // must not make that the work of minutes.
    let text = "[[service]]\nname = 7\n".repeat(5_000);
    let mistakes = Config::from_str("long", &text).unwrap_err().mistakes;
    assert!(mistakes.len() > 5_000);
}
