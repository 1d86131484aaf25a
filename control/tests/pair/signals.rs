//! Signals besides those that end the process.

use std::fs;

use rustix::process::Signal;

use crate::machine::{Both, wait};

/// Its log goes to the file that [`Machine::log`](crate::machine::Machine::log) reads.
fn running() -> Both {
    let mut both = Both::new();
    let log = fs::File::create(both.a.folder.join("log")).unwrap();
    both.a.start_binary(log.into());
    wait("the metrics are served", || both.a.metrics().contains("tandem_ready"));
    both
}

fn await_words(both: &Both, words: &str) {
    wait(words, || both.a.log().contains(words));
}

#[test]
fn sighup_checks_the_file_and_asks_the_dataplane() {
    let both = running();
    let file = both.a.folder.join("tandem.toml");
    let good = fs::read_to_string(&file).unwrap();
    both.a.dataplane.state().path.clone_from(&file);
    both.a.signal(Signal::HUP);
    await_words(&both, "the dataplane has reloaded");
    assert_eq!(both.a.dataplane.state().reloads, 1);
    assert!(!both.a.log().contains("takes a restart"), "{}", both.a.log());

    fs::write(&file, good.replace("198.51.100.10/24", "198.51.100.300/24")).unwrap();
    both.a.signal(Signal::HUP);
    await_words(&both, "SIGHUP, not reloaded");
    await_words(&both, "198.51.100.300");
    assert_eq!(both.a.dataplane.state().reloads, 1, "a file with mistakes is nobody's");

    fs::write(&file, good.replace("lease = \"800ms\"", "lease = \"700ms\"")).unwrap();
    both.a.signal(Signal::HUP);
    await_words(&both, "these changes need a restart of tandem-control");
    await_words(&both, "peer.lease: 800ms now, 700ms in the file");
    assert_eq!(both.a.dataplane.state().reloads, 1, "the dataplane was not told");

    fs::write(&file, &good).unwrap();
    both.a.signal(Signal::HUP);
    wait("what needs no restart is taken", || both.a.dataplane.state().reloads == 2);

    both.a.dataplane.kill();
    both.a.signal(Signal::HUP);
    await_words(&both, "SIGHUP, not reloaded: the dataplane has not reloaded");
    assert_eq!(both.a.pair().own.name, "a", "it goes on");
}

#[test]
fn signals_that_mean_nothing_here_end_nothing() {
    let mut both = running();
    for (signal, name) in [(Signal::USR1, "SIGUSR1"), (Signal::USR2, "SIGUSR2")] {
        both.a.signal(signal);
        await_words(&both, &format!("{name} changes nothing here"));
    }
    both.a.signal(Signal::PIPE);
    assert_eq!(both.a.pair().own.name, "a");
    both.a.signal(Signal::TERM);
    assert_eq!(both.a.ended(), Some(0));
}
