//! From one TOML value to one of ours, or to what is wrong with it.

use core::fmt::Display;
use core::ops::RangeInclusive;
use core::time::Duration;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4};
use std::path::PathBuf;

use toml::de::DeValue;
use wire::MacAddress;

use super::duration;
use super::suggestion::nearest;
use crate::model::check::{Pattern, compile_regex};
use crate::model::device::Device;
use crate::model::listen::Listen;
use wire::Cidr;

/// What is wrong with a value: continues a sentence that begins with its key.
pub(crate) struct Wrong {
    pub(crate) what: String,
    pub(crate) remedy: String,
}

pub(crate) type Read<T> = Result<T, Wrong>;

pub(crate) fn wrong<T>(what: impl Into<String>, remedy: impl Into<String>) -> Read<T> {
    Err(Wrong { what: what.into(), remedy: remedy.into() })
}

/// What kind of value it is, with its article.
pub(crate) fn describe(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn other_kind<T>(value: &DeValue<'_>, expected: impl Display) -> Read<T> {
    wrong(format!("is {}", describe(value)), format!("write {expected}"))
}

/// A string as it is quoted in a message: on one line, and not for ever.
pub(crate) fn quote(text: &str) -> String {
    let mut shown: String = text.chars().take(60).flat_map(char::escape_debug).collect();
    if text.chars().nth(60).is_some() {
        shown.push_str("...");
    }
    format!("\"{shown}\"")
}

fn text<'v>(value: &'v DeValue<'_>, expected: &str) -> Read<&'v str> {
    value.as_str().map_or_else(|| other_kind(value, expected), Ok)
}

pub(crate) fn boolean(value: &DeValue<'_>) -> Read<bool> {
    value.as_bool().map_or_else(|| other_kind(value, "true or false, without quotation marks"), Ok)
}

/// A whole number in a range.
pub(crate) fn integer<T: TryFrom<i64>>(
    range: RangeInclusive<i64>,
) -> impl Fn(&DeValue<'_>) -> Read<T> {
    move |value| {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        let DeValue::Integer(integer) = value else { return other_kind(value, expected) };
        let number = i64::from_str_radix(integer.as_str(), integer.radix()).ok();
        let number = number.filter(|number| range.contains(number));
        match number.and_then(|number| T::try_from(number).ok()) {
            Some(number) => Ok(number),
            None => {
                let shown: String = integer.as_str().chars().take(40).collect();
                wrong(format!("is {shown}, out of range"), format!("write {expected}"))
            }
        }
    }
}

/// One of a few numbers.
pub(crate) fn one_of(choices: &'static [u32]) -> impl Fn(&DeValue<'_>) -> Read<u32> {
    move |value| {
        let number: u32 = integer(0..=i64::from(u32::MAX))(value)?;
        if choices.contains(&number) {
            return Ok(number);
        }
        let listed: Vec<String> = choices.iter().map(u32::to_string).collect();
        wrong(format!("is {number}"), format!("write one of {}", listed.join(", ")))
    }
}

/// A share of the mean in per cent that something may have more than: none below all of it.
pub(crate) fn bound(value: &DeValue<'_>) -> Read<u16> {
    match integer(0..=1000)(value)? {
        number @ 1..=100 => wrong(
            format!("is {number}: with no more than the mean for each there is no room for all"),
            "write per cent from 101 to 1000, as in 125, or 0 for no bound",
        ),
        number => Ok(number),
    }
}

/// One of a few words.
pub(crate) fn choice<T: Copy>(
    choices: &'static [(&'static str, T)],
) -> impl Fn(&DeValue<'_>) -> Read<T> {
    move |value| {
        let names = || choices.iter().map(|(name, _)| *name);
        let listed: Vec<String> = names().map(|name| format!("\"{name}\"")).collect();
        let listed = listed.join(", ");
        let text = text(value, &format!("one of {listed}"))?;
        if let Some((_, choice)) = choices.iter().find(|(name, _)| *name == text) {
            return Ok(*choice);
        }
        let remedy = match nearest(text, names()) {
            Some(meant) => format!("did you mean \"{meant}\"?"),
            None => format!("write one of {listed}"),
        };
        wrong(format!("is {}", quote(text)), remedy)
    }
}

