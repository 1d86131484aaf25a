//! Connections counted, a part of the table at a time.

use core::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Connection, Cursor, Filter};

/// Asks how many connections there are in the next part of the table.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CountConnections {
    /// The cursor of the part before; `None` asks for the first.
    pub cursor: Option<Cursor>,
    /// Only connections that match are counted.
    pub filter: Filter,
    /// What is counted together; `None` counts all together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<CountBy>,
}

/// What is counted together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CountBy {
    /// The connections of a service.
    Service,
    /// The connections to a real server.
    Server,
    /// The connections that an address has opened.
    Client,
    /// The connections in a state.
    State,
}

impl CountBy {
    /// The name of the group that the connection belongs to; `None` for one without a service or
    /// server, which a masquerade rule translates most likely.
    pub fn group(self, connection: &Connection) -> Option<String> {
        match self {
            CountBy::Service => connection.service.clone(),
            CountBy::Server => connection.server().map(|server| server.to_string()),
            CountBy::Client => Some(connection.client().to_string()),
            CountBy::State => Some(connection.state.clone()),
        }
    }
}

impl fmt::Display for CountBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CountBy::Service => "service",
            CountBy::Server => "server",
            CountBy::Client => "client",
            CountBy::State => "state",
        })
    }
}

/// The connections of a part of the table, counted.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ConnectionCounts {
    /// Connections that match.
    pub connections: u64,
    /// The same by group, in any order; empty where nothing was to be counted together.
    pub groups: Vec<ConnectionGroup>,
    /// The cursor of the next part; `None` after the last.
    pub next: Option<Cursor>,
    /// The generation of the configuration whose services are named.
    pub generation: u64,
}

/// The connections of one group.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ConnectionGroup {
    /// Its name: a service, a server with its port, a client, a state; `None` as in
    /// [`CountBy::group`].
    pub name: Option<String>,
    /// How many there are.
    pub connections: u64,
}
