//! twos: two servers are drawn by weight, and the one with fewer connections for its weight gets
//! the connection.
//!
//! With two draws the fullest server of n has about ln ln n connections more than the mean, and
//! with one about ln n / ln ln n (Mitzenmacher, "The power of two choices in randomized load
//! balancing", 2001). Draws of different workers differ, so what one does not know yet of the
//! others' does little harm.

use super::siphash::scale;
use super::{Load, Servers};
use crate::random::Random;

/// What is drawn from, and with.
#[derive(Clone, Debug)]
pub struct TwoChoices {
    random: Random,
    /// For each place the part of it that is its own, of 2^32, and whose the rest is: Walker's
    /// alias method, so that a draw takes one look.
    places: Vec<(u32, u16)>,
    version: Option<u64>,
}

impl TwoChoices {
    pub(super) fn new(random: u64) -> Self {
        TwoChoices { random: Random::from_seed(random), places: Vec::new(), version: None }
    }

    pub(super) fn pick(&mut self, servers: &impl Servers) -> Option<usize> {
        let version = servers.weight_version();
        if version.is_none() || self.version != version || self.places.len() != servers.len() {
            self.version = version;
            self.fill(servers);
        }
        let first = self.draw()?;
        let mut second = self.draw()?;
        if second == first {
            second = self.draw()?;
        }
        let best = [first, second].map(|at| (at, servers.weight(at)));
        let [(one, weight), (other, other_weight)] = best;
        let cross = |load: Load, weight: u32| u128::from(load.overhead()) * u128::from(weight);
        match (weight, other_weight) {
            // Weights have changed since they were read: whoever gets something.
            (0, 0) => (0..servers.len()).find(|&at| servers.weight(at) > 0),
            (0, _) => Some(other),
            (_, 0) => Some(one),
            _ => {
                let is_fuller =
                    cross(servers.load(one), other_weight) > cross(servers.load(other), weight);
                Some(if is_fuller { other } else { one })
            }
        }
    }

    fn draw(&mut self) -> Option<usize> {
        let random = self.random.next_u64();
        let at = scale(random, self.places.len() as u64) as usize;
        let &(own, rest) = self.places.get(at)?;
        // The low bits tell nothing about the high ones, which chose the place.
        Some(if (random as u32) < own { at } else { usize::from(rest) })
    }

    /// Vose's way to fill the places ("A linear algorithm for generating random numbers with a
    /// given distribution", 1991).
    #[cold]
    fn fill(&mut self, servers: &impl Servers) {
        let count = servers.len();
        let weights: Vec<u64> = (0..count).map(|at| servers.weight(at).into()).collect();
        let total: u64 = weights.iter().sum();
        self.places.clear();
        if total == 0 {
            return;
        }
        self.places.extend((0..count).map(|at| (u32::MAX, at as u16)));
        // In units in which the mean is `total`.
        let mut parts: Vec<u64> = weights.iter().map(|weight| weight * count as u64).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) =
            (0..count).partition(|&at| parts.get(at).is_some_and(|&part| part < total));
        while let (Some(poor), Some(&rich)) = (small.pop(), large.last()) {
            let part = parts.get(poor).copied().unwrap_or(0);
            if let Some(place) = self.places.get_mut(poor) {
                *place = (((part << 32) / total) as u32, rich as u16);
            }
            let Some(left) = parts.get_mut(rich) else { return };
            *left -= total - part;
            if *left < total {
                large.pop();
                small.push(rich);
            }
        }
    }

    /// Every place may be another server's.
    pub(super) fn rearrange(&mut self) {
        self.version = None;
    }
}
