//! Services of all files: each address, port and protocol once, and each with a name.

use std::collections::{HashMap, HashSet};
use std::net::Ipv4Addr;

use config::{Listen, Protocol};

use crate::model::{Model, Service};
use crate::report::{At, Outcome, Place, Report};

/// The most addresses and ports of one service.
const MOST_LISTENS: usize = config::Service::MOST_LISTENS;

pub(super) fn settle(model: &mut Model, report: &mut Report) {
    let mut taken: HashMap<(Ipv4Addr, Protocol, u16), Place> = HashMap::new();
    for service in &mut model.services {
        distinct(service, &mut taken, report);
        servers(service, report);
        weights(service, report);
        quorum(service, report);
    }
    all_ports(&mut model.services, report);
    model.services.retain(|service| !service.listens.is_empty() && !service.protocols.is_empty());
    model.services = core::mem::take(&mut model.services).into_iter().flat_map(split).collect();
    numbers(&mut model.services, report);
    names(&mut model.services);
}

fn is_range(listen: &Listen) -> bool {
    listen.first == 1 && listen.last == u16::MAX
}

/// What another service listens on already is left out.
fn distinct(
    service: &mut Service,
    taken: &mut HashMap<(Ipv4Addr, Protocol, u16), Place>,
    report: &mut Report,
) {
    if service.is_off {
        return;
    }
    let protocols = service.protocols.clone();
    let mut twice = None;
    service.listens.retain(|listen| {
        // Ranges from a firewall's rules are few, and the check looks at them.
        let Listen { address, first, last } = listen.value;
        if first != last && !is_range(&listen.value) {
            return true;
        }
        let port = if first == last { first } else { 0 };
        let is_new = protocols.iter().all(|protocol| {
            let key = (address, *protocol, port);
            *taken.entry(key).or_insert(listen.at) == listen.at
        });
        // Of a line that makes several, each is new once.
        let place = protocols.first().and_then(|protocol| taken.get(&(address, *protocol, port)));
        if !is_new {
            twice = place.copied();
        }
        is_new
    });
    let mut seen = HashSet::new();
    service.listens.retain(|listen| seen.insert(listen.value));
    if let Some(first) = twice {
        let words = format!(
            "{} has the same address, port and protocol already, and IPVS takes the first; take one \
             of them out, or put their servers together",
            report.shown(first)
        );
        report.add(service.at, service.what.clone(), Outcome::NotTaken, words);
    }
}

/// A server that is written twice counts once.
fn servers(service: &mut Service, report: &mut Report) {
    let mut seen: HashMap<_, Place> = HashMap::new();
    let mut twice = Vec::new();
    service.servers.retain(|server| {
        let first = *seen.entry(server.address).or_insert(server.at);
        let is_first = first == server.at;
        if !is_first {
            twice.push((server.at, server.address, first));
        }
        is_first
    });
    // One line may name the same server twice, as a range and by itself.
    let mut addresses = HashSet::new();
    service.servers.retain(|server| addresses.insert(server.address));
    service.sorry.retain(|sorry| {
        if !seen.contains_key(&sorry.address) {
            return true;
        }
        let words = "it is one of the servers: when none of them can serve, they are used all the same \
                     (when_all_down)";
        report.add(sorry.at, format!("sorry server {}", sorry.address), Outcome::Otherwise, words);
        false
    });
    for (at, address, first) in twice {
        let words = format!(
            "line {} has the same server already, and the first counts; a larger weight gives it a \
             larger share",
            first.line
        );
        report.add(at, format!("real server {address}"), Outcome::NotTaken, words);
    }
}

/// Weights that are too large are made smaller together.
fn weights(service: &mut Service, report: &mut Report) {
    let most = service.servers.iter().map(|server| server.weight).max().unwrap_or(0);
    if most <= u32::from(u16::MAX) {
        return;
    }
    let divisor =
        service.servers.iter().fold(0, |divisor, server| gcd(divisor, server.weight)).max(1);
    let divisor = divisor.max(most.div_ceil(u32::from(u16::MAX)));
    for server in &mut service.servers {
        // One that had a share keeps one.
        let scaled = server.weight / divisor;
        server.weight = if server.weight > 0 { scaled.max(1) } else { 0 };
    }
    let words = format!("weights go up to 65,535: all of its servers' are divided by {divisor}");
    report.add(service.at, service.what.clone(), Outcome::Otherwise, words);
}

fn gcd(one: u32, other: u32) -> u32 {
    if other == 0 { one } else { gcd(other, one % other) }
}

/// keepalived makes a quorum that cannot be reached smaller.
fn quorum(service: &mut Service, report: &mut Report) {
    let get = |service: &Service, key: &str| {
        let found = service.keys.iter().find(|known| known.value.0 == key);
        found.and_then(|known| Some((known.value.1.parse::<u32>().ok()?, known.at)))
    };
    let all = service.servers.iter().fold(0_u32, |all, one| all.saturating_add(one.weight));
    if let Some((wanted, at)) = get(service, "quorum").filter(|(wanted, _)| *wanted > all) {
        let quorum = all.max(1);
        let words = format!(
            "a quorum of {wanted} is more than the weights of all servers together; {quorum} is written, \
             as keepalived has it"
        );
        report.add(at, format!("quorum {wanted}"), Outcome::Otherwise, words);
        service.set("quorum", quorum.to_string(), at);
    }
    let quorum = get(service, "quorum").map_or(1, |(quorum, _)| quorum);
    if let Some((wanted, at)) = get(service, "hysteresis").filter(|(wanted, _)| *wanted >= quorum) {
        if wanted > 0 {
            let words = "it is less than the quorum, or that would never be lost; it is written so";
            report.add(at, format!("hysteresis {wanted}"), Outcome::Otherwise, words);
        }
        service.set("hysteresis", (quorum - 1).to_string(), at);
    }
}

