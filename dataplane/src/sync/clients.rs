//! Persistent clients on their way to the stream.

use api::stream::{CLIENT, CLIENTS, Frame};
use nat::Instant;
use nat::persistence::{self, Export, Table};

use super::Exporters;

const _: () = assert!(CLIENT == persistence::BYTES);

/// Rounds in which the whole table is looked at: about two passes a second, as a round without
/// work takes a millisecond.
const ROUNDS: usize = 512;
/// The same while somebody waits for the end of a pass.
const IN_HASTE: usize = 1 << 17;

/// What one session has told of persistent clients.
#[derive(Default)]
pub(super) struct Clients {
    export: Export,
    batch: Vec<[u8; CLIENT]>,
    /// The pass that must have ended before the wanted mark is written.
    mark: Option<(u64, u64)>,
}

impl Clients {
    /// All clients have been told of once.
    pub(super) fn is_complete(&self) -> bool {
        self.export.passes() > 0
    }

    /// True when all clients have been told of that there were when this mark was first asked
    /// about.
    pub(super) fn reaches(&mut self, mark: u64) -> bool {
        match self.mark {
            Some((wanted, pass)) if wanted == mark => self.export.passes() >= pass,
            // The pass that is under way has come by some places already.
            _ => {
                self.mark = Some((mark, self.export.passes() + 2));
                false
            }
        }
    }

    fn is_awaited(&self) -> bool {
        let waits = |(_, pass): (u64, u64)| self.export.passes() < pass;
        !self.is_complete() || self.mark.is_some_and(waits)
    }

    /// Looks at some more of the table, and writes what the peer lacks. Returns how much there
    /// was to do.
    pub(super) fn step(
        &mut self,
        workers: &dyn Exporters,
        now: Instant,
        out: &mut Vec<u8>,
    ) -> usize {
        let is_awaited = self.is_awaited();
        let persistence = workers.persistence();
        let all = persistence.table().map_or(0, Table::places);
        let places = if is_awaited { IN_HASTE } else { all / ROUNDS };
        let batch = &mut self.batch;
        let found = self.export.step(&persistence, places, now, |client| {
            batch.push(client.to_bytes());
        });
        for clients in self.batch.chunks(CLIENTS) {
            Frame::Persistence { clients: clients.to_vec() }.write(out);
        }
        self.batch.clear();
        found + usize::from(is_awaited)
    }
}
