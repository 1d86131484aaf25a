//! What a connection is bound to.

use crate::service::{ServerId, ServiceId};

/// A service and one of its real servers, in one word: the server's number in the low 17 bits, the
/// service's in the 15 above them. As two fields they would make the record longer than a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub(crate) struct Bound(u32);

impl Bound {
    /// No service and no server.
    pub(crate) const NONE: Bound = Bound::new(ServiceId::NONE, ServerId::NONE);

    #[inline(always)]
    pub(crate) const fn new(service: ServiceId, server: ServerId) -> Self {
        Bound((service.index() as u32) << ServerId::BITS | server.index() as u32)
    }

    #[inline(always)]
    pub(crate) const fn service(self) -> ServiceId {
        ServiceId::from_bits(self.0 >> ServerId::BITS)
    }

    #[inline(always)]
    pub(crate) const fn server(self) -> ServerId {
        ServerId::from_bits(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::{MAXIMUM_SERVERS, MAXIMUM_SERVICES};

    #[test]
    fn every_number_comes_back_as_it_was() {
        let last = [MAXIMUM_SERVICES as u32, MAXIMUM_SERVERS as u32].map(|count| count - 1);
        let services = [0, 1, last[0]].map(ServiceId::from_bits).into_iter();
        for service in services.chain([ServiceId::NONE]) {
            let servers = [0, 1, last[1]].map(ServerId::from_bits).into_iter();
            for server in servers.chain([ServerId::NONE]) {
                let bound = Bound::new(service, server);
                assert_eq!((bound.service(), bound.server()), (service, server));
                let is_none = service == ServiceId::NONE && server == ServerId::NONE;
                assert_eq!(bound == Bound::NONE, is_none);
            }
        }
    }
}
