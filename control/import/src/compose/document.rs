//! The file: its text, and what each line of it was written for.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use config::Cidr;

use crate::model::{Check, Server, Service, quote};
use crate::report::{At, FillIn, Place, Report};

/// Everything that is written.
#[derive(Clone, Default, Debug)]
pub(super) struct Plan {
    pub(super) name: String,
    pub(super) workers: String,
    pub(super) sides: [Side; 2],
    pub(super) peer: Option<Peer>,
    pub(super) timeouts: Vec<At<(&'static str, String)>>,
    pub(super) masquerades: Vec<Masquerade>,
    pub(super) services: Vec<Service>,
    /// The names of the files that all came from.
    pub(super) sources: Vec<String>,
}

/// A side.
#[derive(Clone, Debug)]
pub(super) struct Side {
    pub(super) port: String,
    pub(super) address: Cidr<Ipv4Addr>,
    pub(super) floating: Vec<Floating>,
    pub(super) gateway: Option<(Ipv4Addr, Place)>,
    pub(super) routes: Vec<Route>,
    pub(super) virtual_mac: Option<(String, Place)>,
}

impl Default for Side {
    fn default() -> Self {
        Side {
            port: String::new(),
            address: Cidr { address: Ipv4Addr::UNSPECIFIED, prefix: 0 },
            floating: Vec::new(),
            gateway: None,
            routes: Vec::new(),
            virtual_mac: None,
        }
    }
}

impl Side {
    /// True for one of its floating addresses.
    pub(super) fn has(&self, address: Ipv4Addr) -> bool {
        self.floating.iter().any(|one| one.address.address == address)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Floating {
    pub(super) at: Place,
    pub(super) address: Cidr<Ipv4Addr>,
}

#[derive(Clone, Debug)]
pub(super) struct Route {
    pub(super) at: Place,
    pub(super) to: Cidr<Ipv4Addr>,
    pub(super) via: Ipv4Addr,
}

#[derive(Clone, Debug)]
pub(super) struct Masquerade {
    pub(super) at: Place,
    pub(super) source: Cidr<Ipv4Addr>,
    pub(super) address: Ipv4Addr,
}

#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub(super) at: Place,
    pub(super) paths: Vec<Path>,
    pub(super) priority: Option<At<u8>>,
    pub(super) preempt: Option<(String, Place)>,
}

#[derive(Clone, Debug)]
pub(super) struct Path {
    pub(super) at: Place,
    pub(super) local: Ipv4Addr,
    pub(super) remote: Ipv4Addr,
}

/// What a line was written for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Origin {
    /// What no file can be without.
    Frame,
    Floating(usize, usize),
    Gateway(usize),
    Route(usize, usize),
    Mac(usize),
    Peer,
    Preempt,
    Path(usize),
    Timeout(usize),
    Masquerade(usize),
    /// A service as a whole.
    Service(usize),
    /// The checks that all servers of a service have.
    Checks(usize),
    Server(usize, usize),
    Sorry(usize, usize),
}

/// The text with the origin of each line.
#[derive(Default)]
pub(super) struct Document {
    pub(super) text: String,
    pub(super) origins: Vec<Origin>,
}

impl Document {
    fn line(&mut self, line: &str, origin: Origin) {
        self.text.push_str(line);
        self.text.push('\n');
        self.origins.push(origin);
    }

    fn frame(&mut self, line: &str) {
        self.line(line, Origin::Frame);
    }

