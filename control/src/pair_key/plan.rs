//! The next step of a change of the key, from what both machines hold.

use api::{HeldKey, KeyState};

/// A machine of the pair, as seen by the one where the command runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    Own,
    Peer,
}

/// What is to be done next. Keys are named.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// The own machine makes a successor of the used key, and accepts it.
    Make,
    /// The peer is brought this key of the own machine, and accepts it.
    Bring(String),
    /// A machine uses a key that it accepts.
    Use(Side, String),
    /// A machine accepts a key no more.
    Forget(Side, HeldKey),
    /// Both use one key, and hold no other.
    Done,
    /// The peer uses a key that the own machine does not have.
    Strange(String),
}

impl Step {
    /// It takes more than that the machines reach each other: both have to be heard, each with the
    /// key that it uses. The others can only mend what is between two machines.
    #[must_use]
    pub fn needs_heartbeats(&self, own: &KeyState, peer: &KeyState) -> bool {
        match self {
            Step::Make | Step::Forget(..) => true,
            Step::Use(..) => own.used.name == peer.used.name,
            Step::Bring(_) | Step::Done | Step::Strange(_) => false,
        }
    }

    /// True for what only a change that has come to its second half does.
    #[must_use]
    pub fn is_second_half(&self, used: &HeldKey) -> bool {
        match self {
            Step::Use(..) => true,
            Step::Forget(_, key) => key.generation < used.generation,
            _ => false,
        }
    }
}

/// The next step. `is_changed`: the key was changed already, and no further one is wanted.
///
/// Each step keeps the rule that a machine accepts the key that the other one uses.
#[must_use]
pub fn next(own: &KeyState, peer: &KeyState, is_changed: bool) -> Step {
    if own.used.name != peer.used.name {
        return halfway(own, peer);
    }
    let used = &own.used;
    match (&own.accepted, &peer.accepted) {
        // It was made, and is not in use yet.
        (Some(new), theirs) if is_newer(new, used) => match theirs {
            Some(theirs) if theirs.name == new.name => Step::Use(Side::Peer, new.name.clone()),
            _ => Step::Bring(new.name.clone()),
        },
        // The one before, or one that was begun with on the other machine and never used.
        (_, Some(other)) => Step::Forget(Side::Peer, other.clone()),
        (Some(other), None) => Step::Forget(Side::Own, other.clone()),
        (None, None) if is_changed => Step::Done,
        (None, None) => Step::Make,
    }
}

/// True for a key that came from the other one. A key that was made anew, as after one was stolen,
/// is neither older nor newer than those before.
fn is_newer(one: &HeldKey, other: &HeldKey) -> bool {
    one.line == other.line && one.generation > other.generation
}

