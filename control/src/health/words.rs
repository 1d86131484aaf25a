//! The words of an agent or a file, as HAProxy's `agent-check` has them.

use super::report::{Administrative, DynamicWeight};

/// What one line says; None: it says nothing of that.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Words {
    pub weight: Option<DynamicWeight>,
    pub max_connections: Option<u32>,
    pub administrative: Option<Administrative>,
    /// True for `up`.
    pub health: Option<bool>,
    /// The word of health, as it came.
    pub health_word: String,
    /// What follows `#`.
    pub reason: String,
    /// The first word that is not known.
    pub unknown: Option<String>,
}

/// The most of a line that is read.
pub const LONGEST: usize = 1024;

/// Reads one line, without its end. Of words of one kind the last counts.
#[must_use]
pub fn parse(line: &[u8]) -> Words {
    let line = String::from_utf8_lossy(line);
    let mut words = Words::default();
    let mut rest = line.as_ref();
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if let Some(reason) = rest.strip_prefix('#') {
            words.reason = clean(reason.trim());
            return words;
        }
        if rest.is_empty() {
            return words;
        }
        let end = rest.find([' ', '\t', ',']).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        // A reason may follow its word at once: "down#no disk".
        let (word, reason) = word.split_once('#').map_or((word, None), |(w, r)| (w, Some(r)));
        words.take(word);
        if let Some(reason) = reason {
            words.reason = clean(format!("{reason}{rest}").trim());
            return words;
        }
    }
}

impl Words {
    fn take(&mut self, word: &str) {
        let lower = word.to_ascii_lowercase();
        match lower.as_str() {
            "up" => self.take_health(true, &lower),
            "down" | "fail" | "failed" | "stopped" => self.take_health(false, &lower),
            "ready" => self.administrative = Some(Administrative::Ready),
            "drain" => self.administrative = Some(Administrative::Drain),
            "maint" => self.administrative = Some(Administrative::Maintenance),
            other => self.take_number(other),
        }
    }

    fn take_health(&mut self, is_up: bool, word: &str) {
        self.health = Some(is_up);
        self.health_word = word.to_owned();
    }

    fn take_number(&mut self, word: &str) {
        let is_digit = |text: &str| text.bytes().next().is_some_and(|c| c.is_ascii_digit());
        if let Some(limit) = word.strip_prefix("maxconn:").and_then(number) {
            self.max_connections = Some(limit);
        } else if let Some(weight) = word.strip_prefix("weight:").and_then(weight) {
            self.weight = Some(weight);
        } else if let Some(part) =
            word.strip_suffix('%').filter(|_| is_digit(word)).and_then(percent)
        {
            self.weight = Some(part);
        } else if self.unknown.is_none() {
            self.unknown = Some(clean(word));
        }
    }

    /// Takes over what later words say.
    pub fn update(&mut self, later: Words) {
        let Words { weight, max_connections, administrative, health, .. } = later;
        self.weight = weight.or(self.weight);
        self.max_connections = max_connections.or(self.max_connections);
        self.administrative = administrative.or(self.administrative);
        if health.is_some() {
            self.health = health;
            self.health_word = later.health_word;
            self.reason = later.reason;
        }
    }
}

/// The most of a percentage and a weight.
const MOST_PERCENT: u32 = 25_600;

fn number(text: &str) -> Option<u32> {
    let plain = !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

fn percent(text: &str) -> Option<DynamicWeight> {
    let percent = number(text).filter(|percent| *percent <= MOST_PERCENT)?;
    u16::try_from(percent).ok().map(DynamicWeight::Percent)
}

fn weight(text: &str) -> Option<DynamicWeight> {
    match text.strip_suffix('%') {
        Some(part) => percent(part),
        None => u16::try_from(number(text)?).ok().map(DynamicWeight::Absolute),
    }
}

/// The first few characters, without those that a terminal obeys.
#[must_use]
pub fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use Administrative::{Drain, Maintenance, Ready};
    use DynamicWeight::{Absolute, Percent};

    fn words(line: &str) -> Words {
        parse(line.as_bytes())
    }

    #[test]
    fn every_documented_word() {
        let weights = [
            ("75%", Percent(75)),
            ("0%", Percent(0)),
            ("150%", Percent(150)),
            ("weight:10", Absolute(10)),
            ("weight:0", Absolute(0)),
            ("weight:50%", Percent(50)),
        ];
        for (line, weight) in weights {
            assert_eq!(words(line), Words { weight: Some(weight), ..Words::default() }, "{line}");
        }
        assert_eq!(words("maxconn:30").max_connections, Some(30));
        let administrative = [("ready", Ready), ("drain", Drain), ("maint", Maintenance)];
        for (line, expected) in administrative {
            assert_eq!(words(line).administrative, Some(expected));
            assert_eq!(words(line).health, None);
        }
        assert_eq!(words("up").health, Some(true));
        for line in ["down", "fail", "failed", "stopped"] {
            assert_eq!(words(line).health, Some(false));
            assert_eq!(words(line).health_word, line);
        }
    }

    #[test]
    fn reasons_follow_a_sharp() {
        assert_eq!(words("down#no disk left").reason, "no disk left");
        assert_eq!(words("stopped # for the night, until 6").reason, "for the night, until 6");
        assert_eq!(words("up # 75% drain"), {
            let mut up = words("up");
            up.reason = "75% drain".to_owned();
            up
        });
        assert_eq!(words("down#\u{1b}[31mred").reason, " [31mred", "no terminal obeys it");
    }

    #[test]
    fn words_in_any_order_and_the_last_counts() {
        let all = words("ready, up\t75%  maxconn:100");
        assert_eq!(all.administrative, Some(Ready));
        assert_eq!(all.health, Some(true));
        assert_eq!(all.weight, Some(Percent(75)));
        assert_eq!(all.max_connections, Some(100));
        assert_eq!(words("drain maint").administrative, Some(Maintenance));
        assert_eq!(words("UP Drain 5%").administrative, Some(Drain));
    }

    #[test]
    fn what_is_no_word_changes_nothing() {
        for line in [
            "",
            " ,\t",
            "fine",
            "75",
            "%",
            "-5%",
            "maxconn:",
            "weight:x",
            "maxconn:1x",
            "99999999999%",
            "weight:65536",
            "\u{fffd}",
        ] {
            let found = words(line);
            assert_eq!(found.unknown.is_some(), !line.trim_matches([' ', ',', '\t']).is_empty());
            assert_eq!(Words { unknown: None, ..found }, Words::default(), "{line}");
        }
        assert!(parse(&[0xff; 2000]).unknown.is_some());
    }

    #[test]
    fn what_is_not_said_stays() {
        let mut state = words("drain 50% down#why");
        state.update(words("maxconn:5"));
        assert_eq!(state.weight, Some(Percent(50)));
        assert_eq!(state.administrative, Some(Drain));
        assert_eq!((state.health, state.reason.as_str()), (Some(false), "why"));
        state.update(words("up ready 100%"));
        assert_eq!((state.health, state.administrative), (Some(true), Some(Ready)));
        assert_eq!(state.max_connections, Some(5));
    }
}
