//! Latency at a part of the rate without loss: RFC 2544 section 26.2, for every packet.

use serde::Serialize;

use super::device::Device;
use super::steady::SteadyGenerator;
use super::{NdrSettings, REPEATS};
use crate::Error;
use crate::record::{Better, Each, Figure};
use crate::rig::percentiles::{Percentiles, Times};
use crate::statistics::Summary;

/// Latency at one load, in microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Load {
    /// Of the rate without loss, in per cent.
    pub percent: f64,
    /// Millions of packets a second.
    pub mpps: f64,
    pub router: Percentiles,
    /// Through the loop-back in its place.
    pub loopback: Percentiles,
    /// What the router has more.
    pub added: Percentiles,
    /// The router's p99 less that of the loop-back, slice by slice.
    pub added_p99: Summary,
    /// Packets lost in the router.
    pub lost: u64,
    /// Slices that were repeated as a core stood still.
    pub repeated: u32,
    /// Slices left out, as a core stood still in every repetition.
    pub disturbed: u32,
}

pub(super) fn measure(
    settings: &NdrSettings,
    generator: &mut SteadyGenerator,
    percent: f64,
    highest: f64,
    figures: &mut Vec<Figure>,
) -> Result<Load, Error> {
    let mut slices =
        Slices { settings, rate: highest * percent / 100.0, repeated: 0, disturbed: 0 };
    let (mut router, mut loopback) = (Times::new()?, Times::new()?);
    let (mut p99s, mut lost) = ([Vec::new(), Vec::new()], 0);
    for _ in 0..settings.slices {
        let usual = slices.take(generator, Device::Loopback)?;
        let through = slices.take(generator, Device::Router)?;
        let (Some((usual, _)), Some((through, missing))) = (usual, through) else { continue };
        for (p99s, times) in p99s.iter_mut().zip([&through, &usual]) {
            p99s.push(times.percentiles().p99);
        }
        loopback.add(&usual)?;
        router.add(&through)?;
        lost += missing;
    }
    let [through, usual] = p99s;
    if through.is_empty() {
        return Err(Error::dataplane("cores stand still in every slice: try shorter ones"));
    }
    let added = through.iter().zip(&usual).map(|(through, usual)| through - usual).collect();
    let mut put = |name, better, samples| {
        let name = format!("{name} at {percent} %");
        Figure::new(name, "us", better, Each::Part, samples).put(figures)
    };
    put("p99 of the router", Better::Lower, through)?;
    put("p99 of the loop-back", Better::Neither, usual)?;
    let added_p99 = put("added p99", Better::Lower, added)?;
    let (router, loopback) = (router.percentiles(), loopback.percentiles());
    Ok(Load {
        percent,
        mpps: slices.rate / 1e6,
        added: router.beyond(&loopback),
        router,
        loopback,
        added_p99,
        lost,
        repeated: slices.repeated,
        disturbed: slices.disturbed,
    })
}

struct Slices<'a> {
    settings: &'a NdrSettings,
    /// Packets a second.
    rate: f64,
    repeated: u32,
    disturbed: u32,
}

impl Slices<'_> {
    /// Times of a slice in which no core stood still, and how many packets were lost.
    fn take(
        &mut self,
        generator: &mut SteadyGenerator,
        device: Device,
    ) -> Result<Option<(Times, u64)>, Error> {
        for _ in 0..=REPEATS {
            let mut times = Times::new()?;
            let trial = generator.trial(device, self.rate, self.settings.slice, Some(&mut times));
            if !trial.stood_still {
                return Ok(Some((times, trial.lost())));
            }
            self.repeated += 1;
        }
        self.disturbed += 1;
        Ok(None)
    }
}
