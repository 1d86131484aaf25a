//! `tandem key status`: which keys both machines use.

use std::io::{self, Write};

use api::KeyState;
use config::Peer;
use schemars::JsonSchema;
use serde::Serialize;

use super::{pair, peers_name};
use crate::command::Context;
use crate::error::Error;
use crate::output::Table;
use crate::pair_key::Side;
use crate::pair_key::machines::Machines;

#[derive(Serialize, JsonSchema)]
pub(in crate::command) struct Answer {
    /// This machine.
    own: Machine,
    /// The other one; none where it does not answer.
    peer: Option<Machine>,
    /// What is not as it should be; each a sentence without its full stop.
    warnings: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
struct Machine {
    /// Its `node.name`.
    name: String,
    /// Its keys.
    keys: KeyState,
}

pub(super) fn run(peer: &Peer, context: &mut Context<'_>) -> Result<(), Error> {
    let pair = pair(context)?;
    let machines = Machines::new(peer, &context.pair_socket())?;
    let own = machines.look(Side::Own).map_err(Error::Key)?;
    let (other, trouble) = match machines.look(Side::Peer) {
        Ok(state) => (Some(state), None),
        Err(why) => (None, Some(why)),
    };
    let mut warnings: Vec<_> = trouble.into_iter().collect();
    warnings.extend(other.as_ref().and_then(|other| difference(&own, other)));
    let name = peers_name(&pair);
    let answer = Answer {
        own: Machine { name: pair.own.name, keys: own },
        peer: other.map(|keys| Machine { name, keys }),
        warnings,
    };
    context.answer(&answer, show)
}

/// What differs, as a sentence without its full stop.
fn difference(own: &KeyState, peer: &KeyState) -> Option<String> {
    const FINISH: &str = "type tandem key rotate, which brings the change to its end";
    if own.used.name != peer.used.name {
        return Some(format!("the machines use different keys: {FINISH}"));
    }
    let second = own.accepted.is_some() || peer.accepted.is_some();
    second.then(|| format!("a second key is accepted: {FINISH}"))
}

fn show(answer: &Answer, out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::new(["MACHINE", "USES", "ACCEPTS TOO", "HEARS THE OTHER WITH"]);
    for Machine { name, keys } in core::iter::once(&answer.own).chain(&answer.peer) {
        let KeyState { used, accepted, peers } = keys.clone();
        let accepted = accepted.map(|key| key.name).unwrap_or_default();
        table.row([name.clone(), used.name, accepted, peers.unwrap_or_default()]);
    }
    table.write(out)?;
    for warning in &answer.warnings {
        writeln!(out, "warning     {warning}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use api::HeldKey;

    use super::*;

    #[test]
    fn a_machine_with_another_key_is_said_with_what_to_type() {
        let key = |name: &str| HeldKey { name: name.to_owned(), ..HeldKey::default() };
        let own = KeyState { used: key("1"), ..KeyState::default() };
        assert_eq!(difference(&own, &own), None);
        let peer = KeyState { used: key("0"), accepted: Some(key("1")), peers: None };
        let warnings = difference(&own, &peer).into_iter().collect();
        let machine = |name: &str, keys: KeyState| Machine { name: name.to_owned(), keys };
        let answer = Answer { own: machine("a", own), peer: Some(machine("b", peer)), warnings };
        let mut out = Vec::new();
        show(&answer, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(
            text.contains("warning     the machines use different keys: type tandem key"),
            "{text}"
        );
        assert!(text.lines().nth(2).is_some_and(|line| line.starts_with("b ")), "{text}");
    }
}
