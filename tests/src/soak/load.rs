//! Clients and servers of every kind at work.

use core::fmt;

use crate::{Error, FOLDER, INTERNET, Lab, Loaded, Loading, Namespace, Task, VIP};

/// Downloads at a time, and connections that are kept alive.
const CLIENTS: u32 = 10;

/// What short requests do until they are told to end: each a line, "ok" or "failed".
struct Kind {
    name: &'static str,
    from: Namespace,
    command: String,
}

fn kinds() -> [Kind; 4] {
    let kind = |name, from, command| Kind { name, from, command };
    [
        kind("HTTP", Lab::CLIENT, format!("curl -sf -m 20 -o /dev/null http://{VIP}/")),
        kind("DNS", Lab::CLIENT, format!("dig +short +tries=8 +timeout=2 @{VIP} whoami.lab TXT")),
        kind("out", Lab::S1, format!("curl -sf -m 20 -o /dev/null http://{INTERNET}/")),
        kind("echo", Lab::S3, format!("ping -c 1 -W 20 {INTERNET}")),
    ]
}

/// All of them, begun.
pub(super) struct Mixed {
    loading: Loading,
    short: Vec<(&'static str, Task)>,
    until: String,
}

/// What came of them.
pub(super) struct Done {
    pub(super) loaded: Loaded,
    /// Of each kind of short requests: how many, and how many failed.
    pub(super) short: Vec<(&'static str, u64, u64)>,
}

impl Mixed {
    pub(super) fn start() -> Result<Self, Error> {
        let until = format!("{FOLDER}/soak.until");
        let _ = std::fs::remove_file(&until);
        let start = |Kind { name, from, command }: Kind| {
            let line = format!(
                "until [ -e {until} ]; do if {command} >/dev/null 2>&1; then echo ok; else echo failed; \
                 fi; sleep 0.05; done"
            );
            Ok((name, from.spawn(&["bash", "-c", &line])?))
        };
        let short = kinds().map(start).into_iter().collect::<Result<_, Error>>()?;
        Ok(Mixed { loading: Loading::start_again_and_again(CLIENTS, CLIENTS)?, short, until })
    }

    pub(super) fn finish(self) -> Result<Done, Error> {
        crate::namespace::write(&self.until, "")?;
        let loaded = self.loading.finish()?;
        let mut short = Vec::new();
        for (name, task) in self.short {
            let lines = task.finish()?.stdout;
            let count = |word| lines.lines().filter(|line| *line == word).count() as u64;
            short.push((name, count("ok") + count("failed"), count("failed")));
        }
        Ok(Done { loaded, short })
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Loaded { whole, wrong, lost, requests, .. } = &self.loaded;
        write!(f, "{lost} of {} connections lost", 2 * CLIENTS)?;
        write!(f, " ({whole} downloads, {wrong} wrong, {requests} requests)")?;
        for (name, count, failed) in &self.short {
            write!(f, ", {name} {count}")?;
            if *failed > 0 {
                write!(f, " ({failed} failed)")?;
            }
        }
        Ok(())
    }
}