/// The machines use different keys. The newer one of them wins; of keys that have nothing to do
/// with each other an operator says which it is.
fn halfway(own: &KeyState, peer: &KeyState) -> Step {
    if own.used.line != peer.used.line {
        return Step::Strange(peer.used.name.clone());
    }
    let accepts = |state: &KeyState, key: &HeldKey| {
        state.accepted.as_ref().is_some_and(|accepted| accepted.name == key.name)
    };
    if peer.used.generation > own.used.generation {
        return match accepts(own, &peer.used) {
            true => Step::Use(Side::Own, peer.used.name.clone()),
            false => Step::Strange(peer.used.name.clone()),
        };
    }
    match accepts(peer, &own.used) {
        true => Step::Use(Side::Peer, own.used.name.clone()),
        false => Step::Bring(own.used.name.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(generation: u64, name: &str) -> HeldKey {
        HeldKey { name: name.to_owned(), generation, line: String::new() }
    }

    fn state(used: HeldKey, accepted: Option<HeldKey>) -> KeyState {
        KeyState { used, accepted, peers: None }
    }

    /// After a key was stolen, both machines have a new one, and accept the old one still.
    #[test]
    fn a_key_of_another_line_is_never_taken_back() {
        let stolen = HeldKey { line: "one".to_owned(), ..key(1, "stolen") };
        let new = HeldKey { line: "two".to_owned(), ..key(0, "new") };
        let [own, peer] = [Some(stolen.clone()), None].map(|accepted| state(new.clone(), accepted));
        assert_eq!(next(&own, &peer, false), Step::Forget(Side::Own, stolen.clone()));
        assert_eq!(next(&peer, &own, false), Step::Forget(Side::Peer, stolen.clone()));
        let behind = state(stolen, None);
        assert_eq!(next(&own, &behind, false), Step::Strange("stolen".to_owned()));
        assert_eq!(next(&behind, &own, false), Step::Strange("new".to_owned()));
    }

    /// A step is done, or not.
    fn apply(step: &Step, own: &mut KeyState, peer: &mut KeyState, made: &mut u64) {
        match step {
            Step::Make => {
                *made += 1;
                let generation = own.used.generation + 1;
                own.accepted = Some(key(generation, &format!("{generation}-{made}")));
            }
            Step::Bring(name) => {
                let found = [Some(&own.used), own.accepted.as_ref()];
                peer.accepted = found.into_iter().flatten().find(|key| key.name == *name).cloned();
            }
            Step::Use(side, name) => {
                let state = if *side == Side::Own { own } else { peer };
                let accepted = state.accepted.clone().unwrap();
                assert_eq!(accepted.name, *name);
                state.accepted = Some(core::mem::replace(&mut state.used, accepted));
            }
            Step::Forget(side, name) => {
                let state = if *side == Side::Own { own } else { peer };
                assert_eq!(state.accepted.as_ref(), Some(name));
                state.accepted = None;
            }
            Step::Done | Step::Strange(_) => {}
        }
    }

    fn understands(one: &KeyState, other: &KeyState) -> bool {
        let accepted = one.accepted.as_ref().map(|key| key.name.as_str());
        one.used.name == other.used.name || accepted == Some(&other.used.name)
    }

    fn run(own: &mut KeyState, peer: &mut KeyState, made: &mut u64, most: u32) -> bool {
        let mut is_changed = false;
        for _ in 0..most {
            let step = next(own, peer, is_changed);
            is_changed |= step.is_second_half(&own.used);
            if step == Step::Done {
                return true;
            }
            apply(&step, own, peer, made);
            assert!(understands(own, peer) && understands(peer, own), "{step:?}: {own:?} {peer:?}");
        }
        false
    }

    #[test]
    fn a_change_takes_six_steps() {
        let old = key(0, "old");
        let (mut own, mut peer) = (state(old.clone(), None), state(old, None));
        let mut made = 0;
        assert!(!run(&mut own.clone(), &mut peer.clone(), &mut 0, 6), "and a look");
        assert!(run(&mut own, &mut peer, &mut made, 7));
        assert_eq!((&own, own.used.generation, made), (&peer, 1, 1));
    }

    /// Every way of two cuts, each time typed on either machine.
    #[test]
    fn cut_at_any_place_it_goes_on_when_it_is_typed_again_on_either_machine() {
        let old = key(0, "old");
        for (first, second) in (0..7).flat_map(|first| (0..7).map(move |second| (first, second))) {
            for order in 0..4 {
                let mut machines = [state(old.clone(), None), state(old.clone(), None)];
                let mut made = 0;
                for (steps, swapped) in [(first, order & 1), (second, order >> 1)] {
                    let [a, b] = &mut machines;
                    let (own, peer) = if swapped == 1 { (b, a) } else { (a, b) };
                    run(own, peer, &mut made, steps);
                }
                let [a, b] = &mut machines;
                assert!(run(a, b, &mut made, 12), "{first} {second} {order}: {machines:?}");
                assert_eq!(a, b);
                assert!(a.accepted.is_none() && a.used.generation >= 1, "{machines:?}");
            }
        }
    }

    #[test]
    fn a_key_that_only_the_peer_has_is_named() {
        let own = state(key(0, "old"), None);
        let peer = state(key(1, "new"), Some(key(0, "old")));
        assert_eq!(next(&own, &peer, false), Step::Strange("new".to_owned()));
        // Typed there it goes on.
        assert_eq!(next(&peer, &own, false), Step::Bring("new".to_owned()));
    }

    #[test]
    fn nothing_is_used_or_forgotten_before_both_are_heard() {
        let old = key(0, "old");
        let new = state(key(1, "new"), Some(old.clone()));
        let needs = |step: Step, own: &KeyState, peer: &KeyState| step.needs_heartbeats(own, peer);
        let both = state(old.clone(), Some(key(1, "new")));
        assert!(needs(Step::Use(Side::Peer, "new".to_owned()), &both, &both));
        assert!(needs(Step::Forget(Side::Own, old), &new, &new));
        // This one leads back to a key that both have.
        assert!(!needs(Step::Use(Side::Own, "new".to_owned()), &both, &new));
    }
}
