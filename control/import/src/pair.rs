//! The two files of a pair, in one go: two configurations that differ only where they must.

use crate::compose::compose;
use crate::error::Error;
use crate::model::{Model, Service};
use crate::report::{At, Outcome, Report};
use crate::rules::Rules;
use crate::{Import, Options};

pub(crate) fn import(
    mut first: Model,
    mut second: Model,
    names: &[String],
    options: &Options,
    rules: &Rules,
    mut report: Report,
) -> Result<Import, Error> {
    first.masquerades.extend(rules.masquerades.iter().cloned());
    second.masquerades.extend(rules.masquerades.iter().cloned());
    // Each knows its own addresses, and the other's are its peer's.
    let own = [&first, &second].map(|model| model.machine.real.clone());
    for (model, other) in [(&mut first, &own[1]), (&mut second, &own[0])] {
        for address in other {
            if !model.machine.paths.iter().any(|path| path.value.1 == address.address) {
                model.machine.paths.push(At { value: (None, address.address), at: address.at });
            }
        }
    }
    judge_names(&first, &mut second, options, &mut report);
    judge_alike(&first, &second, &mut report);
    let machine = compose(first, &options.known, names, &mut report)?;
    let peer = compose(second, &options.known_peer, names, &mut report)?;
    Ok(Import { machine, peer: Some(peer), report })
}

/// Two machines have two names.
fn judge_names(first: &Model, second: &mut Model, options: &Options, report: &mut Report) {
    let name = |model: &Model| model.machine.name.as_ref().map(|name| name.value.clone());
    let (one, other) = (options.known.name.clone().or(name(first)), name(second));
    if options.known_peer.name.is_some() || one != other {
        return;
    }
    let one = one.unwrap_or_else(|| "tandem-a".to_owned());
    let at = second.machine.name.as_ref().map(|name| name.at).or(second.machine.pair);
    let Some(at) = at else { return };
    let value = if one == "tandem-a" { "tandem-b".to_owned() } else { format!("{one}-b") };
    let words =
        format!("both machines have the same name, and here they have two: {one} and {value}");
    report.add(at, format!("router_id {one}"), Outcome::Otherwise, words);
    second.machine.name = Some(At { value, at });
}

/// What should be the same on both machines, and is not.
fn judge_alike(first: &Model, second: &Model, report: &mut Report) {
    for (one, other) in [(first, second), (second, first)] {
        for service in &one.services {
            let twin = other.services.iter().find(|twin| is_same_place(service, twin));
            let words = match twin {
                None => {
                    "the other machine has no such service, and would not serve it after a takeover"
                }
                Some(twin) if !is_alike(service, twin) => {
                    "the other machine has it with other servers or keys: after a takeover it would be \
                     another service"
                }
                Some(_) => continue,
            };
            report.add(service.at, service.what.clone(), Outcome::NotTaken, words);
        }
        for address in &one.machine.floating {
            let mut others = other.machine.floating.iter();
            if !others.any(|twin| twin.address == address.address) {
                let words = "the other machine has not this address, and would not answer for it after a \
                             takeover";
                let text = format!("address {}", address.address);
                report.add(address.at, text, Outcome::NotTaken, words);
            }
        }
    }
}

fn is_same_place(one: &Service, other: &Service) -> bool {
    let listen = |service: &Service| service.listens.first().map(|listen| listen.value);
    listen(one) == listen(other) && one.protocols == other.protocols
}

fn is_alike(one: &Service, other: &Service) -> bool {
    let servers = |service: &Service| -> Vec<_> {
        let all = service.servers.iter().chain(&service.sorry);
        all.map(|server| (server.address, server.weight, server.keys.clone())).collect()
    };
    let keys = |service: &Service| -> Vec<_> {
        service.keys.iter().map(|key| key.value.clone()).collect()
    };
    servers(one) == servers(other) && keys(one) == keys(other)
}
