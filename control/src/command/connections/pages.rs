//! The pages of a listing, one after the other.

use api::{Client, Connection, ConnectionOrder, Cursor, Filter, Page};

use crate::error::Error;

/// Pages, none kept: a table may hold millions.
pub(in crate::command) struct Pages {
    client: Client,
    pub(super) filter: Filter,
    order: Option<ConnectionOrder>,
    left: u64,
    /// The generation of the last page.
    pub(super) generation: u64,
    pub(super) cursor: Option<Cursor>,
    pub(super) ended: bool,
}

impl Pages {
    /// Those of the connections that match, so many at the most.
    pub(in crate::command) fn new(client: Client, filter: Filter, most: u64) -> Self {
        Pages { client, filter, order: None, left: most, generation: 0, cursor: None, ended: false }
    }

    /// The next page; none after the last, and when as many as wanted were shown.
    pub(in crate::command) fn next(&mut self) -> Result<Option<Vec<Connection>>, Error> {
        if self.ended || self.left == 0 {
            return Ok(None);
        }
        let limit = u32::try_from(self.left).unwrap_or(Page::LIMIT).min(Page::LIMIT);
        let (filter, order) = (self.filter.clone(), self.order);
        let mut page =
            self.client.connections(Page { cursor: self.cursor, limit, filter, order })?;
        page.entries.truncate(limit as usize);
        // A dataplane of another release may not know every part of the filter.
        page.entries.retain(|connection| self.filter.matches(connection));
        // Of an order, each page may have some of the first.
        if self.order.is_none() {
            self.left -= page.entries.len() as u64;
        }
        self.ended = page.next.is_none();
        (self.cursor, self.generation) = (page.next, page.generation);
        Ok(Some(page.entries))
    }

    /// The first so many of all, which must fit on a page.
    pub(super) fn first(
        &mut self,
        order: ConnectionOrder,
        most: usize,
    ) -> Result<Vec<Connection>, Error> {
        (self.order, self.left) = (Some(order), most as u64);
        let mut first = Vec::new();
        while let Some(entries) = self.next()? {
            first.extend(entries);
            order.keep_first(&mut first, most);
        }
        Ok(first)
    }
}
