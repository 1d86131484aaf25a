//! Who is logged in over SSH, so that nobody cuts the branch that they sit on.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::Host;

const PORT: u16 = 22;
/// `TCP_ESTABLISHED` in the kernel's table of sockets.
const ESTABLISHED: &str = "01";

/// The remote addresses of established connections to port 22. (`SSH_CONNECTION` is gone after
/// sudo, and says nothing of other people's sessions.)
#[must_use]
pub fn clients(host: &Host) -> Vec<IpAddr> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| host.read(path));
    let tables = tables.into_iter().flatten();
    let mut found: Vec<IpAddr> =
        tables.flat_map(|table| table.lines().filter_map(client).collect::<Vec<_>>()).collect();
    found.sort();
    found.dedup();
    found
}

/// `sl local_address rem_address st …`, an address as hexadecimal words of the CPU's order.
fn client(line: &str) -> Option<IpAddr> {
    let mut fields = line.split_whitespace().skip(1);
    let (local, remote, state) = (fields.next()?, fields.next()?, fields.next()?);
    let (_, port) = local.split_once(':')?;
    let is_ours = state == ESTABLISHED && u16::from_str_radix(port, 16) == Ok(PORT);
    if is_ours { address(remote.split_once(':')?.0) } else { None }
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
        assert!(clients(&tree.host()).is_empty());
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
        let expected: Vec<IpAddr> =
            ["10.0.0.1", "10.0.0.4", "2001:db8::5"].map(|text| text.parse().unwrap()).into();
        assert_eq!(clients(&tree.host()), expected);
    }
}
