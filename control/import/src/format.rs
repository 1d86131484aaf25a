//! The formats that are read, told by their content: names of files tell nothing.

use core::fmt;
use core::str::FromStr;

/// A format.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Format {
    /// keepalived.conf.
    Keepalived,
    /// What `ipvsadm-save` writes.
    Ipvsadm,
    /// lvs.cf of Piranha.
    Piranha,
    /// ldirectord.cf.
    Ldirectord,
}

impl Format {
    /// Each by its name.
    pub const ALL: [(&'static str, Format); 4] = [
        ("keepalived", Format::Keepalived),
        ("ipvsadm", Format::Ipvsadm),
        ("lvs.cf", Format::Piranha),
        ("ldirectord", Format::Ldirectord),
    ];

    /// Their names in a sentence.
    pub const NAMES: &'static str =
        "keepalived.conf, ipvsadm-save, lvs.cf (Piranha) and ldirectord.cf";

    /// The format of a text; none when it is like none of them.
    pub fn of(text: &str) -> Option<Format> {
        let mut points = [0_usize; 4];
        for line in text.lines().take(20_000) {
            let is_indented = line.starts_with([' ', '\t']);
            let line = line.trim();
            let word = line.split([' ', '\t', '{', '=']).next().unwrap_or_default();
            let rest = line.get(word.len()..).unwrap_or_default().trim_start();
            let place = match word {
                "virtual_server"
                | "virtual_server_group"
                | "vrrp_instance"
                | "vrrp_sync_group"
                | "global_defs"
                | "real_server"
                | "vrrp_script"
                | "static_ipaddress"
                | "static_routes" => 0,
                _ if rest.starts_with('=') => match word {
                    "virtual" | "virtual6" if !is_indented => 3,
                    "real" | "real6" | "checktype" | "fallback" | "checkinterval" => 3,
                    "serial_no" | "primary" | "nat_router" | "vip_nmask" | "address" => 2,
                    _ => continue,
                },
                "virtual" | "server" | "failover" if rest.ends_with('{') => 2,
                "include" => 0,
                _ if is_command(line) => 1,
                _ => continue,
            };
            if let Some(points) = points.get_mut(place) {
                // keepalived's own words are in no other file.
                *points += if place == 0 && word != "include" { 100 } else { 1 };
            }
        }
        let (best, most) = points.iter().enumerate().rev().max_by_key(|(_, points)| **points)?;
        let format = Format::ALL.get(best).map(|(_, format)| *format);
        format.filter(|_| *most > 0)
    }
}

/// A command of ipvsadm that adds something.
fn is_command(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let first = words.next().unwrap_or_default();
    let option = if first.ends_with("ipvsadm") { words.next().unwrap_or_default() } else { first };
    ["-A", "-a", "-E", "-e"].iter().any(|short| option.starts_with(short))
        || matches!(option, "--add-service" | "--add-server" | "--edit-service" | "--edit-server")
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Format::ALL.iter().find(|(_, format)| format == self).map(|(name, _)| *name);
        f.write_str(name.unwrap_or_default())
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Format::ALL.iter().find(|(name, _)| *name == text);
        found.map(|(_, format)| *format).ok_or_else(|| {
            let names = Format::ALL.map(|(name, _)| name).join(", ");
            format!("{text:?} is no format: write one of {names}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_tells_the_format() {
        assert_eq!(
            Format::of("serial_no = 1\nvirtual_server 10.0.0.1 80 {\n"),
            Some(Format::Keepalived)
        );
        assert_eq!(Format::of("serial_no = 1\nvirtual web {\n"), Some(Format::Piranha));
        assert_eq!(
            Format::of("virtual=10.0.0.1:80\n\treal=10.0.0.2:80 masq\n"),
            Some(Format::Ldirectord)
        );
        assert_eq!(Format::of("-A -t 10.0.0.1:80 -s rr\n"), Some(Format::Ipvsadm));
        assert_eq!(Format::of("/sbin/ipvsadm --add-service -t a\n"), Some(Format::Ipvsadm));
        assert_eq!(Format::of("[node]\nname = \"a\"\n"), None);
        for (name, format) in Format::ALL {
            assert_eq!((name.parse(), format.to_string()), (Ok(format), name.to_owned()));
        }
    }
}
