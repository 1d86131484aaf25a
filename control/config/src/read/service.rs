//! `[[service]]`.

use std::net::SocketAddrV4;

use toml::de::DeValue;

use super::check;
use super::node::UNSERVED;
use super::persist::{self, RawPersist};
use super::pool::{self, RawPool};
use crate::document::{At, Table, value};
use crate::model::check::{Agent, Check};
use crate::model::listen::Listen;
use crate::model::node::Unserved;
use crate::model::service::{
    HashOptions, Limit, OnDown, Protocol, ReturnPathCheck, Scheduler, WhenFull,
};
use crate::schema;

const ON_DOWN: &[(&str, OnDown)] = &[("keep", OnDown::Keep), ("cut", OnDown::Cut)];
const RETURN_PATH: &[(&str, ReturnPathCheck)] = &[
    ("off", ReturnPathCheck::Off),
    ("warn", ReturnPathCheck::Warn),
    ("require", ReturnPathCheck::Require),
];
const PROTOCOLS: &[(&str, Protocol)] = &[("tcp", Protocol::Tcp), ("udp", Protocol::Udp)];

const WHEN_FULL: &[(&str, WhenFull)] =
    &[("next", WhenFull::Next), ("sorry", WhenFull::Sorry), ("refuse", WhenFull::Refuse)];

/// A service, typed.
pub(crate) struct RawService {
    pub(crate) name: Option<At<String>>,
    /// None, as of the protocols, when there is nothing that is right.
    pub(crate) listens: Option<At<Vec<At<Listen>>>>,
    pub(crate) protocols: Option<At<Vec<At<Protocol>>>>,
    pub(crate) scheduler: Scheduler,
    pub(crate) hash: RawHash,
    /// None when there is no list.
    pub(crate) servers: Option<At<Vec<RawServer>>>,
    pub(crate) sorry: Option<At<Vec<RawServer>>>,
    pub(crate) checks: Option<At<Vec<Check>>>,
    pub(crate) agent: Option<Agent>,
    pub(crate) limit: RawLimit,
    pub(crate) reserved: Option<At<u32>>,
    pub(crate) when_full: Option<At<WhenFull>>,
    pub(crate) one_packet: Option<At<bool>>,
    pub(crate) unserved: Option<Unserved>,
    pub(crate) persist: Option<At<RawPersist>>,
    pub(crate) on_down: OnDown,
    pub(crate) return_path: ReturnPathCheck,
    pub(crate) pool: RawPool,
}

/// What is said of a scheduler's hash; each with its place, as not every scheduler has it.
#[derive(Default)]
pub(crate) struct RawHash {
    pub(crate) port: Option<At<bool>>,
    pub(crate) strict: Option<At<bool>>,
    pub(crate) bound: Option<At<u16>>,
    pub(crate) table_size: Option<At<u32>>,
}

impl RawHash {
    /// With the defaults for what is not said.
    pub(crate) fn options(&self) -> HashOptions {
        let default = HashOptions::default();
        HashOptions {
            port: self.port.as_ref().map_or(default.port, |at| at.value),
            strict: self.strict.as_ref().map_or(default.strict, |at| at.value),
            bound: self.bound.as_ref().map_or(default.bound, |at| at.value),
            table_size: self.table_size.as_ref().map_or(default.table_size, |at| at.value),
        }
    }
}

pub(crate) struct RawServer {
    /// With port 0 where none is written.
    pub(crate) address: Option<At<SocketAddrV4>>,
    pub(crate) weight: u16,
    pub(crate) checks: Option<At<Vec<Check>>>,
    pub(crate) agent: Option<Agent>,
    pub(crate) limit: RawLimit,
}

/// A limit of connections, with both keys as they are.
#[derive(Default)]
pub(crate) struct RawLimit {
    pub(crate) most: Option<At<u32>>,
    pub(crate) resume_below: Option<At<u32>>,
}

pub(super) fn read(table: Table<'_>) -> RawService {
    table.expect("server");
    let servers = |key, section, read: fn(Table<'_>) -> RawServer| {
        table
            .tables(key, section)
            .map(|list| At { value: list.value.into_iter().map(read).collect(), span: list.span })
    };
    let sorry = servers("sorry", &schema::SORRY, read_sorry);
    let servers = servers("server", &schema::SERVER, read_server);
    let scheduler = table.optional("scheduler", value::choice(Scheduler::ACCEPTED));
    let hash = RawHash {
        port: table.optional("hash_port", value::boolean),
        strict: table.optional("strict", value::boolean),
        bound: table.optional("bound", value::bound),
        table_size: table.optional("mh_size", value::one_of(&HashOptions::TABLE_SIZES)),
    };
    // Of a scheduler that cannot be read nobody knows whether it has them.
    let is_unknown = table.has("scheduler") && scheduler.is_none();
    let hash = if is_unknown { RawHash::default() } else { hash };
    let protocols = table.one_or_more("protocol", value::choice(PROTOCOLS));
    RawService {
        name: table.required("name", value::name(63)),
        listens: table.one_or_more("listen", value::listen),
        scheduler: scheduler.map_or(Scheduler::default(), |at| at.value),
        hash,
        servers,
        sorry,
        limit: read_limit(&table),
        reserved: table.optional("reserved_connections", connections()),
        when_full: table.optional("when_full", value::choice(WHEN_FULL)),
        one_packet: table.optional("one_packet", value::boolean),
        unserved: table.optional("unserved", value::choice(UNSERVED)).map(|at| at.value),
        on_down: table
            .optional("on_down", value::choice(ON_DOWN))
            .map_or(OnDown::default(), |at| at.value),
        return_path: table
            .optional("return_path", value::choice(RETURN_PATH))
            .map_or(ReturnPathCheck::default(), |at| at.value),
        pool: pool::read(&table),
        persist: table.table("persist", &schema::PERSIST).map(persist::read),
        checks: check::read_all(&table),
        agent: check::read_agent(&table),
        protocols,
    }
}

fn read_server(table: Table<'_>) -> RawServer {
    RawServer { limit: read_limit(&table), ..read_sorry(table) }
}

/// A number of connections.
pub(super) fn connections() -> impl Fn(&DeValue<'_>) -> value::Read<u32> {
    value::integer(1..=i64::from(Limit::HIGHEST))
}

fn read_limit(table: &Table<'_>) -> RawLimit {
    RawLimit {
        most: table.optional("max_connections", connections()),
        resume_below: table.optional("resume_below", connections()),
    }
}

fn read_sorry(table: Table<'_>) -> RawServer {
    RawServer {
        address: table.required("address", value::server),
        weight: table.optional("weight", value::integer(0..=65_535)).map_or(1, |at| at.value),
        checks: check::read_all(&table),
        agent: check::read_agent(&table),
        limit: RawLimit::default(),
    }
}
