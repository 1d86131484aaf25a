//! Connections told to another machine, or by one.

use core::sync::atomic::AtomicU64;
use std::net::Ipv4Addr;

use super::Connections;
use crate::Direction;
use crate::record::{ConnectionId, Kind, Record};
use crate::service::{ServerId, Services};
use crate::sync::{Change, Event, Import, Order, Reply, Session, import};
use crate::table::InsertError;
use crate::time::Instant;

/// Events that are looked at together, so that their index lines travel at once.
const BATCH: usize = 16;
/// Entries taken from the ring in one poll.
const PER_POLL: usize = 64;
/// Records that the sweep looks at in one poll.
const SWEPT_PER_POLL: usize = 64;

/// Why a connection that the peer tells of is not entered.
enum NoRoom {
    /// The main core will lend more.
    Yet,
    ForGood,
}

impl Connections<Ipv4Addr> {
    /// Begins a session, or ends the one there is with [`Session::Off`], and returns the
    /// one before, to be freed where it was made.
    pub fn set_session(&mut self, mut session: Session) -> Session {
        self.generation = self.generation.wrapping_add(1).max(1);
        match &mut session {
            Session::Off => {}
            Session::Export(export) => export.begin(self.generation),
            Session::Import(import) => import.begin(self.generation),
        }
        core::mem::replace(&mut self.accounting.session, session)
    }

    /// The session there is.
    pub fn session(&self) -> &Session {
        &self.accounting.session
    }

    /// What connection sync has to do in one poll, a bounded amount: a step of the walk
    /// over the table, or some events installed and a step of the sweep. Returns how
    /// many records or events it has dealt with.
    #[inline(always)]
    pub fn follow_session(&mut self, now: Instant, services: &Services<Ipv4Addr>) -> usize {
        match &mut self.accounting.session {
            Session::Off => 0,
            Session::Export(export) => export.step(&mut self.table, now),
            Session::Import(_) => self.follow_import(now, services),
        }
    }

    fn import(&mut self) -> Option<&mut Import> {
        match &mut self.accounting.session {
            Session::Import(import) => Some(import),
            _ => None,
        }
    }

    fn follow_import(&mut self, now: Instant, services: &Services<Ipv4Addr>) -> usize {
        let mut done = 0;
        while done < PER_POLL {
            let batch = self.read_batch();
            let mut count = 0;
            for order in batch.into_iter().flatten() {
                if !self.obey(order, now, services) {
                    break;
                }
                count += 1;
            }
            if let Some(import) = self.import() {
                import.orders.advance(count);
            }
            done += count;
            if count < BATCH {
                break;
            }
        }
        done + self.sweep_on()
    }

    /// The next orders of the ring, the index lines of their connections asked for.
    fn read_batch(&mut self) -> [Option<Order>; BATCH] {
        let mut batch = [None; BATCH];
        for (ahead, place) in batch.iter_mut().enumerate() {
            let Some(words) = self.import().and_then(|import| import.orders.peek(ahead)) else {
                break;
            };
            let order = Order::from(words);
            if let Order::Event(words) = order {
                if let Ok(event) = Event::from_words(words) {
                    self.table.prefetch(self.table.probe(&event.original));
                    self.table.prefetch(self.table.probe(&event.reply));
                }
            }
            *place = Some(order);
        }
        batch
    }

    /// Does what an order says. False when it has to wait: there is no room for the reply, or for
    /// the connection as yet.
    fn obey(&mut self, order: Order, now: Instant, services: &Services<Ipv4Addr>) -> bool {
        match order {
            Order::Event(words) => {
                // Whoever put it into the ring has checked it.
                Event::from_words(words).ok().is_none_or(|event| {
                    self.install(&event, crate::sync::event::origin(words), now, services)
                })
            }
            Order::Count { origin, number } => {
                let standby = self.standby;
                let Some(import) = self.import() else { return true };
                if import.replies.room() == 0 {
                    return false;
                }
                let tally = import.tally(origin);
                import.replies.push(Reply::Counted { origin, number, tally, standby }.words())
            }
            Order::Sweep => {
                if let Some(import) = self.import() {
                    import.sweep = Some(0);
                }
                true
            }
        }
    }

    /// Does what an event says. On standby the last word of the active machine counts,
    /// whatever is in its way. An active machine takes connections that it lacks, and
    /// knows better about those that it has. False when it has to wait for room.
    fn install(
        &mut self,
        event: &Event,
        origin: u16,
        now: Instant,
        services: &Services<Ipv4Addr>,
    ) -> bool {
        let original = self.table.look_up(&event.original);
        let reply = self.table.look_up(&event.reply);
        let same = original.filter(|hit| {
            hit.direction == Direction::Original
                && reply
                    .is_some_and(|reply| reply.id == hit.id && reply.direction == Direction::Reply)
        });
        match (event.change, same) {
            (Change::Close, Some(hit)) if self.standby => {
                self.close(hit.id);
            }
            (Change::Close, _) => {}
            (Change::Put, Some(hit)) => self.update(hit.id, event, origin, now),
            (Change::Put, None) => {
                let in_the_way = original.into_iter().chain(reply);
                for hit in in_the_way {
                    if !self.standby {
                        return true;
                    }
                    self.close(hit.id);
                    self.count_installs(|installs| &installs.replaced);
                }
                return self.insert(event, origin, now, services);
            }
        }
        true
    }

