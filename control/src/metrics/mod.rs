//! Metrics in Prometheus's text format or OpenMetrics, over HTTP.
//!
//! Nothing is kept for them here: each scrape asks the dataplane over its socket and the
//! role's thread, and writes what they say ([`gather`]) into families of the [`catalogue`].
//! Without a dataplane there is less to say, and `tandem_dataplane_up` is 0.

pub mod catalogue;
pub mod checks;
pub mod dataplane;
pub mod events;
pub mod format;
pub mod gather;
pub mod http;
pub mod page;
pub mod pair;
pub mod pools;
mod process;
mod servers;

pub use gather::Source;
