//! Paths between the machines, cut by dropping what comes in.

use crate::{Error, Lab, Namespace};

/// The interfaces over which the peer is heard.
const DIRECT: &str = "direct0";
const PUBLIC: &str = "tandem-pub";
const PRIVATE: &str = "tandem-priv";

/// A cut at one machine; mended when dropped.
#[derive(Debug)]
pub struct Cut(Namespace);

impl Cut {
    /// Every path of heartbeats.
    pub const PATHS: [&'static str; 3] = [DIRECT, PUBLIC, PRIVATE];

    /// Drops heartbeats that come in over some interfaces, all or so many in a hundred.
    ///
    /// # Errors
    ///
    /// [`Error::Command`].
    pub fn heartbeats(
        machine: Namespace,
        interfaces: &[&str],
        percent: u32,
    ) -> Result<Self, Error> {
        let names = interfaces.join(", ");
        let chance = match percent {
            100 => String::new(),
            _ => format!("numgen random mod 100 < {percent}"),
        };
        Self::rules(machine, &format!("iifname {{ {names} }} udp dport 7405 {chance} drop"))
    }

    /// The same at both machines.
    ///
    /// # Errors
    ///
    /// [`Error::Command`].
    pub fn heartbeats_of_both(interfaces: &[&str], percent: u32) -> Result<[Self; 2], Error> {
        Ok([
            Self::heartbeats(Lab::A, interfaces, percent)?,
            Self::heartbeats(Lab::B, interfaces, percent)?,
        ])
    }

    /// Drops all of connection sync that comes in, at both machines; heartbeats pass.
    ///
    /// # Errors
    ///
    /// [`Error::Command`].
    pub fn sync() -> Result<[Self; 2], Error> {
        let cut = |machine| Self::rules(machine, "tcp dport 7405 drop; tcp sport 7405 drop");
        Ok([cut(Lab::A)?, cut(Lab::B)?])
    }

    /// Rules for what comes in, apart by semicolons.
    ///
    /// # Errors
    ///
    /// [`Error::Command`].
    pub fn rules(machine: Namespace, rules: &str) -> Result<Self, Error> {
        let table = format!(
            "table inet cut {{ chain in {{ type filter hook input priority 0; {rules}; }}; }}"
        );
        machine.must(&["nft", &table])?;
        Ok(Cut(machine))
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        // Of a lab that is taken down there is nothing left to mend.
        let _ = self.0.run(&["nft", "delete", "table", "inet", "cut"]);
    }
}
