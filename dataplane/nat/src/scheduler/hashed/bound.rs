//! Bounded loads: how many connections a server may have before others take its clients
//! (Mirrokni, Thorup and Zadimoghaddam, "Consistent hashing with bounded loads", 2018).

use crate::scheduler::Servers;

/// The connections of a service's servers as of the last pick. All of them count, whatever their
/// state: a client that opens many at once must be noticed before they are established.
#[derive(Clone, Debug, Default)]
pub(super) struct Bound {
    counts: Vec<u32>,
    connections: u64,
    weights: u64,
    version: Option<u64>,
}

impl Bound {
    /// Takes note of what has changed since.
    pub(super) fn follow(&mut self, servers: &impl Servers) -> &Self {
        let version = servers.version();
        if version.is_none() || self.version != version || self.counts.len() != servers.len() {
            self.read_all(servers, version);
            return self;
        }
        servers.changed(|at, load| {
            if let Some(count) = self.counts.get_mut(at) {
                let now = load.connections();
                self.connections = self.connections + u64::from(now) - u64::from(*count);
                *count = now;
            }
        });
        self
    }

    #[cold]
    fn read_all(&mut self, servers: &impl Servers, version: Option<u64>) {
        self.version = version;
        servers.changed(|_, _| ());
        self.counts.clear();
        self.counts.extend((0..servers.len()).map(|at| servers.load(at).connections()));
        // What a server has that gets nothing more is not the others' to share.
        let open = (0..servers.len()).filter(|&at| servers.weight(at) > 0);
        self.weights = open.map(|at| u64::from(servers.weight(at))).sum();
        self.connections = self.counts.iter().map(|&count| u64::from(count)).sum();
    }

    /// True if the server may have one more: it has less than `bound` per cent of its share of
    /// all connections, with the new one among them.
    pub(super) fn has_room(&self, at: usize, weight: u32, bound: u16) -> bool {
        let has = u128::from(self.counts.get(at).copied().unwrap_or(0));
        let all = u128::from(self.connections + 1);
        has * 100 * u128::from(self.weights) < u128::from(bound) * all * u128::from(weight)
    }
}
