//! The two NICs, the workers, the packet buffers, and what was dropped.

use api::{Counters, NicState, Side, Status};
use serde::Serialize;

use super::Moment;
use crate::status_page::rates::{Rates, readable};

/// The NIC of one side.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct SideView {
    /// `public` or `private`.
    pub side: String,
    pub device: String,
    /// Its floating addresses: virtual IPs, or gateway addresses.
    pub floating: Vec<String>,
    pub up: bool,
    /// Its link in words: `up 10 Gb/s`.
    pub link: String,
    /// Bits a second; none until they were seen twice.
    pub bits_in: Option<f64>,
    pub bits_out: Option<f64>,
    /// Packets a second.
    pub packets_in: Option<f64>,
    pub packets_out: Option<f64>,
    /// Packets a second that were lost in the NIC, or arrived broken.
    pub lost: Option<f64>,
}

/// A worker.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct WorkerView {
    pub core: u32,
    /// The share of its polls that found packets, in thousandths.
    pub busy: u16,
    pub connections: u64,
    pub capacity: u64,
    /// Packets a second that it received, and that it dropped.
    pub packets: Option<f64>,
    pub dropped: Option<f64>,
}

/// A pool of packet buffers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct BufferView {
    pub name: String,
    pub in_use: u64,
    pub size: u64,
}

/// Packets that were dropped for one reason.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct DropView {
    pub reason: String,
    /// What the reason means.
    pub meaning: String,
    /// What to do.
    pub remedy: String,
    /// Since the start of the dataplane.
    pub packets: u64,
    /// A second.
    pub rate: Option<f64>,
}

pub(super) fn of(status: &Status, moment: Moment, rates: &mut Rates<String, 5>) -> Vec<SideView> {
    let view = |nic: &api::Nic| {
        let counters = nic.counters;
        let lost = counters.rx_missed + counters.rx_errors + counters.rx_no_buffer;
        let values = [
            counters.rx_bytes,
            counters.tx_bytes,
            counters.rx_packets,
            counters.tx_packets,
            lost + counters.tx_errors,
        ];
        let rates = rates.take(nic.side.to_string(), values, moment.monotonic);
        let rate = |of: fn([f64; 5]) -> f64| rates.map(of).map(readable);
        SideView {
            side: nic.side.to_string(),
            device: nic.device.clone(),
            floating: nic.floating.clone(),
            up: nic.link_up && nic.state == NicState::Present,
            link: link(nic),
            bits_in: rate(|[bytes, ..]| bytes * 8.0),
            bits_out: rate(|[_, bytes, ..]| bytes * 8.0),
            packets_in: rate(|[_, _, packets, ..]| packets),
            packets_out: rate(|[_, _, _, packets, _]| packets),
            lost: rate(|[.., lost]| lost),
        }
    };
    let mut sides: Vec<_> = status.nics.iter().map(view).collect();
    let public = Side::Public.to_string();
    sides.sort_by_key(|side| side.side != public);
    sides
}

fn link(nic: &api::Nic) -> String {
    match (nic.state, nic.link_up, nic.speed_mbps) {
        (NicState::Removed, ..) => "NIC removed".to_owned(),
        (NicState::Reset, ..) => "NIC reset".to_owned(),
        (_, false, _) => "link down".to_owned(),
        (_, true, None) => "link up".to_owned(),
        (_, true, Some(speed)) if speed >= 1000 => {
            format!("link up, {} Gb/s", f64::from(speed) / 1000.0)
        }
        (_, true, Some(speed)) => format!("link up, {speed} Mb/s"),
    }
}

pub(super) fn workers(
    status: &Status,
    moment: Moment,
    rates: &mut Rates<u32, 2>,
) -> Vec<WorkerView> {
    let view = |worker: &api::WorkerStatus| {
        let values = [worker.rx_packets, worker.dropped_packets];
        let rates = rates.take(worker.core, values, moment.monotonic);
        WorkerView {
            core: worker.core,
            busy: worker.busy_permille,
            connections: worker.connections,
            capacity: worker.capacity,
            packets: rates.map(|[packets, _]| readable(packets)),
            dropped: rates.map(|[_, dropped]| readable(dropped)),
        }
    };
    status.workers.iter().map(view).collect()
}

pub(super) fn buffers(counters: &Counters) -> Vec<BufferView> {
    let view = |pool: &api::MempoolUse| BufferView {
        name: pool.name.clone(),
        in_use: pool.in_use,
        size: pool.size,
    };
    counters.mempools.iter().map(view).collect()
}

/// Those reasons that happened; the ones that happen now first.
pub(super) fn drops(
    counters: &Counters,
    moment: Moment,
    rates: &mut Rates<String, 1>,
) -> Vec<DropView> {
    let view = |drop: &api::DropCount| {
        let rate = rates.take(drop.name.clone(), [drop.packets], moment.monotonic);
        (drop.packets > 0).then(|| DropView {
            reason: drop.name.clone(),
            meaning: drop.description.clone(),
            remedy: drop.remedy.clone(),
            packets: drop.packets,
            rate: rate.map(|[rate]| readable(rate)),
        })
    };
    let mut drops: Vec<_> = counters.drops.iter().filter_map(view).collect();
    drops.sort_by_key(|drop| core::cmp::Reverse(drop.packets));
    drops
}
