//! Addresses on the command line.

use std::net::Ipv4Addr;

use config::Cidr;

/// An address with the prefix of its network: `198.51.100.2/24`.
pub(in crate::command) fn parse(text: &str) -> Result<Cidr<Ipv4Addr>, String> {
    let hint = || format!("{text} is not an address with its prefix, such as 198.51.100.2/24");
    let (address, prefix) = text.split_once('/').ok_or_else(hint)?;
    let address = address.parse().map_err(|_| hint())?;
    let prefix = prefix.parse().ok().filter(|prefix| (1..=32).contains(prefix)).ok_or_else(hint)?;
    Ok(Cidr { address, prefix })
}

/// What a first configuration has to know. What is missing is left for the operator to fill in.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Addresses {
    pub(super) public: Option<Cidr<Ipv4Addr>>,
    pub(super) private: Option<Cidr<Ipv4Addr>>,
    pub(super) virtual_ip: Option<Ipv4Addr>,
    pub(super) gateway: Option<Ipv4Addr>,
    pub(super) public_gateway: Option<Ipv4Addr>,
}

impl Addresses {
    /// True when a configuration of these can be valid.
    pub(super) fn are_complete(&self) -> bool {
        self.public.is_some() && self.private.is_some() && self.gateway.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_prefix() {
        assert_eq!(parse("10.0.0.2/24").unwrap().to_string(), "10.0.0.2/24");
        for wrong in ["10.0.0.2", "10.0.0.2/33", "10.0.0.2/0", "10.0.0/24", "a/24"] {
            assert!(parse(wrong).unwrap_err().contains("such as"), "{wrong}");
        }
    }
}
