//! `global_defs`.

use core::time::Duration;

use super::Mapper;
use crate::keepalived::keywords::GLOBAL;
use crate::keepalived::read::Statement;
use crate::model::time;
use crate::report::{At, Outcome};

impl Mapper<'_> {
    pub(super) fn global(&mut self, statement: &Statement) {
        self.taken(statement);
        let repeatable = ["lvs_timeouts", "notification_email"];
        for inside in self.counting(statement.inside(), &repeatable) {
            match inside.keyword() {
                "router_id" => self.router_id(inside),
                "lvs_timeouts" => self.timeouts(inside),
                _ => self.fixed(inside, &[GLOBAL]),
            }
        }
    }

    fn router_id(&mut self, statement: &Statement) {
        let Some(name) = self.word(statement) else { return };
        if is_name(name) {
            self.taken(statement);
            self.model.machine.name = Some(At { value: name.to_owned(), at: statement.at });
        } else {
            let words =
                "a name has 1 to 63 letters, digits, '-', '_' or '.': the machine has another one";
            self.say(statement, Outcome::Otherwise, words);
        }
    }

    fn timeouts(&mut self, statement: &Statement) {
        let mut words = statement.words.iter().skip(1).map(String::as_str);
        let mut is_right = statement.words.len() > 1;
        while let Some(name) = words.next() {
            let key = match name {
                "tcp" => "established",
                "tcpfin" => "fin_wait",
                "udp" => "udp",
                _ => {
                    is_right = false;
                    break;
                }
            };
            let seconds = words.next().and_then(|word| word.parse::<u64>().ok());
            match seconds {
                // Zero leaves it as it is.
                Some(0) => {}
                Some(seconds @ 1..=604_800) => {
                    let value = (key, time(Duration::from_secs(seconds)));
                    self.model.timeouts.retain(|known| known.value.0 != key);
                    self.model.timeouts.push(At { value, at: statement.at });
                }
                _ => is_right = false,
            }
        }
        if is_right {
            self.taken(statement);
        } else {
            let words =
                "write it as in lvs_timeouts tcp 900 tcpfin 120 udp 300, in seconds up to 604800";
            self.wrong(statement, words);
        }
    }
}

/// What can be a name in Tandem.
pub(crate) fn is_name(text: &str) -> bool {
    let is_part = |c: u8| c.is_ascii_alphanumeric() || b"-_.".contains(&c);
    (1..=63).contains(&text.len()) && text.bytes().all(is_part) && !text.bytes().all(|c| c == b'.')
}
