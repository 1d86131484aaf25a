//! `tandem key rotate`: step by step, in words.

use core::time::Duration;
use std::thread::sleep;
use std::time::Instant;

use api::KeyState;

use super::plan::{self, Side, Step};

/// For heartbeats with the key that was just taken into use.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// Both machines; the own one first.
pub trait Pair {
    /// What they hold.
    ///
    /// # Errors
    /// A sentence without its full stop.
    fn look(&mut self) -> Result<[KeyState; 2], String>;

    /// Has a step done.
    ///
    /// # Errors
    /// A sentence without its full stop.
    fn carry_out(&mut self, step: &Step) -> Result<(), String>;
}

/// Changes the key of a pair, or brings a change to its end. `tell` hears what is done; `peer` is the
/// other machine's name. Says the name of the key that both use.
///
/// # Errors
/// Why it stops, a sentence without its full stop.
pub fn rotate(
    pair: &mut impl Pair,
    peer: &str,
    patience: Duration,
    mut tell: impl FnMut(&str),
) -> Result<String, String> {
    let mut is_changed = false;
    let mut last = Instant::now();
    let mut before = None;
    loop {
        let [own, other] = pair.look()?;
        let step = plan::next(&own, &other, is_changed);
        if step.needs_heartbeats(&own, &other) && !hear_each_other(&own, &other) {
            if last.elapsed() >= patience {
                return Err(silence(&own, &other, peer));
            }
            sleep(PAUSE.min(patience));
            continue;
        }
        is_changed |= step.is_second_half(&own.used);
        match &step {
            Step::Done => return Ok(own.used.name),
            Step::Strange(name) => {
                return Err(format!(
                    "{peer} uses the key {name}, which this machine does not have: type it on {peer}"
                ));
            }
            _ => tell(&describe(&step, peer)),
        }
        if before.as_ref() == Some(&step) {
            return Err(format!(
                "{peer} did not do it: {}",
                describe(&step, peer).trim_end_matches('.')
            ));
        }
        pair.carry_out(&step)?;
        before = Some(step);
        last = Instant::now();
    }
}

/// Each hears the other one with the key that this one uses.
fn hear_each_other(own: &KeyState, peer: &KeyState) -> bool {
    own.peers.as_ref() == Some(&peer.used.name) && peer.peers.as_ref() == Some(&own.used.name)
}

fn silence(own: &KeyState, other: &KeyState, peer: &str) -> String {
    let (hears, at) = match &own.peers {
        Some(key) if *key == other.used.name => (peer, own),
        _ => ("this machine", other),
    };
    format!(
        "{hears} hears no heartbeats of the other machine with the key {}: tandem status on both \
         machines tells more",
        at.used.name
    )
}

fn describe(step: &Step, peer: &str) -> String {
    let machine = |side: &Side| match side {
        Side::Own => "This machine".to_owned(),
        Side::Peer => peer.to_owned(),
    };
    match step {
        Step::Make => {
            "This machine makes a new key, and accepts it beside the one in use.".to_owned()
        }
        Step::Bring(name) => format!("{peer} gets the key {name}, and accepts it."),
        Step::Use(side, name) => format!("{} uses the key {name}.", machine(side)),
        Step::Forget(side, key) => format!("{} forgets the key {}.", machine(side), key.name),
        Step::Done | Step::Strange(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use api::HeldKey;

    use super::*;

    /// Two machines whose heartbeats come at once.
    struct Fake {
        states: [KeyState; 2],
        /// After so many steps the link is cut; the last one is done, and its answer lost.
        left: u32,
        /// The peer hears nothing.
        is_deaf: bool,
    }

    impl Fake {
        fn new() -> Self {
            let used = HeldKey { name: "0".to_owned(), ..HeldKey::default() };
            let state = KeyState { used, ..KeyState::default() };
            Fake { states: [state.clone(), state], left: u32::MAX, is_deaf: false }
        }
    }

    fn exchange(state: &mut KeyState, name: &str) {
        let accepted = state.accepted.take().unwrap();
        assert_eq!(accepted.name, name);
        state.accepted = Some(core::mem::replace(&mut state.used, accepted));
    }

    impl Pair for Fake {
        fn look(&mut self) -> Result<[KeyState; 2], String> {
            let [own, peer] = &mut self.states;
            let accepts = |state: &KeyState, key: &HeldKey| {
                state.used == *key || state.accepted.as_ref() == Some(key)
            };
            own.peers = accepts(own, &peer.used).then(|| peer.used.name.clone());
            let hears = !self.is_deaf && accepts(peer, &own.used);
            peer.peers = hears.then(|| own.used.name.clone());
            Ok(self.states.clone())
        }

        fn carry_out(&mut self, step: &Step) -> Result<(), String> {
            let [own, peer] = &mut self.states;
            match step {
                Step::Make => {
                    let generation = own.used.generation + 1;
                    own.accepted = Some(HeldKey {
                        name: generation.to_string(),
                        generation,
                        ..HeldKey::default()
                    });
                }
                Step::Bring(_) => peer.accepted = own.accepted.clone(),
                Step::Use(Side::Own, name) => exchange(own, name),
                Step::Use(Side::Peer, name) => exchange(peer, name),
                Step::Forget(Side::Own, _) => own.accepted = None,
                Step::Forget(Side::Peer, _) => peer.accepted = None,
                Step::Done | Step::Strange(_) => {}
            }
            self.left = self.left.checked_sub(1).ok_or("the link is cut")?;
            Ok(())
        }
    }

    #[test]
    fn what_it_does_is_told_in_words() {
        let (mut pair, mut said) = (Fake::new(), Vec::new());
        let used = rotate(&mut pair, "b", PATIENCE, |line| said.push(line.to_owned()));
        assert_eq!(used.as_deref(), Ok("1"));
        assert_eq!(
            said,
            [
                "This machine makes a new key, and accepts it beside the one in use.",
                "b gets the key 1, and accepts it.",
                "b uses the key 1.",
                "This machine uses the key 1.",
                "b forgets the key 0.",
                "This machine forgets the key 0."
            ]
        );
    }

    #[test]
    fn a_link_that_is_cut_stops_it_and_typed_again_it_goes_on() {
        for left in 0..6 {
            let mut pair = Fake { left, ..Fake::new() };
            assert_eq!(
                rotate(&mut pair, "b", PATIENCE, |_| ()).unwrap_err(),
                "the link is cut",
                "{left}"
            );
            pair.left = u32::MAX;
            rotate(&mut pair, "b", PATIENCE, |_| ()).unwrap();
            let [own, peer] = pair.look().unwrap();
            assert_eq!((&own, own.accepted.as_ref()), (&peer, None), "{left}");
            assert!(own.used.generation >= 1);
        }
    }

    #[test]
    fn nothing_begins_while_a_machine_is_not_heard() {
        let mut pair = Fake { is_deaf: true, ..Fake::new() };
        let before = pair.states.clone().map(|state| (state.used, state.accepted));
        let why = rotate(&mut pair, "b", Duration::ZERO, |_| ()).unwrap_err();
        assert!(
            why.starts_with("b hears no heartbeats of the other machine with the key 0"),
            "{why}"
        );
        assert_eq!(pair.states.map(|state| (state.used, state.accepted)), before);
    }
}
