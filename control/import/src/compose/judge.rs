//! The file is checked as `tandem check` does it. What it refuses is taken out, with its reason.

use std::collections::BTreeMap;

use config::{Config, Mistakes};

use super::document::{Document, Origin, Plan, write as write_document};
use crate::error::Error;
use crate::report::{FillIn, Outcome, Place, Report};

/// How often something is taken out, at the most: each time everything that is wrong.
const MOST_TURNS: usize = 12;

/// Writes the plan so that it is right.
///
/// # Errors
/// [`Error::NotRight`] when what no file can be without is wrong.
pub(super) fn write(
    plan: &mut Plan,
    fill_in: &[FillIn],
    report: &mut Report,
) -> Result<String, Error> {
    let mut last = String::new();
    for _ in 0..MOST_TURNS {
        let document = write_document(plan, fill_in, report);
        let mistakes = match Config::check("tandem.toml", &document.text) {
            Ok(_) => return Ok(document.text),
            Err(mistakes) => mistakes,
        };
        last = mistakes.to_string();
        let wrong = origins(&document, &mistakes);
        if wrong.is_empty() || !take_out(plan, &wrong, report) {
            break;
        }
    }
    Err(Error::NotRight(last))
}

/// What is wrong, each with its words, the last first: what is taken out moves what follows.
fn origins(document: &Document, mistakes: &Mistakes) -> Vec<(Origin, String)> {
    let mut wrong: BTreeMap<Origin, String> = BTreeMap::new();
    for mistake in &mistakes.mistakes {
        let line = mistake.place.and_then(|place| usize::try_from(place.line).ok());
        let origin = line.and_then(|line| document.origins.get(line.saturating_sub(1)));
        if let Some(origin) = origin.filter(|origin| **origin != Origin::Frame) {
            let words = format!("{}; {}", mistake.what, mistake.remedy);
            wrong.entry(*origin).or_insert(words);
        }
    }
    wrong.into_iter().rev().collect()
}

/// Takes out what is wrong; false when nothing was.
fn take_out(plan: &mut Plan, wrong: &[(Origin, String)], report: &mut Report) -> bool {
    let mut is_changed = false;
    for (origin, words) in wrong {
        let is_beside = is_beside(plan, *origin);
        let Some((at, text)) = remove(plan, *origin) else { continue };
        is_changed = true;
        let words = match is_beside {
            true => BESIDE.to_owned(),
            false => format!("tandem check refuses it: {words}"),
        };
        report.add(at, text, Outcome::NotTaken, words);
    }
    let public = &plan.sides[0];
    for service in &mut plan.services {
        // What is no floating address any more is listened on no more.
        service.listens.retain(|listen| public.has(listen.value.address));
    }
    plan.services.retain(|service| {
        let is_empty = service.listens.is_empty()
            || (service.servers.iter().all(|server| server.is_off) && !service.is_off);
        if is_empty {
            is_changed = true;
            let words = "none of its servers or addresses is left; write them by hand";
            report.add(service.at, service.what.clone(), Outcome::NotTaken, words);
        }
        !is_empty
    });
    is_changed
}

const BESIDE: &str = "it is in the network of the virtual IP, and Tandem forwards from one network to another: \
                      give the servers a network of their own behind it (private), with its gateway address as \
                      their default route";

/// True for a server that was refused because it is on the public side, as far as is known.
fn is_beside(plan: &Plan, origin: Origin) -> bool {
    let Origin::Server(index, place) = origin else { return false };
    let Some(service) = plan.services.get(index) else { return false };
    let Some(server) = service.servers.get(place) else { return false };
    let [public, private] = &plan.sides;
    let near = |listen: &crate::report::At<config::Listen>| {
        config::Cidr { address: listen.value.address, prefix: 24 }.contains(*server.address.ip())
    };
    let address = *server.address.ip();
    !private.address.contains(address)
        && !public.has(address)
        && (public.address.contains(address) || service.listens.iter().any(near))
}

/// Takes one thing out; where it was written and what it was.
fn remove(plan: &mut Plan, origin: Origin) -> Option<(Place, String)> {
    fn at<T>(list: &mut Vec<T>, index: usize) -> Option<T> {
        (index < list.len()).then(|| list.remove(index))
    }
    match origin {
        Origin::Frame => None,
        Origin::Floating(side, index) => {
            let side_of = plan.sides.get_mut(side)?;
            // The private side has at least one.
            if side == 1 && side_of.floating.len() < 2 {
                return None;
            }
            let one = at(&mut side_of.floating, index)?;
            Some((one.at, format!("address {}", one.address)))
        }
        Origin::Gateway(side) => {
            let (gateway, at) = plan.sides.get_mut(side)?.gateway.take()?;
            Some((at, format!("default route via {gateway}")))
        }
        Origin::Route(side, index) => {
            let route = at(&mut plan.sides.get_mut(side)?.routes, index)?;
            Some((route.at, format!("route to {} via {}", route.to, route.via)))
        }
        Origin::Mac(side) => {
            let (mac, at) = plan.sides.get_mut(side)?.virtual_mac.take()?;
            Some((at, format!("virtual_mac {mac}")))
        }
        Origin::Peer => plan.peer.take().map(|peer| (peer.at, "the other machine".to_owned())),
        Origin::Preempt => {
            let (preempt, at) = plan.peer.as_mut()?.preempt.take()?;
            Some((at, format!("preempt {preempt}")))
        }
        Origin::Path(index) => {
            let peer = plan.peer.as_mut()?;
            let path = at(&mut peer.paths, index)?;
            if peer.paths.is_empty() {
                plan.peer = None;
            }
            Some((path.at, format!("path to {}", path.remote)))
        }
        Origin::Timeout(index) => {
            let timeout = at(&mut plan.timeouts, index)?;
            Some((timeout.at, timeout.value.0.to_owned()))
        }
        Origin::Masquerade(index) => {
            let rule = at(&mut plan.masquerades, index)?;
            Some((rule.at, format!("masquerade {}", rule.source)))
        }
        Origin::Service(index) => {
            let service = at(&mut plan.services, index)?;
            Some((service.at, service.what))
        }
        Origin::Checks(index) => {
            let service = plan.services.get_mut(index)?;
            service.servers.iter_mut().for_each(|server| server.checks.clear());
            Some((service.at, format!("the checks of {}", service.what)))
        }
        Origin::Server(index, place) => {
            let server = at(&mut plan.services.get_mut(index)?.servers, place)?;
            Some((server.at, format!("real server {}", server.address)))
        }
        Origin::Sorry(index, place) => {
            let server = at(&mut plan.services.get_mut(index)?.sorry, place)?;
            Some((server.at, format!("sorry server {}", server.address)))
        }
    }
}