    fn update(&mut self, id: ConnectionId, event: &Event, origin: u16, now: Instant) {
        let Some(record) = self.table.get_mut(id) else { return };
        if let Session::Import(import) = &mut self.accounting.session {
            import.forget(record);
        }
        // In a handover the answer to a SYN may still go through the other machine: of a
        // connection that is opening the further word counts, or it would never open here.
        let further = record.state.is_behind(event.state);
        if self.standby || further {
            record.last_seen = now.stamp();
            if record.state != event.state {
                Self::change_state(record, id, event.state, now, &mut self.accounting);
            }
        }
        if let Session::Import(import) = &mut self.accounting.session {
            import.put(record, origin);
        }
    }

    /// False when it has to wait for room.
    fn insert(
        &mut self,
        event: &Event,
        origin: u16,
        now: Instant,
        services: &Services<Ipv4Addr>,
    ) -> bool {
        let mut record = Record::new(event.original, event.reply, now);
        record.state = event.state;
        if event.kind != Kind::Masquerade {
            record.bind(services);
        }
        let id = match self.enter_or_evict(&record, now) {
            Ok(id) => id,
            Err(NoRoom::Yet) => return false,
            Err(NoRoom::ForGood) => {
                self.count_installs(|installs| &installs.refused);
                return true;
            }
        };
        if event.kind != Kind::Masquerade && record.server() == ServerId::NONE {
            self.count_installs(|installs| &installs.unserved);
        }
        if let (Some(record), Session::Import(import)) =
            (self.table.get_mut(id), &mut self.accounting.session)
        {
            import.put(record, origin);
        }
        true
    }

    /// True while the worker is at its limit, and the main core will raise that.
    fn is_lent_more(&self) -> bool {
        let (room, held) = (&self.accounting.room, self.table.len());
        held >= room.limit() && held < room.reach()
    }

    /// Enters a record. When the table is full on standby, what this session has not put
    /// makes room: it is most likely stale, and would be swept at the end of the bulk. The
    /// search goes over the table once a session; a standby forwards nothing meanwhile. After
    /// that a connection that has been answered takes the place of one that has not.
    fn enter_or_evict(
        &mut self,
        record: &Record<Ipv4Addr>,
        now: Instant,
    ) -> Result<ConnectionId, NoRoom> {
        // The peer has opened it: no share is asked whether it may.
        let share = self.accounting.shares.of(record);
        loop {
            match self.enter(record, share, self.accounting.room.limit(), now) {
                Ok(id) => return Ok(id),
                Err(InsertError::Full) if self.standby => {}
                Err(_) => return Err(NoRoom::ForGood),
            }
            if self.is_lent_more() {
                return Err(NoRoom::Yet);
            }
            if self.evict() {
                continue;
            }
            if record.state.is_evictable(record.protocol()) == Some(true) || !self.make_room() {
                return Err(NoRoom::ForGood);
            }
            // The one that made room is missing now.
            self.count_installs(|installs| &installs.refused);
        }
    }

    /// Closes the next connection that this session has not put; false if there is none.
    fn evict(&mut self) -> bool {
        while let Session::Import(import) = &mut self.accounting.session {
            let at = import.evicted;
            if at >= self.table.places() {
                return false;
            }
            import.evicted += 1;
            let stale = self.table.at_mut(at).filter(|(_, record)| !import.has_put(record));
            if let Some((id, _)) = stale {
                import::count(&import.installs.swept);
                self.close(id);
                return true;
            }
        }
        false
    }

    fn count_installs(&mut self, which: impl Fn(&crate::sync::Installs) -> &AtomicU64) {
        if let Some(import) = self.import() {
            import::count(which(&import.installs));
        }
    }

    /// A step of the sweep: what this session has not put is stale. Not on an active
    /// machine, whose own connections nobody puts. Returns how many records it has come
    /// by.
    fn sweep_on(&mut self) -> usize {
        let (standby, capacity) = (self.standby, self.table.places());
        let Some(import) = self.import() else { return 0 };
        let Some(start) = import.sweep else { return 0 };
        let end = if standby { (start + SWEPT_PER_POLL).min(capacity) } else { capacity };
        if standby {
            for at in start..end {
                self.sweep_at(at);
            }
        }
        if let Some(import) = self.import() {
            import.sweep = Some(end);
            if end == capacity && import.replies.room() > 0 {
                import.replies.push(Reply::Swept.words());
                import.sweep = None;
            }
        }
        end - start
    }

    fn sweep_at(&mut self, at: usize) {
        let Session::Import(import) = &self.accounting.session else { return };
        let Some((id, record)) = self.table.at_mut(at) else { return };
        if import.has_put(record) {
            return;
        }
        import::count(&import.installs.swept);
        self.close(id);
    }
}
