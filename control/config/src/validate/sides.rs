//! Both sides judged against each other.

use super::interface::own;
use crate::document::Report;
use crate::model::device::Device;
use crate::model::interface::Interface;
use crate::read::RawInterface;

pub(super) fn judge(public: &RawInterface, private: &RawInterface, report: &Report<'_>) {
    judge_networks(public, private, report);
    judge_devices(public, private, report);
    judge_neighbours(public, private, report);
    if public.kernel_interface.value == private.kernel_interface.value {
        report.error(
            &private.kernel_interface.span,
            format!("private.kernel_interface is {}, as public's", private.kernel_interface.value),
            "write another name for one of them",
        );
    }
    for (side, other) in [(public, private), (private, public)] {
        judge_addresses(side, other, report);
        judge_routes(side, other, report);
    }
}

fn judge_networks(public: &RawInterface, private: &RawInterface, report: &Report<'_>) {
    let (Some(ours), Some(theirs)) = (&public.address, &private.address) else { return };
    let (public, private) = (ours.value.network(), theirs.value.network());
    if public.overlaps(private) {
        report.error(
            &theirs.span,
            format!("private.address is in {private}, which overlaps the public network {public}"),
            "use two networks that have no address in common",
        );
    }
}

/// Neighbours of the configuration stay in the dataplane's table, in which others have to find room.
fn judge_neighbours(public: &RawInterface, private: &RawInterface, report: &Report<'_>) {
    let all = || public.neighbours.iter().chain(&private.neighbours);
    if let Some(address) =
        all().nth(Interface::MOST_NEIGHBOURS).and_then(|one| one.address.as_ref())
    {
        report.error(
            &address.span,
            format!("there are {} neighbours on both sides", all().count()),
            format!(
                "a machine takes {} at most: those that answer ARP need none",
                Interface::MOST_NEIGHBOURS
            ),
        );
    }
}

fn judge_devices(public: &RawInterface, private: &RawInterface, report: &Report<'_>) {
    let (Some(ours), Some(theirs)) = (&public.device, &private.device) else { return };
    let same = match (&ours.value, &theirs.value) {
        (Device::Virtual(one), Device::Virtual(other)) => one.name == other.name,
        (one, other) => one == other,
    };
    if same {
        report.error(
            &theirs.span,
            format!("private.port is {}, which public.port has", theirs.value),
            "each side needs its own device; virtual ones differ in the number of their name",
        );
    }
}

/// No floating address of one side belongs to the other.
fn judge_addresses(side: &RawInterface, other: &RawInterface, report: &Report<'_>) {
    for floating in &side.floating {
        let address = floating.value.address;
        let network = other.address.as_ref().map(|at| at.value.network());
        let within = network.filter(|network| network.contains(address));
        let twin = own(other, address).filter(|_| side.name == "private");
        if within.is_some() || twin.is_some() {
            report.error(
                &floating.span,
                format!(
                    "{}.floating has {address}, which belongs to the {} side",
                    side.name, other.name
                ),
                format!("write an address of the {} network", side.name),
            );
        }
    }
}

/// No route of one side leads away what the other side has.
fn judge_routes(side: &RawInterface, other: &RawInterface, report: &Report<'_>) {
    for to in side.routes.iter().filter_map(|route| route.to.as_ref()) {
        let network = other.address.as_ref().map(|at| at.value.network());
        if let Some(network) = network.filter(|network| network.covers(to.value)) {
            report.error(
                &to.span,
                format!(
                    "{}.route.to is {}, in the {} network {network}",
                    side.name, to.value, other.name
                ),
                "take the route out: that network is on the other NIC",
            );
        }
        let mut others = other.routes.iter().filter_map(|route| route.to.as_ref());
        let twin =
            others.find(|theirs| theirs.value == to.value).filter(|_| side.name == "private");
        if let Some(twin) = twin {
            report.error(
                &to.span,
                format!(
                    "private.route.to is {}, as public's on {}",
                    to.value,
                    report.line(&twin.span, &to.span)
                ),
                "keep the one on the side where these hosts are",
            );
        }
    }
}
