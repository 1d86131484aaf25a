//! What can be wrong with services and their real servers.

use api::{ConnectionLimit, ReturnPath, ServerStatus, ServiceStatus, Side, server_name};

use super::known::Known;
use super::trouble::Trouble;
use crate::command::pools;
use crate::output::units::count;

/// The most troubles of one kind that are named.
const NAMED: usize = 10;
const SERVICES: &str = "tandem services";

pub(super) fn troubles(known: &Known) -> Vec<Trouble> {
    let mut found = Vec::new();
    if let Some(all) = &known.pools {
        for pool in &all.pools {
            let alarm = |alarm| format!("service {}: {alarm}", pool.service);
            let remedy =
                [SERVICES, "# all at once: rather the check or the network than the servers"];
            let alarms = pools::alarms(pool).into_iter().map(alarm);
            found.extend(alarms.map(|what| Trouble::degraded(what, &remedy)));
        }
        found.extend(down(all));
        let told = |text: &String| Trouble::degraded(text.clone(), &[SERVICES]);
        found.extend(all.warnings.iter().map(told));
        let exchange = all.peer.as_ref().and_then(|peer| peer.trouble.as_ref());
        found.extend(exchange.map(|why| {
            let what = format!("the peer does not get the states of servers: {why}");
            Trouble::degraded(what, &["journalctl -u tandem-control -n 50"])
        }));
    }
    if let Some(all) = &known.services {
        found.extend(named(all.services.iter().flat_map(|service| of_service(service, known))));
        found.extend(persistence(&all.persistence));
    }
    found
}

fn down(all: &api::Pools) -> Vec<Trouble> {
    let servers = all.pools.iter().flat_map(|pool| &pool.servers);
    let is_wanted = |one: &&api::PoolServer| {
        one.operational.is_down() && one.administrative != api::Administrative::Maintenance
    };
    named(servers.filter(is_wanted).filter_map(|server| {
        let name = server_name(&server.address);
        let what = format!("{name} of {}: {}", server.service, pools::why(server)?);
        let out = format!("# to mend it in peace: tandem disable {} {name}", server.service);
        Some(Trouble::degraded(what, &[SERVICES]).and(out))
    }))
}

/// The first few, and how many more there are.
fn named(troubles: impl Iterator<Item = Trouble>) -> Vec<Trouble> {
    let mut found: Vec<Trouble> = Vec::new();
    let mut more = 0_u64;
    for trouble in troubles {
        if found.len() < NAMED { found.push(trouble) } else { more += 1 }
    }
    if more > 0 {
        let what = format!("{} more troubles with services or servers", count(more));
        found.push(Trouble::degraded(what, &[SERVICES]));
    }
    found
}

fn of_service(service: &ServiceStatus, known: &Known) -> Vec<Trouble> {
    let name = &service.name;
    let mut found = Vec::new();
    if service.servers.is_empty() && service.sorry.is_empty() {
        let what = format!("service {name} has no servers: clients get no answer");
        let remedy = ["# give it a server in the configuration, then: tandem reload"];
        found.push(Trouble::degraded(what, &remedy));
    }
    found.extend(full(&format!("service {name}"), service.limit.as_ref()));
    for server in &service.servers {
        found.extend(of_server(name, server, known));
    }
    found
}

fn of_server(service: &str, server: &ServerStatus, known: &Known) -> Vec<Trouble> {
    let name = format!("{} of {service}", server_name(&server.address));
    let mut found = Vec::new();
    if server.return_path == ReturnPath::Missing {
        let what = format!("{name} does not send its answers through the gateway address");
        let host = server.address.ip();
        let route = format!("# on {host}: ip route replace default via {}", gateway(known));
        found.push(Trouble::degraded(what, &[]).and(route));
    }
    if let Some(cause) = server.suspect {
        let what = format!("clients fail at {name}: {cause}");
        found.push(Trouble::degraded(what, &[SERVICES, "# look at the server's own log"]));
    }
    found
}

fn gateway(known: &Known) -> String {
    let status = known.status.as_ref().ok();
    let nic = status.and_then(|status| status.nics.iter().find(|nic| nic.side == Side::Private));
    let address = nic.and_then(|nic| nic.floating.first());
    let address = address.and_then(|address| address.split('/').next());
    address.unwrap_or("the private floating address").to_owned()
}

fn full(name: &str, limit: Option<&ConnectionLimit>) -> Option<Trouble> {
    let limit = limit.filter(|limit| limit.full)?;
    let what = format!(
        "{name} takes no new connection: it has {} of {}",
        count(limit.counted),
        count(limit.most.into())
    );
    Some(Trouble::degraded(what, &["tandem top --by servers", "# raise its limit, or add servers"]))
}

fn persistence(table: &api::PersistenceStatus) -> Option<Trouble> {
    (table.limit > 0 && table.clients >= table.limit).then(|| {
        let what = format!("the table of persistent clients is full: {}", count(table.clients));
        Trouble::degraded(what, &["tandem sources", "# raise node.persistence on both machines"])
    })
}
