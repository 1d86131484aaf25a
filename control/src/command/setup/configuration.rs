//! A first configuration, of what was found and what the operator said.

use config::{Cidr, Config};
use host::core_list;
use std::net::Ipv4Addr;

use super::address::Addresses;
use super::wishes::Wishes;

/// The text. Where an address is missing, `tandem check` names the line.
///
/// # Errors
/// The mistakes that a configuration with these addresses would have.
pub(super) fn text(wishes: &Wishes, key_file: &str) -> Result<String, String> {
    let Wishes { nics: [public, private], workers, addresses, name, .. } = wishes;
    let cores: Vec<String> = workers.iter().map(ToString::to_string).collect();
    let fill = |value: Option<String>, hint: &str| match value {
        Some(value) => format!("\"{value}\""),
        None => format!("\"\" # Fill this in: {hint}"),
    };
    let virtual_ip = addresses.virtual_ip.map(|address| floating(address, addresses.public));
    let virtual_ip = match virtual_ip {
        Some(address) => format!("floating = [\"{address}\"]"),
        None => {
            "# floating = [\"198.51.100.10/24\"]      # the virtual IPs that clients use".to_owned()
        }
    };
    let public_gateway = match addresses.public_gateway {
        Some(address) => format!("gateway = \"{address}\""),
        None => {
            "# gateway = \"198.51.100.1\"             # the router towards the clients".to_owned()
        }
    };
    let gateway = addresses.gateway.map(|address| floating(address, addresses.private));
    let gateway = match gateway {
        Some(address) => {
            format!("floating = [\"{address}\"]        # the real servers' default route")
        }
        None => "floating = [\"\"] # Fill this in: the real servers' default route, such as \
                 10.0.0.1/24"
            .to_owned(),
    };
    let public_address = fill(
        addresses.public.map(|a| a.to_string()),
        "this machine's own, such as 198.51.100.2/24",
    );
    let private_address =
        fill(addresses.private.map(|a| a.to_string()), "this machine's own, such as 10.0.0.2/24");
    let text = format!(
        "# Written by tandem setup. docs/configuration.md has every key; after a change: tandem check\n\
         \n\
         [node]\n\
         name = \"{name}\"\n\
         workers = [{}]\n\
         \n\
         [public]                               # towards clients\n\
         port = \"{}\"\n\
         address = {public_address}\n\
         {virtual_ip}\n\
         {public_gateway}\n\
         \n\
         [private]                              # towards the real servers\n\
         port = \"{}\"\n\
         address = {private_address}\n\
         {gateway}\n\
         \n\
         # For a pair of machines, with the same key on both:\n\
         # [peer]\n\
         # paths = [{{ local = \"10.0.0.2\", remote = \"10.0.0.3\" }}]\n\
         # key_file = \"{key_file}\"\n\
         \n\
         # [[service]]\n\
         # name = \"web\"\n\
         # listen = \"198.51.100.10:80\"\n\
         # protocol = \"tcp\"\n\
         # server = [{{ address = \"10.0.0.11:80\" }}, {{ address = \"10.0.0.12:80\" }}]\n",
        cores.join(", "),
        public.device,
        private.device,
    );
    check(addresses, &text)
}

/// An address with the prefix of its side's network, or alone where it is from elsewhere.
fn floating(address: Ipv4Addr, side: Option<Cidr<Ipv4Addr>>) -> Cidr<Ipv4Addr> {
    let prefix = side.filter(|side| side.contains(address)).map_or(32, |side| side.prefix);
    Cidr { address, prefix }
}

fn check(addresses: &Addresses, text: &str) -> Result<String, String> {
    if !addresses.are_complete() {
        return Ok(text.to_owned());
    }
    match Config::from_str("the first configuration", text) {
        Ok(_) => Ok(text.to_owned()),
        Err(mistakes) => Err(format!(
            "a configuration with these addresses has mistakes:\n{}",
            mistakes.lines().join("\n")
        )),
    }
}

/// The cores as the operator sees them in a list.
pub(super) fn cores(wishes: &Wishes) -> String {
    core_list::format(&wishes.workers)
}
