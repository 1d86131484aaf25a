//! `HTTP_GET` and `SSL_GET`: a check for each url, or one for all that differ in the path alone.

use super::Mapper;
use super::times::Times;
use crate::keepalived::keywords::KINDS;
use crate::keepalived::read::Statement;
use crate::model::{Check, quote};
use crate::report::Outcome;

/// The most paths of one check.
const MOST_PATHS: usize = 16;

impl Mapper<'_> {
    pub(super) fn http(
        &mut self,
        statement: &Statement,
        special: &[&Statement],
        times: &Times,
        is_tls: bool,
    ) -> Vec<Check> {
        self.taken(statement);
        let mut common = Check::new(if is_tls { "https" } else { "http" }, statement.at);
        // keepalived asks by HTTP 1.0, and looks at no certificate.
        common.set("version", "\"1.0\"");
        if is_tls {
            common.set("verify", "false");
        }
        let mut host = times.virtualhost.clone();
        for inside in special {
            match inside.keyword() {
                "virtualhost" => {
                    host = self.word(inside).map(str::to_owned).or(host);
                    self.taken(inside);
                }
                "http_protocol" => match inside.argument(0) {
                    Some("1.1") => {
                        self.taken(inside);
                        common.set("version", "\"1.1\"");
                    }
                    Some("1.0" | "1.0C" | "1.0c") => self.taken(inside),
                    _ => self.wrong(inside, "write 1.0 or 1.1"),
                },
                "sni_name" if is_tls => {
                    if let Some(name) = self.word(inside).map(str::to_owned) {
                        self.taken(inside);
                        common.set("name", quote(&name));
                    }
                }
                "url" => {}
                _ => self.fixed(inside, &[KINDS]),
            }
        }
        let urls: Vec<&&Statement> =
            special.iter().filter(|inside| inside.keyword() == "url").collect();
        if urls.is_empty() {
            self.wrong(statement, "it has no url, and keepalived ignores it; write one");
            return Vec::new();
        }
        let mut checks: Vec<(Check, Vec<String>)> = Vec::new();
        for url in urls {
            let Some((path, check)) = self.url(url, &common, host.as_deref()) else { continue };
            match checks
                .iter_mut()
                .find(|(known, paths)| known.keys == check.keys && paths.len() < MOST_PATHS)
            {
                Some((_, paths)) => paths.push(path),
                None => checks.push((check, vec![path])),
            }
        }
        checks.into_iter().map(|(check, paths)| with_paths(check, &paths)).collect()
    }

    fn url(
        &mut self,
        statement: &Statement,
        common: &Check,
        host: Option<&str>,
    ) -> Option<(String, Check)> {
        self.taken(statement);
        let mut check = common.clone();
        let (mut path, mut host) = (None, host.map(str::to_owned));
        let (mut statuses, mut regex, mut options) = (Vec::new(), None, String::new());
        for inside in self.counting(statement.inside(), &["status_code"]) {
            match inside.keyword() {
                "path" => {
                    path = self.word(inside).map(str::to_owned);
                    if let Some(given) = path.as_ref().filter(|path| !path.starts_with('/')) {
                        let words = "it begins with a slash in Tandem";
                        self.say(inside, Outcome::Otherwise, words);
                        path = Some(format!("/{given}"));
                    }
                    self.taken(inside);
                }
                "virtualhost" => {
                    host = self.word(inside).map(str::to_owned).or(host);
                    self.taken(inside);
                }
                "status_code" => self.statuses(inside, &mut statuses),
                "regex" => {
                    let words = crate::keepalived::read::command(inside.rest());
                    regex =
                        words.and_then(|words| words.first().cloned()).map(|text| (text, inside));
                }
                "regex_options" => {
                    for word in inside.words.iter().skip(1) {
                        match word.as_str() {
                            "caseless" => options.push('i'),
                            "multiline" => options.push('m'),
                            "dotall" => options.push('s'),
                            "extended" => options.push('x'),
                            "ungreedy" | "no_auto_capture" | "utf" | "dupnames"
                            | "no_auto_possess" | "no_start_optimize" => {}
                            _ => {
                                let words = format!("{word} has no counterpart in body_regex");
                                self.say(inside, Outcome::NotTaken, &words);
                            }
                        }
                    }
                    self.taken(inside);
                }
                _ => {
                    self.url_row(inside);
                }
            }
        }
        if !statuses.is_empty() {
            let quoted: Vec<String> = statuses.iter().map(|status| quote(status)).collect();
            check.set(
                "status",
                match &quoted[..] {
                    [one] => one.clone(),
                    several => format!("[{}]", several.join(", ")),
                },
            );
        }
        if let Some(host) = host {
            check.set("host", quote(&host));
        }
        if let Some((text, inside)) = regex {
            let text = if options.is_empty() { text } else { format!("(?{options}){text}") };
            if text.is_empty() || text.len() > 1024 || config::compile_regex(&text).is_err() {
                let words = "body_regex takes no look-around and no back references, and 1,024 \
                             characters at the most; the text is not looked at";
                self.say(inside, Outcome::NotTaken, words);
            } else {
                self.taken(inside);
                check.set("body_regex", quote(&text));
            }
        }
        Some((path.unwrap_or_else(|| "/".to_owned()), check))
    }

    fn statuses(&mut self, inside: &Statement, statuses: &mut Vec<String>) {
        let mut is_right = inside.words.len() > 1;
        for word in inside.words.iter().skip(1) {
            let (first, last) = word.split_once('-').unwrap_or((word, word));
            let number =
                |text: &str| text.parse::<u16>().ok().filter(|number| (100..=599).contains(number));
            match (number(first), number(last)) {
                (Some(first), Some(last)) if first <= last => statuses.push(word.clone()),
                _ => is_right = false,
            }
        }
        if is_right {
            self.taken(inside);
        } else {
            self.wrong(inside, "write statuses from 100 to 599, as in status_code 200 301-302");
        }
    }
}

fn with_paths(mut check: Check, paths: &[String]) -> Check {
    match paths {
        [path] if path == "/" => {}
        [path] => check.set("path", quote(path)),
        paths => {
            let paths: Vec<String> = paths.iter().map(|path| quote(path)).collect();
            check.set("path", format!("[{}]", paths.join(", ")));
        }
    }
    check
}
