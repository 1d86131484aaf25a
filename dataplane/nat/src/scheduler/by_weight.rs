//! The choice among sorry servers: by a hash of the client alone. It remembers nothing, so that a
//! service costs no more for having them.

use super::{Client, Servers};

/// The place of a server, each as often as its weight says; `None` if every weight is 0.
pub fn pick_by_weight(client: &Client, servers: &impl Servers) -> Option<usize> {
    let weights = || (0..servers.len()).map(|at| u64::from(servers.weight(at)));
    let total: u64 = weights().sum();
    let mut left = client.hash().checked_rem(total)?;
    let mut last = None;
    for (at, weight) in weights().enumerate().filter(|&(_, weight)| weight > 0) {
        last = Some(at);
        if left < weight {
            break;
        }
        left -= weight;
    }
    // The last one, when weights became smaller between the two looks at them.
    last
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use wire::Port;

    use super::*;
    use crate::scheduler::{ClientKey, Load, Maglev};

    struct Weighted(Vec<u32>);

    impl Servers for Weighted {
        fn len(&self) -> usize {
            self.0.len()
        }

        fn weight(&self, at: usize) -> u32 {
            self.0[at]
        }

        fn configured(&self, at: usize) -> u32 {
            self.0[at].max(1)
        }

        fn load(&self, _: usize) -> Load {
            Load::default()
        }

        fn seed(&self, _: usize) -> u64 {
            0
        }

        fn maglev(&self) -> Option<&Maglev> {
            None
        }

        fn weight_version(&self) -> Option<u64> {
            None
        }

        fn version(&self) -> Option<u64> {
            None
        }

        fn changed(&self, _: impl FnMut(usize, Load)) {}
    }

    #[test]
    fn each_is_picked_as_often_as_its_weight_says() {
        let client = |port| {
            let key = ClientKey::from_bits([1, 2]);
            let address = Ipv4Addr::new(203, 0, 113, 9);
            Client::new(address, Port::new(port), Ipv4Addr::new(198, 51, 100, 10), key)
        };
        let servers = Weighted(vec![0, 1, 3, 0]);
        let mut picks = [0; 4];
        for port in 0..10_000 {
            picks[pick_by_weight(&client(port), &servers).unwrap()] += 1;
        }
        assert_eq!((picks[0], picks[3]), (0, 0));
        // Five standard deviations.
        assert!((2284..2716).contains(&picks[1]), "{picks:?}");
        assert_eq!(pick_by_weight(&client(1), &Weighted(vec![0, 0])), None);
        assert_eq!(pick_by_weight(&client(1), &Weighted(Vec::new())), None);
    }
}
