//! Connection sync between the machines: carries the stream of one dataplane to the other.

use api::SyncLink;

/// How the stream between the machines is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// In which direction it is up.
    pub link: SyncLink,
    /// Over which path: the peer's end.
    pub path: Option<String>,
    /// Why there is none.
    pub trouble: Option<String>,
}
