//! Which interface and which network is on which side, and what stands for what nobody tells.

use std::net::Ipv4Addr;

use config::Cidr;

use super::sides::{Finder, PRIVATE, PUBLIC};
use crate::model::Address;

/// Networks that stand for one that nobody knows; the first is for documentation (RFC 5737).
const STAND_INS: [(Ipv4Addr, u8); 4] = [
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(10, 255, 255, 0), 24),
    (Ipv4Addr::new(192, 168, 255, 0), 24),
];

impl Finder<'_> {
    /// The interfaces of both sides, where they can be told.
    pub(super) fn devices(&mut self) -> [Option<String>; 2] {
        let machine = &self.model.machine;
        let mut points: Vec<(String, usize, usize)> = Vec::new();
        let gateways = &machine.gateways;
        let all = machine.floating.iter().chain(&machine.real);
        for address in all {
            let Some(device) = &address.device else { continue };
            let is_vip = self.vips.contains(&address.address);
            let network = address.network();
            let holds = |others: &[Ipv4Addr]| {
                network.is_some_and(|network| others.iter().any(|one| network.contains(*one)))
            };
            let public = 2 * usize::from(is_vip) + usize::from(holds(&self.vips));
            let private = 2 * usize::from(gateways.contains(&address.address))
                + usize::from(holds(&self.servers) && !is_vip);
            match points.iter_mut().find(|(known, ..)| known == device) {
                Some((_, is_public, is_private)) => {
                    *is_public += public;
                    *is_private += private;
                }
                None => points.push((device.clone(), public, private)),
            }
        }
        for device in &machine.devices {
            if !points.iter().any(|(known, ..)| *known == device.value) {
                points.push((device.value.clone(), 0, 0));
            }
        }
        // The first of those that have most.
        let best = |points: &[(String, usize, usize)],
                    which: fn(&(String, usize, usize)) -> usize| {
            let most = points.iter().map(which).max().filter(|most| *most > 0)?;
            points.iter().find(|one| which(one) == most).map(|one| one.0.clone())
        };
        let mut public = best(&points, |one| one.1);
        points.retain(|(device, ..)| Some(device) != public.as_ref());
        let mut private = best(&points, |one| one.2);
        points.retain(|(device, ..)| Some(device) != private.as_ref());
        // With two interfaces the other one is the other side.
        if let [(device, ..)] = &points[..] {
            match (&public, &private) {
                (Some(_), None) => private = Some(device.clone()),
                (None, Some(_)) => public = Some(device.clone()),
                _ => {}
            }
        } else if let ([(first, ..), (second, ..)], None, None) = (&points[..], &public, &private) {
            // Nothing is served yet: the side with private addresses is the private one.
            let is_private = |device: &String| {
                let of = machine.floating.iter().find(|one| one.device.as_ref() == Some(device));
                of.is_some_and(|one| one.address.is_private())
            };
            let (one, other) = if is_private(first) && !is_private(second) {
                (second, first)
            } else {
                (first, second)
            };
            (public, private) = (Some(one.clone()), Some(other.clone()));
        }
        [public, private]
    }

    /// The networks of both sides, with their prefix where it is known.
    pub(super) fn networks(&self, devices: &[Option<String>; 2]) -> [Option<Cidr<Ipv4Addr>>; 2] {
        let machine = &self.model.machine;
        let of_device = |side: usize| {
            let all = machine.real.iter().chain(&machine.floating);
            let of = all.filter(|one| one.device.is_some() && one.device == devices[side]);
            of.filter_map(Address::network).next()
        };
        let public =
            self.known.public_address.map(Cidr::network).or_else(|| of_device(PUBLIC)).or_else(
                || {
                    let of = machine.floating.iter().filter(|one| self.vips.contains(&one.address));
                    of.filter_map(Address::network).next()
                },
            );
        let overlaps =
            |network: &Cidr<Ipv4Addr>| public.is_some_and(|public| public.overlaps(*network));
        let private = self.known.private_address.map(Cidr::network).or_else(|| of_device(PRIVATE));
        let private = private.or_else(|| {
            let all = machine.floating.iter().chain(&machine.real).filter_map(Address::network);
            let holds =
                |network: &Cidr<Ipv4Addr>| self.servers.iter().any(|one| network.contains(*one));
            all.filter(holds).find(|network| !overlaps(network))
        });
        [public, private.filter(|network| !overlaps(network))]
    }

    /// Both networks; one that nothing tells of is made up beside the other.
    pub(super) fn resolve(&self, networks: [Option<Cidr<Ipv4Addr>>; 2]) -> [Cidr<Ipv4Addr>; 2] {
        let public = networks[PUBLIC].unwrap_or_else(|| self.stand_in(PUBLIC, networks[PRIVATE]));
        let private = networks[PRIVATE].unwrap_or_else(|| self.stand_in(PRIVATE, Some(public)));
        [public, private]
    }

    /// A network for a side of which nothing says its network.
    pub(super) fn stand_in(&self, side: usize, other: Option<Cidr<Ipv4Addr>>) -> Cidr<Ipv4Addr> {
        let (members, others) = match side {
            PUBLIC => (&self.vips, &self.servers),
            _ => (&self.servers, &self.vips),
        };
        let is_free = |network: &Cidr<Ipv4Addr>| {
            other.is_none_or(|other| !other.overlaps(*network))
                && !others.iter().any(|other| network.contains(*other))
        };
        if let Some(first) = members.first() {
            let of = |prefix| Cidr { address: *first, prefix }.network();
            // Wide enough for all of the servers, where that is possible.
            let wide = (8..=24).rev().map(of).find(|network| {
                side == PRIVATE && members.iter().all(|member| network.contains(*member))
            });
            let found = wide.into_iter().chain([of(24)]).find(is_free);
            if let Some(found) = found {
                return found;
            }
        }
        let mut stand_ins = STAND_INS;
        if side == PRIVATE {
            stand_ins.reverse();
        }
        let networks = stand_ins.map(|(address, prefix)| Cidr { address, prefix });
        let free = networks.iter().find(|network| is_free(network));
        // Of four at least one is beside the other side.
        let beside = networks.iter().find(|one| other.is_none_or(|other| !other.overlaps(**one)));
        free.or(beside).copied().unwrap_or(networks[0])
    }

    /// An address of a network that nobody is known to have: the last ones first.
    pub(super) fn unused(&mut self, network: Cidr<Ipv4Addr>) -> Ipv4Addr {
        let network = network.network();
        let size = u32::MAX.checked_shr(u32::from(network.prefix)).unwrap_or(0);
        let first = network.address.to_bits();
        let mut candidates = (1..size).rev().take(70_000).map(|host| Ipv4Addr::from(first | host));
        let free = |address: &Ipv4Addr| {
            !self.used.contains(address)
                && Cidr { address: *address, prefix: network.prefix }.is_host()
        };
        let found = candidates.find(|address| free(address));
        let found = found.unwrap_or_else(|| Ipv4Addr::from(first | 1));
        self.used.insert(found);
        found
    }
}