/// A name for people and commands: letters, digits, `-`, `_` and `.`.
pub(crate) fn name(most: usize) -> impl Fn(&DeValue<'_>) -> Read<String> {
    move |value| {
        let expected = format!("1 to {most} letters, digits, '-', '_' or '.'");
        let text = text(value, &expected)?;
        let allowed = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
        let dots = text.bytes().all(|c| c == b'.');
        if dots || text.len() > most || !text.bytes().all(allowed) {
            return wrong(format!("is {}", quote(text)), format!("write {expected}"));
        }
        Ok(text.to_owned())
    }
}

/// Printable text of one line.
pub(crate) fn line(expected: &'static str) -> impl Fn(&DeValue<'_>) -> Read<String> {
    move |value| {
        let text = text(value, expected)?;
        if text.is_empty() || text.len() > 255 || !text.bytes().all(|c| c.is_ascii_graphic()) {
            return wrong(format!("is {}", quote(text)), format!("write {expected}"));
        }
        Ok(text.to_owned())
    }
}

/// Printable text with spaces.
pub(crate) fn words(expected: &'static str) -> impl Fn(&DeValue<'_>) -> Read<String> {
    move |value| {
        let text = text(value, expected)?;
        let is_printable = text.chars().all(|c| !c.is_control());
        if text.is_empty() || text.len() > 1024 || !is_printable {
            return wrong(format!("is {}", quote(text)), format!("write {expected}"));
        }
        Ok(text.to_owned())
    }
}

/// Bytes, as text with escapes.
pub(crate) fn bytes(value: &DeValue<'_>) -> Read<Vec<u8>> {
    let expected = "at most 1024 bytes, as text with the escapes \\r \\n \\t \\0 \\\\ \\xHH, as in \
                    'PING\\r\\n' (single quotes keep the backslash)";
    let text = text(value, expected)?;
    match Pattern::parse(text, false) {
        Some(pattern) => Ok(pattern.bytes()),
        None => wrong(format!("is {}", quote(text)), format!("write {expected}")),
    }
}

/// Bytes to compare with, as text with escapes.
pub(crate) fn pattern(value: &DeValue<'_>) -> Read<Pattern> {
    let expected = "1 to 1024 bytes, as text with the escapes \\r \\n \\t \\0 \\\\ \\xHH, where H may be \
                    ? for any digit, as in '+PONG' or '\\x00\\x8?' (single quotes keep the backslash)";
    let text = text(value, expected)?;
    match Pattern::parse(text, true) {
        Some(pattern) if !pattern.is_empty() => Ok(pattern),
        _ => wrong(format!("is {}", quote(text)), format!("write {expected}")),
    }
}

pub(crate) fn path(value: &DeValue<'_>) -> Read<PathBuf> {
    let expected = "a path from the root on, beginning with '/'";
    let text = text(value, expected)?;
    if !text.starts_with('/') || text.contains('\0') {
        return wrong(format!("is {}", quote(text)), format!("write {expected}"));
    }
    Ok(PathBuf::from(text))
}

pub(crate) fn device(value: &DeValue<'_>) -> Read<Device> {
    let expected = "a PCI address, as in \"0000:03:00.0\" (dpdk-devbind.py --status lists them), or \
                    a DPDK virtual device, as in \"net_af_packet0,iface=eth0\"";
    let text = text(value, expected)?;
    text.parse().or_else(|_| wrong(format!("is {}", quote(text)), format!("write {expected}")))
}

pub(crate) fn mac(value: &DeValue<'_>) -> Read<MacAddress> {
    let expected = "the Ethernet address of one station, as in \"02:00:00:00:00:11\"";
    let text = text(value, expected)?;
    match text.parse::<MacAddress>() {
        Ok(mac) if mac.is_unicast() => Ok(mac),
        _ => wrong(format!("is {}", quote(text)), format!("write {expected}")),
    }
}

