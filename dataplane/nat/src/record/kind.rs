//! Kinds of translation.

use core::fmt;

/// Why a connection is translated.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Kind {
    /// A client's connection to a virtual IP.
    Service,
    /// A private host's connection to the public side.
    Masquerade,
    /// A private host's connection to a virtual IP.
    Hairpin,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Service => "service",
            Kind::Masquerade => "masquerade",
            Kind::Hairpin => "hairpin",
        })
    }
}