    /// A key, with a mark where it has to be filled in.
    fn key(&mut self, key: &str, value: &str, origin: Origin, fill_in: &[FillIn], full: &str) {
        let mark = if fill_in.iter().any(|one| one.key == full) { "  # FILL IN" } else { "" };
        self.line(&format!("{key} = {value}{mark}"), origin);
    }
}

/// Writes the plan.
pub(super) fn write(plan: &Plan, fill_in: &[FillIn], report: &Report) -> Document {
    let mut document = Document::default();
    let sources = plan.sources.join(", ").replace(|c: char| c.is_control(), " ");
    document.frame(&format!("# Imported from {sources} by tandem import."));
    if !fill_in.is_empty() {
        document.frame(
            "# What is marked FILL IN is in no old file: look at each before you use this one.",
        );
    }
    document.frame("");
    document.frame("[node]");
    document.key("name", &quote(&plan.name), Origin::Frame, fill_in, "node.name");
    document.key("workers", &format!("[{}]", plan.workers), Origin::Frame, fill_in, "node.workers");
    for (index, side) in plan.sides.iter().enumerate() {
        write_side(&mut document, index, side, fill_in);
    }
    if let Some(peer) = &plan.peer {
        write_peer(&mut document, peer, fill_in);
    }
    if !plan.timeouts.is_empty() {
        document.frame("");
        document.frame("[timeouts.service]");
        for (index, timeout) in plan.timeouts.iter().enumerate() {
            let (key, value) = &timeout.value;
            document.line(&format!("{key} = {value}"), Origin::Timeout(index));
        }
    }
    for (index, rule) in plan.masquerades.iter().enumerate() {
        let origin = Origin::Masquerade(index);
        document.line("", origin);
        document.line("[[masquerade]]", origin);
        document.line(&format!("source = [\"{}\"]", rule.source), origin);
        document.line(&format!("address = \"{}\"", rule.address), origin);
    }
    for (index, service) in plan.services.iter().enumerate() {
        write_service(&mut document, index, service, report);
    }
    document
}

fn write_side(document: &mut Document, index: usize, side: &Side, fill_in: &[FillIn]) {
    let name = if index == 0 { "public" } else { "private" };
    let full = |key: &str| format!("{name}.{key}");
    document.frame("");
    document.frame(&format!("[{name}]"));
    document.key("port", &quote(&side.port), Origin::Frame, fill_in, &full("port"));
    document.key(
        "address",
        &format!("\"{}\"", side.address),
        Origin::Frame,
        fill_in,
        &full("address"),
    );
    if let [one] = &side.floating[..] {
        let value = format!("[\"{}\"]", one.address);
        document.key("floating", &value, Origin::Floating(index, 0), fill_in, &full("floating"));
    } else if !side.floating.is_empty() {
        document.frame("floating = [");
        for (place, one) in side.floating.iter().enumerate() {
            document.line(&format!("    \"{}\",", one.address), Origin::Floating(index, place));
        }
        document.frame("]");
    }
    match &side.gateway {
        Some((gateway, _)) => {
            document.line(&format!("gateway = \"{gateway}\""), Origin::Gateway(index));
        }
        None if index == 0 => document.frame("# gateway = \"...\"  # FILL IN"),
        None => {}
    }
    if let Some((mac, _)) = &side.virtual_mac {
        document.line(&format!("virtual_mac = {}", quote(mac)), Origin::Mac(index));
    }
    if !side.routes.is_empty() {
        document.frame("route = [");
        for (place, route) in side.routes.iter().enumerate() {
            let line = format!("    {{ to = \"{}\", via = \"{}\" }},", route.to, route.via);
            document.line(&line, Origin::Route(index, place));
        }
        document.frame("]");
    }
}

fn write_peer(document: &mut Document, peer: &Peer, fill_in: &[FillIn]) {
    document.line("", Origin::Peer);
    document.line("[peer]", Origin::Peer);
    document.line("paths = [", Origin::Peer);
    for (index, path) in peer.paths.iter().enumerate() {
        let remote = format!("\"{}\"", path.remote);
        let is_made_up =
            fill_in.iter().any(|one| one.key == "peer.paths.remote" && one.value == remote);
        let mark = if is_made_up { "  # FILL IN" } else { "" };
        let line = format!("    {{ local = \"{}\", remote = {remote} }},{mark}", path.local);
        document.line(&line, Origin::Path(index));
    }
    document.line("]", Origin::Peer);
    document.key("key_file", "\"/etc/tandem/peer.key\"", Origin::Peer, fill_in, "peer.key_file");
    if let Some(priority) = &peer.priority {
        document.line(&format!("priority = {}", priority.value), Origin::Peer);
    }
    if let Some((preempt, _)) = &peer.preempt {
        document.line(&format!("preempt = {preempt}"), Origin::Preempt);
    }
}

fn write_service(document: &mut Document, index: usize, service: &Service, report: &Report) {
    let origin = Origin::Service(index);
    let off = if service.is_off { "# " } else { "" };
    document.line("", origin);
    let place = report.shown(service.at).replace(|c: char| c.is_control(), " ");
    let ending = if service.is_off { ", where it is switched off" } else { "" };
    document.line(&format!("# {place}{ending}"), origin);
    let mut line = |text: String, origin: Origin| document.line(&format!("{off}{text}"), origin);
    write_head(&mut line, service, origin);
    for key in &service.keys {
        let (name, value) = &key.value;
        line(format!("{name} = {value}"), origin);
    }
    let shared = shared(service);
    if let Some(checks) = shared {
        line(format!("check = {}", checks_of(checks)), Origin::Checks(index));
    }
    line("server = [".to_owned(), origin);
    for (place, server) in service.servers.iter().enumerate() {
        let row = server_row(server, shared);
        let row = if server.is_off && off.is_empty() {
            format!("    # {row},")
        } else {
            format!("    {row},")
        };
        line(row, Origin::Server(index, place));
    }
    line("]".to_owned(), origin);
    if !service.sorry.is_empty() {
        line("sorry = [".to_owned(), origin);
        for (place, server) in service.sorry.iter().enumerate() {
            let address = shown(server);
            line(format!("    {{ address = \"{address}\" }},"), Origin::Sorry(index, place));
        }
        line("]".to_owned(), origin);
    }
}

fn write_head(line: &mut impl FnMut(String, Origin), service: &Service, origin: Origin) {
    line("[[service]]".to_owned(), origin);
    line(format!("name = {}", quote(service.name.as_deref().unwrap_or_default())), origin);
    let listens: Vec<String> =
        service.listens.iter().map(|listen| format!("\"{}\"", listen.value)).collect();
    match &listens[..] {
        [one] => line(format!("listen = {one}"), origin),
        several => line(format!("listen = [{}]", several.join(", ")), origin),
    }
    let protocols: Vec<String> =
        service.protocols.iter().map(|protocol| format!("\"{protocol}\"")).collect();
    match &protocols[..] {
        [one] => line(format!("protocol = {one}"), origin),
        several => line(format!("protocol = [{}]", several.join(", ")), origin),
    }
}

fn shown(server: &Server) -> String {
    match server.address.port() {
        0 => server.address.ip().to_string(),
        _ => server.address.to_string(),
    }
}

fn server_row(server: &Server, shared: Option<&[Check]>) -> String {
    let mut row = format!("{{ address = \"{}\"", shown(server));
    if server.weight != 1 {
        row.push_str(&format!(", weight = {}", server.weight));
    }
    for (key, value) in &server.keys {
        row.push_str(&format!(", {key} = {value}"));
    }
    match shared {
        Some(shared) if is_alike(shared, &server.checks) => {}
        None if server.checks.is_empty() => {}
        _ => row.push_str(&format!(", check = {}", checks_of(&server.checks))),
    }
    row.push_str(" }");
    row
}

fn is_alike(one: &[Check], other: &[Check]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| one.keys == other.keys)
}

/// The checks that most servers of a service have.
fn shared(service: &Service) -> Option<&[Check]> {
    type Keys<'c> = Vec<&'c [(&'static str, String)]>;
    let mut counts: HashMap<Keys<'_>, (usize, usize)> = HashMap::new();
    for (place, server) in service.servers.iter().enumerate() {
        if !server.checks.is_empty() {
            let keys = server.checks.iter().map(|check| check.keys.as_slice()).collect();
            counts.entry(keys).or_insert((0, place)).0 += 1;
        }
    }
    // Of those that are as many, the first.
    let (_, place) =
        counts.into_values().max_by_key(|(count, place)| (*count, usize::MAX - place))?;
    service.servers.get(place).map(|server| server.checks.as_slice())
}

fn checks_of(checks: &[Check]) -> String {
    match checks {
        [one] => one.toml(),
        several => {
            let several: Vec<String> = several.iter().map(Check::toml).collect();
            format!("[{}]", several.join(", "))
        }
    }
}