/// A span of time in a range.
pub(crate) fn time(range: RangeInclusive<Duration>) -> impl Fn(&DeValue<'_>) -> Read<Duration> {
    move |value| {
        let expected = format!(
            "a time from {} to {}, as in \"15m\" or \"2h4m\" (units d, h, m, s, ms)",
            duration::display(*range.start()),
            duration::display(*range.end())
        );
        let text = text(value, &expected)?;
        match duration::parse(text) {
            Some(time) if range.contains(&time) => Ok(time),
            Some(_) => {
                wrong(format!("is {}, out of range", quote(text)), format!("write {expected}"))
            }
            None => wrong(format!("is {}", quote(text)), format!("write {expected}")),
        }
    }
}

/// A span of time in a range, or zero.
pub(crate) fn time_or_zero(
    range: RangeInclusive<Duration>,
) -> impl Fn(&DeValue<'_>) -> Read<Duration> {
    let in_range = time(range);
    move |value| match value.as_str().and_then(duration::parse) {
        Some(Duration::ZERO) => Ok(Duration::ZERO),
        _ => in_range(value),
    }
}

/// A regular expression for bodies.
pub(crate) fn regex(value: &DeValue<'_>) -> Read<String> {
    let expected = "a regular expression, as in '\"state\": *\"(ok|green)\"'";
    let text = text(value, expected)?;
    if text.is_empty() || text.len() > 1024 {
        return wrong(format!("is {}", quote(text)), format!("write {expected}"));
    }
    match compile_regex(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(regex::Error::CompiledTooBig(_)) => wrong(
            format!("is {}, which takes too much memory", quote(text)),
            "write a shorter one, with smaller repetitions",
        ),
        Err(error) => {
            let error = error.to_string();
            let last = error.lines().last().unwrap_or_default();
            let reason = last.strip_prefix("error: ").unwrap_or(last);
            wrong(format!("is {}: {reason}", quote(text)), format!("write {expected}"))
        }
    }
}

/// A header of an HTTP request: its name and value (RFC 9110 section 5.1 and 5.5).
pub(crate) fn header(value: &DeValue<'_>) -> Read<(String, String)> {
    let expected = "a name and a value, as in \"Accept: text/plain\"";
    let text = text(value, expected)?;
    let is_token = |c: u8| c.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&c);
    let header = text.split_once(':').map(|(name, value)| (name, value.trim()));
    match header {
        Some((name, value))
            if !name.is_empty()
                && text.len() <= 1024
                && name.bytes().all(is_token)
                && value.bytes().all(|c| c == b' ' || c.is_ascii_graphic()) =>
        {
            Ok((name.to_owned(), value.to_owned()))
        }
        _ => wrong(format!("is {}", quote(text)), format!("write {expected}")),
    }
}

/// A word of a command, which may be anything but a zero byte.
pub(crate) fn argument(value: &DeValue<'_>) -> Read<String> {
    let text = text(value, "a word of the command")?;
    if text.contains('\0') || text.len() > 4096 {
        return wrong(format!("is {}", quote(text)), "write a word of at most 4096 characters");
    }
    Ok(text.to_owned())
}

/// A domain name (RFC 1035 section 2.3.4), or `.` for the root.
pub(crate) fn domain(value: &DeValue<'_>) -> Read<String> {
    let expected = "a domain name, as in \"example.org\"";
    let text = text(value, expected)?;
    if text == "." || is_domain(text) {
        return Ok(text.to_owned());
    }
    wrong(format!("is {}", quote(text)), format!("write {expected}"))
}

fn is_domain(text: &str) -> bool {
    let is_allowed = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_');
    let is_label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(is_allowed);
    text.len() <= 253 && text.strip_suffix('.').unwrap_or(text).split('.').all(is_label)
}

/// The name or address that a certificate is for.
pub(crate) fn host_name(value: &DeValue<'_>) -> Read<String> {
    let expected = "the name or address that the certificate is for, as in \"www.example.org\"";
    let text = text(value, expected)?;
    if text.parse::<IpAddr>().is_ok() || is_domain(text) {
        return Ok(text.to_owned());
    }
    wrong(format!("is {}", quote(text)), format!("write {expected}"))
}

