//! Connections that an operator ends.

use serde::{Deserialize, Serialize};

use super::{Cursor, Filter};

/// Ends the connections of the next part of the table that match.
///
/// Both ends of a TCP connection are reset; a flow of another protocol is forgotten, and opens anew
/// with the next packet of its client. The peer's copies end, too.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Kill {
    /// The cursor of the part before; `None` begins with the first.
    pub cursor: Option<Cursor>,
    /// Which connections end.
    pub filter: Filter,
    /// Says that a filter without any part is meant: every connection ends. Without this it is
    /// refused.
    pub all: bool,
}

/// The connections that ended.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Killed {
    /// How many there were in this part.
    pub connections: u64,
    /// The cursor of the next part; `None` after the last.
    pub next: Option<Cursor>,
    /// The generation of the configuration whose services are named.
    pub generation: u64,
}
