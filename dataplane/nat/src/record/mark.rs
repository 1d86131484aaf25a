//! What connection sync keeps in a record.

/// Which session told of a connection last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mark {
    /// The session's number in this table; 0 before the first.
    pub(crate) generation: u16,
    /// The exporter's worker that has the connection.
    pub(crate) origin: u8,
}

impl Mark {
    /// The mark of a connection that no session has told of.
    pub(crate) const NONE: Mark = Mark { generation: 0, origin: 0 };
}
