//! Clients and servers of every kind at work.

use core::fmt;

use crate::{
    CLIENT, Error, FOLDER, INTERNET, Lab, Loaded, Loading, Namespace, Task, VIP, appliance,
    wait_until,
};

/// Downloads at a time, and connections that are kept alive.
const CLIENTS: u32 = 10;

/// What short requests do until they are told to end: each a line, "ok" or "failed".
struct Kind {
    name: &'static str,
    from: Namespace,
    command: String,
}

/// Where datagrams in fragments are answered: as a service, and on the Internet.
const ANSWERED: [(Namespace, &str); 2] =
    [(Lab::S2, "10.0.0.12:7"), (Lab::INTERNET, "203.0.113.10:7")];

fn kinds(fragments: bool) -> Vec<Kind> {
    let kind = |name, from, command| Kind { name, from, command };
    let mut kinds = vec![
        kind("HTTP", Lab::CLIENT, format!("curl -sf -m 20 -o /dev/null http://{VIP}/")),
        kind("DNS", Lab::CLIENT, format!("dig +short +tries=8 +timeout=2 @{VIP} whoami.lab TXT")),
        kind("out", Lab::S1, format!("curl -sf -m 20 -o /dev/null http://{INTERNET}/")),
        kind("echo", Lab::S3, format!("ping -c 1 -W 20 {INTERNET}")),
    ];
    if fragments {
        let program = program();
        let ask = |from: &str, to: &str| {
            format!("[ \"$({program} ask --from {from} --to {to}:7 --count 1)\" = 1 ]")
        };
        kinds.push(kind("fragments", Lab::CLIENT, ask(CLIENT, VIP)));
        kinds.push(kind("fragments out", Lab::S1, ask("10.0.0.11", INTERNET)));
    }
    kinds
}

fn program() -> String {
    appliance::program("tandem-lab").display().to_string()
}

/// Answers datagrams of three frames each with themselves.
fn answer() -> Result<Vec<Task>, Error> {
    let program = program();
    let start = |(at, listen): (Namespace, &str)| {
        let task = at.spawn(&[&program, "answer", "--listen", listen])?;
        let listens = || at.run(&["ss", "-unlH"]).is_ok_and(|said| said.stdout.contains(listen));
        wait_until("datagrams are answered", 20, listens)?;
        Ok(task)
    };
    ANSWERED.into_iter().map(start).collect()
}

/// All of them, begun.
pub(super) struct Mixed {
    loading: Loading,
    short: Vec<(&'static str, Task)>,
    /// Who answers those of them that nothing else answers.
    answering: Vec<Task>,
    until: String,
}

/// What came of them.
pub(super) struct Done {
    pub(super) loaded: Loaded,
    /// Of each kind of short requests: how many, and how many failed.
    pub(super) short: Vec<(&'static str, u64, u64)>,
}

impl Mixed {
    pub(super) fn start(fragments: bool) -> Result<Self, Error> {
        let answering = if fragments { answer()? } else { Vec::new() };
        let until = format!("{FOLDER}/soak.until");
        let _ = std::fs::remove_file(&until);
        let start = |Kind { name, from, command }: Kind| {
            let line = format!(
                "until [ -e {until} ]; do if {command} >/dev/null 2>&1; then echo ok; else echo failed; \
                 fi; sleep 0.05; done"
            );
            Ok((name, from.spawn(&["bash", "-c", &line])?))
        };
        let short = kinds(fragments).into_iter().map(start).collect::<Result<_, Error>>()?;
        let loading = Loading::start_again_and_again(CLIENTS, CLIENTS)?;
        Ok(Mixed { loading, short, answering, until })
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
        drop(self.answering);
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
