//! The addresses and routes of one side of the router.

use wire::{Address, Cidr};

/// A route: packets to these destinations are given to that next hop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Route<A> {
    /// The destinations.
    pub to: Cidr<A>,
    /// The next hop, a neighbour.
    pub via: A,
}

/// One side of the router as the policy sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Network<A> {
    /// This machine's own address and its network.
    pub real: Cidr<A>,
    /// The addresses that move with the active role.
    pub floating: Vec<A>,
    /// The directed broadcast address, to which nothing is forwarded (RFC 2644).
    pub broadcast: Option<A>,
    /// Routes, longest prefix first.
    routes: Vec<Route<A>>,
    gateway: Option<A>,
}

impl<A: Address> Network<A> {
    /// A side with these addresses and routes, which may come in any order. `gateway` is
    /// the next hop of whatever no route covers.
    pub fn new(
        real: Cidr<A>,
        floating: Vec<A>,
        broadcast: Option<A>,
        mut routes: Vec<Route<A>>,
        gateway: Option<A>,
    ) -> Self {
        routes.sort_by_key(|route| core::cmp::Reverse(route.to.prefix));
        Network { real, floating, broadcast, routes, gateway }
    }

    /// The neighbour that packets to `destination` are given to.
    pub fn next_hop(&self, destination: A) -> Option<A> {
        if self.real.contains(destination) {
            return Some(destination);
        }
        let route = self.routes.iter().find(|route| route.to.contains(destination));
        route.map(|route| route.via).or(self.gateway)
    }

    /// True for the address of a host on this side: on the link, or behind a route. (The
    /// rest of the world is behind a gateway.)
    pub fn is_inside(&self, address: A) -> bool {
        self.real.contains(address) || self.routes.iter().any(|route| route.to.contains(address))
    }

    /// True for one of this side's floating addresses.
    pub fn is_floating(&self, address: A) -> bool {
        self.floating.contains(&address)
    }

    /// True for any address that this machine answers for on this side.
    pub fn is_local(&self, address: A) -> bool {
        self.real.address == address || self.is_floating(address)
    }

    /// Every next hop that routes name.
    pub fn routers(&self) -> impl Iterator<Item = A> {
        self.routes.iter().map(|route| route.via).chain(self.gateway)
    }

    /// True for the address at which every host of the link would get a packet.
    pub fn is_broadcast(&self, address: A) -> bool {
        self.broadcast == Some(address)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn the_longest_route_wins_and_the_gateway_takes_the_rest() {
        let network = |a, b, c, d, prefix| Cidr { address: Ipv4Addr::new(a, b, c, d), prefix };
        let via = |last| Ipv4Addr::new(10, 0, 0, last);
        let routes = vec![
            Route { to: network(10, 0, 0, 0, 8), via: via(8) },
            Route { to: network(10, 1, 0, 0, 16), via: via(16) },
        ];
        let side = |gateway| {
            Network::new(network(10, 0, 0, 2, 24), Vec::new(), None, routes.clone(), gateway)
        };
        let (alone, gateway) = (side(None), side(Some(via(254))));
        assert_eq!(alone.next_hop(via(77)), Some(via(77)));
        assert_eq!(alone.next_hop(Ipv4Addr::new(10, 1, 2, 3)), Some(via(16)));
        assert_eq!(alone.next_hop(Ipv4Addr::new(10, 2, 2, 3)), Some(via(8)));
        let elsewhere = Ipv4Addr::new(192, 0, 2, 1);
        assert_eq!((alone.next_hop(elsewhere), alone.is_inside(elsewhere)), (None, false));
        assert_eq!(gateway.next_hop(elsewhere), Some(via(254)));
        assert!(!gateway.is_inside(elsewhere) && gateway.is_inside(Ipv4Addr::new(10, 9, 9, 9)));
    }
}
