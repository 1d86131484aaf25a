//! Questions on a terminal.

use std::io::Write;
use std::str::FromStr;

use super::address::{self, Addresses};
use crate::command::question;
use crate::error::Error;

/// Whether the operator wants what was shown.
pub(super) fn agreement(out: &mut dyn Write) -> Result<bool, Error> {
    question::is_agreed("Do this?", out)
}

/// Asks for the addresses that the command line does not have. An empty answer leaves one out.
pub(super) fn addresses(addresses: &mut Addresses, out: &mut dyn Write) -> Result<(), Error> {
    let Addresses { public, private, virtual_ip, gateway, public_gateway } = addresses;
    writeln!(out, "Addresses for a first configuration. Enter alone: fill it in later.\n")?;
    ask(
        public,
        "This machine's own public address (such as 198.51.100.2/24): ",
        address::parse,
        out,
    )?;
    ask(public_gateway, "The router towards the clients (such as 198.51.100.1): ", plain, out)?;
    ask(virtual_ip, "The virtual IP that clients use (such as 198.51.100.10): ", plain, out)?;
    ask(
        private,
        "This machine's own private address (such as 10.0.0.2/24): ",
        address::parse,
        out,
    )?;
    ask(gateway, "The real servers' default route (such as 10.0.0.1): ", plain, out)?;
    writeln!(out)?;
    Ok(())
}

fn plain<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text} is not an address such as 198.51.100.10"))
}

fn ask<T>(
    value: &mut Option<T>,
    text: &str,
    parse: impl Fn(&str) -> Result<T, String>,
    out: &mut dyn Write,
) -> Result<(), Error> {
    while value.is_none() {
        let answer = question::ask(text, out)?;
        if answer.is_empty() {
            return Ok(());
        }
        match parse(&answer) {
            Ok(parsed) => *value = Some(parsed),
            Err(reason) => writeln!(out, "{reason}")?,
        }
    }
    Ok(())
}