/// A service of all ports has those that no other one has.
fn all_ports(services: &mut [Service], report: &mut Report) {
    let mut taken: HashMap<(Ipv4Addr, Protocol), Vec<(u16, u16)>> = HashMap::new();
    for service in services.iter().filter(|service| !service.is_off) {
        for listen in service.listens.iter().filter(|listen| !is_range(&listen.value)) {
            let Listen { address, first, last } = listen.value;
            for protocol in &service.protocols {
                taken.entry((address, *protocol)).or_default().push((first, last));
            }
        }
    }
    for service in services.iter_mut().filter(|service| !service.is_off) {
        let listens = core::mem::take(&mut service.listens);
        for listen in listens {
            if !is_range(&listen.value) {
                service.listens.push(listen);
                continue;
            }
            let address = listen.value.address;
            let mut ports: Vec<(u16, u16)> = service
                .protocols
                .iter()
                .filter_map(|protocol| taken.get(&(address, *protocol)))
                .flatten()
                .copied()
                .collect();
            ports.sort_unstable();
            let gaps = gaps(&ports)
                .into_iter()
                .map(|(first, last)| At { value: Listen { address, first, last }, at: listen.at });
            service.listens.extend(gaps);
            let words = "all ports that no other service has are ranges of ports; the servers serve each \
                         client on the port that it asked for";
            report.add(listen.at, service.what.clone(), Outcome::Otherwise, words);
        }
    }
}

/// The ports between those that are taken, which are sorted.
fn gaps(taken: &[(u16, u16)]) -> Vec<(u16, u16)> {
    let (mut gaps, mut next) = (Vec::new(), 1_u32);
    for (first, last) in taken {
        let first = u32::from(*first);
        if next < first {
            gaps.push((next, first - 1));
        }
        next = next.max(u32::from(*last) + 1);
    }
    if next <= u32::from(u16::MAX) {
        gaps.push((next, u32::from(u16::MAX)));
    }
    let port = |port| u16::try_from(port).unwrap_or(u16::MAX);
    gaps.into_iter().map(|(first, last)| (port(first), port(last))).collect()
}

/// A service that listens on more than one may becomes several.
fn split(service: Service) -> Vec<Service> {
    if service.listens.len() <= MOST_LISTENS {
        return vec![service];
    }
    let parts = service.listens.chunks(MOST_LISTENS);
    parts.map(|part| Service { listens: part.to_vec(), ..service.clone() }).collect()
}

/// What is more than a machine takes is left out, from the first service on that is too many.
fn numbers(services: &mut Vec<Service>, report: &mut Report) {
    use config::Service as Limits;
    let (mut count, mut servers, mut persistent) = (0_usize, 0_usize, 0_usize);
    let mut addresses = HashSet::new();
    services.retain(|service| {
        if service.is_off {
            return true;
        }
        let all = service.servers.len() + service.sorry.len();
        let persists = service.keys.iter().any(|key| key.value.0 == "persist");
        let kept = if persists { service.servers.len() } else { 0 };
        let known = addresses.len();
        addresses.extend(service.servers.iter().chain(&service.sorry).map(|one| *one.address.ip()));
        let what = if count >= Limits::MOST {
            format!("{} services", Limits::MOST)
        } else if servers + all > Limits::MOST_SERVERS_OF_ALL {
            format!("{} servers in all services", Limits::MOST_SERVERS_OF_ALL)
        } else if persistent + kept > Limits::MOST_PERSISTENT {
            format!("{} servers in services with persist", Limits::MOST_PERSISTENT)
        } else if known < addresses.len() && addresses.len() > Limits::MOST_ON_LINK {
            format!("{} addresses of servers", Limits::MOST_ON_LINK)
        } else {
            (count, servers, persistent) = (count + 1, servers + all, persistent + kept);
            return true;
        };
        let words = format!(
            "a machine takes {what} at the most: several addresses, protocols and ranges of ports can \
             be one service (listen)"
        );
        report.add(service.at, service.what.clone(), Outcome::NotTaken, words);
        false
    });
}

/// Each service has a name of its own: the old one, or where it listens.
fn names(services: &mut [Service]) {
    let mut used = HashSet::new();
    for service in services {
        let listen = service.listens.first().map(|listen| listen.value);
        let protocol = service.protocols.first().map(ToString::to_string).unwrap_or_default();
        let place = listen.map(|listen| match listen.first == listen.last {
            true => format!("{}-{}-{protocol}", listen.address, listen.first),
            false => format!("{}-{protocol}", listen.address),
        });
        let wanted = service.name.clone().or(place).unwrap_or_else(|| "service".to_owned());
        let mut name = wanted.clone();
        let mut number = 1_u32;
        while !used.insert(name.clone()) {
            number += 1;
            let ending = format!("-{number}");
            let most = 63_usize.saturating_sub(ending.len());
            // Names are ASCII.
            name = format!("{}{ending}", wanted.get(..most.min(wanted.len())).unwrap_or_default());
        }
        service.name = Some(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_between_others() {
        assert_eq!(gaps(&[]), [(1, 65_535)]);
        assert_eq!(gaps(&[(80, 80), (443, 443)]), [(1, 79), (81, 442), (444, 65_535)]);
        assert_eq!(gaps(&[(1, 10), (5, 20), (65_535, 65_535)]), [(21, 65_534)]);
        assert_eq!(gaps(&[(1, 65_535)]), []);
    }
}