/// Two numbers, `1024-65535`, or one.
pub(crate) fn range(
    within: RangeInclusive<u16>,
    example: &'static str,
) -> impl Fn(&DeValue<'_>) -> Read<(u16, u16)> {
    move |value| {
        let expected = format!(
            "the first and the last, from {} to {}, as in \"{example}\"",
            within.start(),
            within.end()
        );
        let text = text(value, &expected)?;
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        match (number(first), number(last)) {
            (Some(first), Some(last))
                if first <= last && within.contains(&first) && within.contains(&last) =>
            {
                Ok((first, last))
            }
            _ => wrong(format!("is {}", quote(text)), format!("write {expected}")),
        }
    }
}

fn number(digits: &str) -> Option<u16> {
    let plain = digits.bytes().all(|c| c.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

/// An address of either family that a host may have.
pub(crate) fn any_address(value: &DeValue<'_>) -> Read<IpAddr> {
    let text = text(value, "an address, as in \"198.51.100.1\"")?;
    match text.parse() {
        Ok(IpAddr::V4(address)) => unicast(address).map(IpAddr::V4),
        Ok(IpAddr::V6(address)) if !address.is_multicast() && !address.is_unspecified() => {
            Ok(address.into())
        }
        _ => wrong(format!("is {}", quote(text)), "write an address, as in \"198.51.100.1\""),
    }
}

pub(crate) fn address(value: &DeValue<'_>) -> Read<Ipv4Addr> {
    let expected = "an address without a prefix, as in \"198.51.100.1\"";
    let text = text(value, expected)?;
    let bare = text.split_once('/').map(|(address, _)| address);
    if let Some(address) = bare.filter(|address| address.parse::<Ipv4Addr>().is_ok()) {
        let remedy = format!("write it without prefix: \"{address}\"");
        return wrong(format!("is {}", quote(text)), remedy);
    }
    parse_address(text, text, expected).and_then(unicast)
}

/// An address with its network's prefix.
pub(crate) fn cidr(value: &DeValue<'_>) -> Read<Cidr<Ipv4Addr>> {
    let expected = "an address with its network's prefix, as in \"198.51.100.2/24\"";
    let text = text(value, expected)?;
    let Some((address, prefix)) = text.split_once('/') else {
        parse_address(text, text, expected)?;
        return wrong(
            format!("is {}, without the length of the network's prefix", quote(text)),
            format!("add it, as in \"{text}/24\""),
        );
    };
    let address = parse_address(address, text, expected)?;
    match number(prefix).and_then(|prefix| u8::try_from(prefix).ok()) {
        Some(prefix @ 0..=32) => Ok(Cidr { address, prefix }),
        _ => wrong(
            format!("is {}, whose prefix is no length from 0 to 32", quote(text)),
            format!("write it as in \"{address}/24\""),
        ),
    }
}

/// An address that a host may have, with its network's prefix.
pub(crate) fn host_cidr(value: &DeValue<'_>) -> Read<Cidr<Ipv4Addr>> {
    let cidr = cidr(value)?;
    unicast(cidr.address)?;
    if cidr.prefix == 0 {
        return wrong(
            format!("is \"{cidr}\", in a network of all addresses"),
            format!("write the prefix of the network on the wire, as in \"{}/24\"", cidr.address),
        );
    }
    if !cidr.is_host() {
        return wrong(
            format!("is \"{cidr}\", which is the network's own or its broadcast address"),
            "write the address of a host",
        );
    }
    Ok(cidr)
}

/// A network: no bit set after its prefix.
pub(crate) fn network(value: &DeValue<'_>) -> Read<Cidr<Ipv4Addr>> {
    let cidr = cidr(value)?;
    let network = cidr.network();
    if network != cidr {
        return wrong(
            format!("is \"{cidr}\", which is a host's address"),
            format!("write its network \"{network}\" or the host alone \"{}/32\"", cidr.address),
        );
    }
    Ok(network)
}

/// An entry of `include`.
pub(crate) fn include(value: &DeValue<'_>) -> Read<()> {
    let expected = "the path of a file, or a pattern as in \"services.d/*.toml\"";
    let text = text(value, expected)?;
    if text.is_empty() || text.ends_with('/') || text.contains('\0') {
        return wrong(format!("is {}", quote(text)), format!("write {expected}"));
    }
    Ok(())
}

/// Address and port.
pub(crate) fn socket(value: &DeValue<'_>) -> Read<SocketAddrV4> {
    let expected = "address and port, as in \"198.51.100.10:80\"";
    let text = text(value, expected)?;
    match text.parse::<SocketAddr>() {
        Ok(SocketAddr::V4(socket)) if socket.port() != 0 => unicast(*socket.ip()).map(|_| socket),
        Ok(SocketAddr::V4(_)) => {
            wrong(format!("is {}, whose port is 0", quote(text)), "write a port from 1 to 65535")
        }
        Ok(SocketAddr::V6(_)) => not_yet(text),
        Err(_) => match text.parse::<IpAddr>() {
            Ok(IpAddr::V4(_)) => wrong(
                format!("is {}, without a port", quote(text)),
                format!("add it, as in \"{text}:80\""),
            ),
            Ok(IpAddr::V6(_)) => not_yet(text),
            Err(_) => wrong(format!("is {}", quote(text)), format!("write {expected}")),
        },
    }
}

/// Where a service listens: an address with a port, or with the first and the last of a range.
pub(crate) fn listen(value: &DeValue<'_>) -> Read<Listen> {
    let range = value.as_str().and_then(|text| text.rsplit_once(':')?.1.split_once('-'));
    let (Some(text), Some((first, last))) = (value.as_str(), range) else {
        return socket(value).map(Listen::from);
    };
    let expected = "a port or a range of ports, as in \"198.51.100.10:50000-60000\"";
    let address = text.rsplit_once(':').map_or("", |(address, _)| address);
    let address = unicast(parse_address(address, text, expected)?)?;
    match (number(first), number(last)) {
        (Some(first), Some(last)) if 1 <= first && first <= last => {
            Ok(Listen { address, first, last })
        }
        (Some(first), Some(last)) if first > last => wrong(
            format!("is {}, whose first port is above the last", quote(text)),
            format!("write {expected}"),
        ),
        _ => wrong(format!("is {}", quote(text)), format!("write {expected}")),
    }
}

/// Address and port of a server; port 0 if there is none.
pub(crate) fn server(value: &DeValue<'_>) -> Read<SocketAddrV4> {
    match value.as_str().and_then(|text| text.parse::<Ipv4Addr>().ok()) {
        Some(address) => unicast(address).map(|address| SocketAddrV4::new(address, 0)),
        None => socket(value),
    }
}

/// Address and port of either family, also one that means every address.
pub(crate) fn any_socket(value: &DeValue<'_>) -> Read<SocketAddr> {
    let expected = "address and port, as in \"127.0.0.1:9405\"";
    let text = text(value, expected)?;
    match text.parse::<SocketAddr>() {
        Ok(socket) if socket.port() != 0 => Ok(socket),
        _ => wrong(format!("is {}", quote(text)), format!("write {expected}")),
    }
}

fn parse_address(address: &str, whole: &str, expected: &str) -> Read<Ipv4Addr> {
    if address.parse::<Ipv6Addr>().is_ok() {
        return not_yet(whole);
    }
    address.parse().or_else(|_| wrong(format!("is {}", quote(whole)), format!("write {expected}")))
}

fn not_yet<T>(text: &str) -> Read<T> {
    wrong(format!("is {}: IPv6 is not supported yet", quote(text)), "write an IPv4 address")
}

/// Only an address that one host may have.
fn unicast(address: Ipv4Addr) -> Read<Ipv4Addr> {
    let kind = match address.octets() {
        [0, ..] => "of \"this network\" (RFC 1122)",
        [127, ..] => "of the loopback network",
        [224..=239, ..] => "a multicast address",
        [255, 255, 255, 255] => "the broadcast address",
        [240..=255, ..] => "a reserved address",
        _ => return Ok(address),
    };
    wrong(format!("is {address}, {kind}"), "write the address of one host")
}
