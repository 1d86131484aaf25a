//! Kinds of translation.

use core::fmt;

use crate::Side;

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

impl Kind {
    /// The sides on which packets of the original and of the reply direction arrive.
    pub(crate) const fn sides(self) -> [Side; 2] {
        match self {
            Kind::Service => [Side::Public, Side::Private],
            Kind::Masquerade => [Side::Private, Side::Public],
            Kind::Hairpin => [Side::Private, Side::Private],
        }
    }

    /// The kind of connections whose packets arrive there: each has sides of its own.
    #[inline(always)]
    pub(crate) const fn of(original: Side, reply: Side) -> Self {
        match (original, reply) {
            (Side::Public, _) => Kind::Service,
            (Side::Private, Side::Public) => Kind::Masquerade,
            (Side::Private, Side::Private) => Kind::Hairpin,
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sides_of_a_kind_are_its_own() {
        for kind in [Kind::Service, Kind::Masquerade, Kind::Hairpin] {
            let [original, reply] = kind.sides();
            assert_eq!(Kind::of(original, reply), kind);
        }
    }
}
