//! Who is logged in over SSH, so that nobody cuts the branch that they sit on.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::Host;

const PORT: u16 = 22;
/// `TCP_ESTABLISHED` in the kernel's table of sockets.
const ESTABLISHED: &str = "01";

/// Ancestors of this process that are asked, at the most.
const GENERATIONS: usize = 64;

/// A connection of somebody who is logged in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Session {
    /// The address of this machine.
    pub local: IpAddr,
    /// The address of whoever is logged in.
    pub remote: IpAddr,
}

/// The established connections to port 22, whoever they belong to, and that of this process on
/// whatever port.
#[must_use]
pub fn sessions(host: &Host) -> Vec<Session> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| host.read(path));
    let tables = tables.into_iter().flatten();
    let mut found: Vec<Session> =
        tables.flat_map(|table| table.lines().filter_map(session).collect::<Vec<_>>()).collect();
    found.extend(own(host));
    found.sort();
    found.dedup();
    found
}

/// What sshd says to the shell that it starts. sudo takes the variable away, and the shell before
/// it still has it.
fn own(host: &Host) -> Option<Session> {
    let mut process = "self".to_owned();
    for _ in 0..GENERATIONS {
        let environment = host.read(&format!("/proc/{process}/environ")).unwrap_or_default();
        let said = environment.split('\0').find_map(|text| text.strip_prefix("SSH_CONNECTION="));
        if let Some(session) = said.and_then(said_by_sshd) {
            return Some(session);
        }
        let status = host.read(&format!("/proc/{process}/status")).ok()?;
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
        process = parent.trim().to_owned();
    }
    None
}

/// Address and port of the client, address and port of the server.
fn said_by_sshd(text: &str) -> Option<Session> {
    let fields: Vec<_> = text.split_whitespace().collect();
    let address = |index: usize| {
        // A link-local address has its interface: fe80::1%eth0.
        let address = fields.get(index)?.split('%').next()?;
        Some(address.parse::<IpAddr>().ok()?.to_canonical())
    };
    Some(Session { remote: address(0)?, local: address(2)? })
}

/// `sl local_address rem_address st …`, an address as hexadecimal words of the CPU's order.
fn session(line: &str) -> Option<Session> {
    let mut fields = line.split_whitespace().skip(1);
    let (local, remote, state) = (fields.next()?, fields.next()?, fields.next()?);
    let (local, port) = local.split_once(':')?;
    let is_ours = state == ESTABLISHED && u16::from_str_radix(port, 16) == Ok(PORT);
    let remote = remote.split_once(':')?.0;
    if is_ours { Some(Session { local: address(local)?, remote: address(remote)? }) } else { None }
}

fn address(text: &str) -> Option<IpAddr> {
    let word = |index: usize| {
        let digits = text.get(8 * index..8 * index + 8)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_le_bytes())
    };
    match text.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?].concat();
            let bytes: [u8; 16] = words.try_into().ok()?;
            Some(Ipv6Addr::from(bytes).to_canonical())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Tree;

    #[test]
    fn sessions_are_found_by_their_port() {
        let tree = Tree::new();
        assert!(sessions(&tree.host()).is_empty());
        tree.file(
            "/proc/net/tcp",
            "  sl  local_address rem_address   st\n\
             0: 0200000A:0016 0100000A:C350 01 rest\n\
             1: 00000000:0016 00000000:0000 0A rest\n\
             2: 0200000A:01BB 0300000A:C350 01 rest\n",
        );
        tree.file(
            "/proc/net/tcp6",
            "  sl  local_address                         remote_address st\n\
             0: 00000000000000000000000001000000:0016 B80D0120000000000000000005000000:C350 01 r\n\
             1: 0000000000000000FFFF00000200000A:0016 0000000000000000FFFF00000400000A:C351 01 r\n",
        );
        let session = |local: &str, remote: &str| Session {
            local: local.parse().unwrap(),
            remote: remote.parse().unwrap(),
        };
        let expected = [
            session("10.0.0.2", "10.0.0.1"),
            session("10.0.0.2", "10.0.0.4"),
            session("::1", "2001:db8::5"),
        ];
        assert_eq!(sessions(&tree.host()), expected);
    }

    #[test]
    fn the_own_session_is_found_behind_sudo_and_on_any_port() {
        let tree = Tree::new();
        tree.file("/proc/self/environ", "HOME=/root\0SUDO_USER=a\0");
        tree.file("/proc/self/status", "Name:\ttandem\nPPid:\t20\n");
        tree.file("/proc/20/status", "Name:\tsudo\nPPid:\t10\n");
        tree.file("/proc/10/environ", "A=b\0SSH_CONNECTION=fe80::7%eth1 50000 fe80::2%eth1 2222\0");
        let [session] = sessions(&tree.host())[..] else { panic!() };
        assert_eq!(session.local, "fe80::2".parse::<IpAddr>().unwrap());
        assert_eq!(session.remote, "fe80::7".parse::<IpAddr>().unwrap());
        // A process without ancestors that say it.
        tree.file("/proc/10/environ", "A=b\0").file("/proc/10/status", "PPid:\t0\n");
        assert!(sessions(&tree.host()).is_empty());
    }
}
