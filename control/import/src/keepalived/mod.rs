//! keepalived.conf: its lexical layer ([`read`]), its keywords ([`keywords`]), and what becomes
//! of them ([`map`]).

pub mod keywords;
mod map;
pub(crate) mod read;

pub(crate) use map::map;
pub(crate) use map::{is_name, prefix_of_mask, read_network};
