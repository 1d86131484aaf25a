//! A command of ipvsadm: its options, short and long.

/// Options with their long names, and whether they take a value.
pub(super) const OPTIONS: &[(&str, &str, Takes)] = &[
    ("A", "add-service", Takes::Nothing),
    ("E", "edit-service", Takes::Nothing),
    ("D", "delete-service", Takes::Nothing),
    ("a", "add-server", Takes::Nothing),
    ("e", "edit-server", Takes::Nothing),
    ("d", "delete-server", Takes::Nothing),
    ("C", "clear", Takes::Nothing),
    ("Z", "zero", Takes::Nothing),
    ("", "set", Takes::Nothing),
    ("", "start-daemon", Takes::Value),
    ("", "stop-daemon", Takes::Value),
    ("", "mcast-interface", Takes::Value),
    ("", "syncid", Takes::Value),
    ("", "sync-maxlen", Takes::Value),
    ("", "mcast-group", Takes::Value),
    ("", "mcast-port", Takes::Value),
    ("", "mcast-ttl", Takes::Value),
    ("t", "tcp-service", Takes::Value),
    ("u", "udp-service", Takes::Value),
    ("", "sctp-service", Takes::Value),
    ("f", "fwmark-service", Takes::Value),
    ("s", "scheduler", Takes::Value),
    ("b", "sched-flags", Takes::Value),
    ("p", "persistent", Takes::Number),
    ("M", "netmask", Takes::Value),
    ("", "pe", Takes::Value),
    ("o", "ops", Takes::Nothing),
    ("r", "real-server", Takes::Value),
    ("m", "masquerading", Takes::Nothing),
    ("g", "gatewaying", Takes::Nothing),
    ("i", "ipip", Takes::Nothing),
    ("", "tun-type", Takes::Value),
    ("", "tun-port", Takes::Value),
    ("", "tun-nocsum", Takes::Nothing),
    ("", "tun-csum", Takes::Nothing),
    ("", "tun-remcsum", Takes::Nothing),
    ("w", "weight", Takes::Value),
    ("x", "u-threshold", Takes::Value),
    ("y", "l-threshold", Takes::Value),
    ("6", "ipv6", Takes::Nothing),
    ("n", "numeric", Takes::Nothing),
];

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Takes {
    Nothing,
    Value,
    /// A number, where one follows.
    Number,
}

/// A command: its options by their long names, and words that belong to none.
pub(super) struct Command<'c> {
    options: Vec<(&'static str, &'c str)>,
    /// The words that belong to no option.
    pub(super) words: Vec<&'c str>,
}

impl<'c> Command<'c> {
    /// An error is an option that is none of ipvsadm's.
    pub(super) fn read(line: &'c str) -> Result<Self, String> {
        let mut command = Command { options: Vec::new(), words: Vec::new() };
        let mut words = line.split_whitespace().peekable();
        words.next_if(|first| first.ends_with("ipvsadm"));
        while let Some(word) = words.next() {
            let mut follow = |takes: Takes| match takes {
                Takes::Nothing => None,
                Takes::Value => words.next(),
                Takes::Number => words.next_if(|next| next.bytes().all(|c| c.is_ascii_digit())),
            };
            if let Some(long) = word.strip_prefix("--") {
                let (name, value) = match long.split_once('=') {
                    Some((name, value)) => (name, Some(value)),
                    None => (long, None),
                };
                let Some((_, name, takes)) = OPTIONS.iter().find(|(_, known, _)| *known == name)
                else {
                    return Err(word.to_owned());
                };
                command.options.push((name, value.or_else(|| follow(*takes)).unwrap_or_default()));
            } else if let Some(short) = word.strip_prefix('-').filter(|short| !short.is_empty()) {
                let mut rest = short;
                while let Some(letter) = rest.get(..1) {
                    let known = OPTIONS.iter().find(|(known, _, _)| *known == letter);
                    let Some((_, name, takes)) = known else { return Err(word.to_owned()) };
                    rest = rest.get(1..).unwrap_or_default();
                    let is_number = rest.bytes().all(|c| c.is_ascii_digit());
                    let value = match takes {
                        Takes::Nothing => None,
                        Takes::Number if !is_number => None,
                        _ if rest.is_empty() => follow(*takes),
                        _ => Some(core::mem::take(&mut rest)),
                    };
                    command.options.push((name, value.unwrap_or_default()));
                }
                if !rest.is_empty() {
                    return Err(word.to_owned());
                }
            } else {
                command.words.push(word);
            }
        }
        Ok(command)
    }

    /// The value of an option, the last one; empty where it has none.
    pub(super) fn get(&self, name: &str) -> Option<&'c str> {
        self.options.iter().rev().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_short_long_and_together() {
        for line in [
            "ipvsadm -a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 5",
            "-at 10.0.0.1:80 -r10.0.0.2:80 -mw5",
            "--add-server --tcp-service=10.0.0.1:80 --real-server 10.0.0.2:80 --masquerading --weight=5",
        ] {
            let command = Command::read(line).unwrap();
            let get = |name| command.get(name).unwrap();
            assert_eq!(
                (get("tcp-service"), get("real-server")),
                ("10.0.0.1:80", "10.0.0.2:80"),
                "{line}"
            );
            assert_eq!((get("weight"), command.has("masquerading")), ("5", true), "{line}");
        }
        assert_eq!(Command::read("-A -t x -p -o").unwrap().get("persistent"), Some(""));
        assert_eq!(Command::read("-A -t x -p 60 -o").unwrap().get("persistent"), Some("60"));
        assert_eq!(Command::read("-A --odd").err().as_deref(), Some("--odd"));
        assert_eq!(Command::read("-Aé").err().as_deref(), Some("-Aé"));
    }
}
