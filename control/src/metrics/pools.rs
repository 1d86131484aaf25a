//! What tandem-control knows of real servers.

use api::{Administrative, Pool, PoolMode, PoolServer, Pools};

use super::catalogue as all;
use super::page::Page;

/// Writes the numbers of all pools.
pub fn write(pools: &Pools, page: &mut Page) {
    write_servers(pools, page);
    write_services(pools, page);
    if let Some(peer) = &pools.peer {
        page.flag(all::SERVER_PEER, peer.told && peer.heard);
    }
}

fn write_servers(pools: &Pools, page: &mut Page) {
    let servers = || pools.pools.iter().flat_map(|pool| &pool.servers);
    let names = |server: &PoolServer| [server.service.clone(), api::server_name(&server.address)];
    let set = |server: &PoolServer| server.set_weight.unwrap_or(server.configured_weight);
    page.gauges(
        all::SERVER_WEIGHT,
        servers().map(|server| (names(server), f64::from(set(server)))),
    );
    let weight = |server: &PoolServer| f64::from(server.effective_thousandths) / 1000.0;
    page.gauges(
        all::SERVER_EFFECTIVE_WEIGHT,
        servers().map(|server| (names(server), weight(server))),
    );
    page.counters(
        all::SERVER_TRANSITIONS,
        servers().map(|server| (names(server), server.transitions)),
    );
    let down = servers().map(|server| (names(server), server.down_millis / 1000));
    page.counters(all::SERVER_DOWN, down);
    let since = servers().map(|server| (names(server), server.changed_at as f64));
    page.gauges(all::SERVER_SINCE, since);
    let out = servers().flat_map(|server| {
        [Administrative::Drain, Administrative::Maintenance].map(|state| {
            let [service, address] = names(server);
            let is_so = server.administrative == state;
            ([service, address, state.to_string()], f64::from(u8::from(is_so)))
        })
    });
    page.gauges(all::SERVER_OUT, out);
}

fn write_services(pools: &Pools, page: &mut Page) {
    let is_up = |server: &&PoolServer| {
        server.administrative == Administrative::Ready && !server.operational.is_down()
    };
    let own = |pool: &Pool| -> Vec<PoolServer> {
        pool.servers.iter().filter(|server| !server.sorry).cloned().collect()
    };
    let flag = |is_so: bool| f64::from(u8::from(is_so));
    type Gauge<'a> = (all::Family, &'a dyn Fn(&Pool) -> f64);
    let gauges: [Gauge<'_>; 5] = [
        (all::SERVICE_SERVERS, &|pool| own(pool).len() as f64),
        (all::SERVICE_SERVERS_UP, &|pool| own(pool).iter().filter(is_up).count() as f64),
        (all::SERVICE_QUORUM, &|pool| flag(pool.quorum)),
        (all::SERVICE_PANIC, &|pool| {
            flag(matches!(pool.mode, PoolMode::Panic | PoolMode::AllDownKeep))
        }),
        (all::SERVICE_SORRY, &|pool| flag(pool.sorry)),
    ];
    for (family, value) in gauges {
        let values = pools.pools.iter().map(|pool| ([pool.service.clone()], value(pool)));
        page.gauges(family, values);
    }
}
