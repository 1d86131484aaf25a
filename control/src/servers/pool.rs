//! All pools: the configuration, what is known of each server, and what is decided from that.

use std::collections::HashMap;

use api::{Administrative, EventKind, Operational, Origin, PoolMode};
use config::{Config, PoolRules, Server};
use failover::Instant;

use super::exchange::PeerViews;
use super::folder::FolderRules;
use super::observed::{AllObserved, Observed};
use super::orders::{Orders, ServerKey};
use super::weights::{self, Decision, DynamicWeight, Input, Memory, Share, Units};
use crate::events::{Draft, Events, KnownServer, KnownService, Totals};

/// The pools of all services.
#[derive(Default)]
pub struct Pools {
    pub services: Vec<Service>,
    /// What operators want.
    pub orders: Orders,
    /// What files in the maintenance folder say.
    pub folder: FolderRules,
    pub observed: AllObserved,
    /// How the peer sees them.
    pub peer: PeerViews,
    /// Where their changes are told.
    pub events: Events,
}

/// The pool of one service.
pub struct Service {
    pub name: String,
    rules: PoolRules,
    units: Units,
    pub servers: Vec<Member>,
    pub sorry: Vec<Member>,
    memory: Memory,
    /// What was told of it, also before this start.
    told: KnownService,
    /// What holds now; none before the first decision.
    pub decision: Option<Decision>,
}

/// A server of a pool.
#[derive(Clone, Debug)]
pub struct Member {
    pub key: ServerKey,
    /// Its weight in the configuration.
    pub configured: u16,
    /// Nothing keeps new connections from it before its first check.
    starts_up: bool,
    /// It has checks, which say how it is.
    is_checked: bool,
    pub history: History,
}

/// When a server went up and down.
#[derive(Clone, Copy, Debug)]
pub struct History {
    /// It is down.
    pub is_down: bool,
    /// Since when it is as it is.
    pub since: Instant,
    /// How long it was in the state before.
    pub before: Option<core::time::Duration>,
    /// How often it went up or down.
    pub transitions: u64,
    /// How long it was down until it was as it is.
    pub down: core::time::Duration,
}

impl History {
    /// Goes on with what is known from before this start.
    fn new(known: KnownServer, now: Instant) -> Self {
        let KnownServer { transitions, is_down } = known;
        let down = core::time::Duration::ZERO;
        History { is_down, since: now, before: None, transitions, down }
    }

    fn follow(&mut self, is_down: bool, now: Instant) {
        if is_down == self.is_down {
            return;
        }
        let time = now.since(self.since);
        if self.is_down {
            self.down += time;
        }
        (self.is_down, self.since, self.before) = (is_down, now, Some(time));
        self.transitions += 1;
    }

    /// How long it was down until now.
    #[must_use]
    pub fn down_until(&self, now: Instant) -> core::time::Duration {
        self.down + if self.is_down { now.since(self.since) } else { core::time::Duration::ZERO }
    }
}

impl Pools {
    /// Follows a configuration. What is remembered of a server stays for as long as its service
    /// has it.
    pub fn configure(&mut self, config: &Config, now: Instant) {
        let mut before: HashMap<String, Service> =
            self.services.drain(..).map(|service| (service.name.clone(), service)).collect();
        let known = self.events.totals();
        self.services = config
            .services
            .iter()
            .map(|configured| {
                Service::new(configured, before.remove(&configured.name), &known, now)
            })
            .collect();
    }

    /// True if the configuration has the server.
    #[must_use]
    pub fn has(&self, key: &ServerKey) -> bool {
        let mut of_service = self.services.iter().filter(|service| service.name == key.service);
        of_service.any(|service| service.all().any(|member| member.key == *key))
    }

    /// Decides anew about every service. Gives when something changes by itself.
    pub fn decide(&mut self, now: Instant) -> Option<Instant> {
        let Pools { services, orders, folder, observed, events, .. } = self;
        let known = Known { orders, folder, observed };
        services.iter_mut().filter_map(|service| service.decide(&known, events, now)).min()
    }

    /// What was decided about a server by people, agents and the configuration.
    #[must_use]
    pub fn administrative(&self, member: &Member) -> Decided {
        let Pools { orders, folder, observed, .. } = self;
        Known { orders, folder, observed }.administrative(member)
    }

    /// What its checks find.
    #[must_use]
    pub fn observed(&self, key: &ServerKey) -> Option<&Observed> {
        self.observed.get(key)
    }
}

/// What a decision is made from.
struct Known<'k> {
    orders: &'k Orders,
    folder: &'k FolderRules,
    observed: &'k AllObserved,
}

/// What was decided about a server, and by whom.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Decided {
    pub state: Administrative,
    pub origin: Option<Origin>,
    /// When, in seconds since 1970, where it is known.
    pub at: Option<u64>,
    /// The weight that an operator has set.
    pub weight: Option<u16>,
}

impl Known<'_> {
    /// Of several, the one that keeps most from the server holds.
    fn administrative(&self, member: &Member) -> Decided {
        let order = self.orders.of(&member.key);
        let weight = order.and_then(|order| order.weight.value);
        let operator = order.map_or(Administrative::Ready, |order| order.state.value);
        let folder = self.folder.of(&member.key);
        let agent = self.observed.get(&member.key).map_or(Administrative::Ready, |one| one.agent);
        let configured = match weight.unwrap_or(member.configured) {
            0 => Administrative::Drain,
            _ => Administrative::Ready,
        };
        let state = operator.max(folder).max(agent).max(configured);
        let (origin, at) = match (state, order) {
            (Administrative::Ready, _) => (None, None),
            (state, Some(order)) if state == operator => {
                let node = order.state.stamp.node.clone();
                (Some(Origin::Operator(node)), Some(order.state.at))
            }
            (state, _) if state == folder => (Some(Origin::Folder), None),
            (state, _) if state == agent => (Some(Origin::Agent), None),
            (_, Some(order)) if weight == Some(0) => {
                let node = order.weight.stamp.node.clone();
                (Some(Origin::Operator(node)), Some(order.weight.at))
            }
            _ => (Some(Origin::Configuration), None),
        };
        Decided { state, origin, at, weight }
    }

    fn input(&self, member: &Member) -> Input {
        let decided = self.administrative(member);
        let observed = self.observed.get(&member.key);
        let weight = decided.weight.unwrap_or(member.configured);
        let input = Input { weight, administrative: decided.state, ..Input::default() };
        let Some(observed) = observed else {
            // It is new, and its checks begin a moment later.
            let waits = !member.starts_up;
            return Input { is_down: waits, is_waiting: waits, ..input };
        };
        let with = |&dynamic: &DynamicWeight| Input { dynamic: Some(dynamic), ..input };
        let least = observed.dynamic.iter().map(with).min_by_key(Input::nominal);
        Input {
            is_down: observed.operational.is_down(),
            is_waiting: observed.operational == Operational::Waiting,
            ..least.unwrap_or(input)
        }
    }

    fn operational(&self, member: &Member) -> Operational {
        match self.observed.get(&member.key) {
            Some(observed) => observed.operational,
            None if member.starts_up => Operational::Unchecked,
            None => Operational::Waiting,
        }
    }
}

impl Service {
    fn new(
        configured: &config::Service,
        before: Option<Service>,
        totals: &Totals,
        now: Instant,
    ) -> Self {
        let name = &configured.name;
        let units = match configured.scheduler {
            one if one.name() == "ovf" => Units::Connections,
            one if one.name() == "mh" => Units::Parts,
            _ => Units::Shares,
        };
        let known = before.as_ref();
        let member = |server: &Server| {
            let key = ServerKey { service: name.clone(), server: server.address.into() };
            let place = known.and_then(|before| before.all().find(|one| one.key == key));
            let begun = || History::new(totals.server(name, &api::server_name(&key.server)), now);
            let history = place.map_or_else(begun, |one| one.history);
            let is_up = |check: &config::Check| check.start == config::Start::Up;
            let checks = configured.checks_of(server);
            let (starts_up, is_checked) = (checks.iter().all(is_up), !checks.is_empty());
            Member { key, configured: server.weight, starts_up, is_checked, history }
        };
        let servers: Vec<Member> = configured.servers.iter().map(member).collect();
        let sorry: Vec<Member> = configured.sorry.iter().map(member).collect();
        let memory = before.as_ref().map_or(Memory::default(), |before| {
            let place = |one: &Member| before.servers.iter().position(|old| old.key == one.key);
            before.memory.moved(&servers.iter().map(place).collect::<Vec<_>>())
        });
        let rules = configured.pool;
        let told = match before {
            Some(before) => before.told,
            None => totals.service(name),
        };
        let (name, decision) = (name.clone(), None);
        Service { name, rules, units, servers, sorry, memory, told, decision }
    }

    /// Its servers, then its sorry servers.
    pub fn all(&self) -> impl Iterator<Item = &Member> {
        self.servers.iter().chain(&self.sorry)
    }

    /// Its servers, then its sorry servers, with what was decided of each.
    pub fn shares(&self) -> impl Iterator<Item = (&Member, Share)> {
        let decided = self.decision.iter().flat_map(|one| one.servers.iter().chain(&one.sorry));
        self.all().zip(decided.copied())
    }

    fn decide(&mut self, known: &Known<'_>, events: &Events, now: Instant) -> Option<Instant> {
        for member in self.servers.iter_mut().chain(&mut self.sorry) {
            // One that waits for its first check is as it was.
            let operational = known.operational(member);
            let is_known = !member.is_checked || known.observed.contains_key(&member.key);
            if !is_known || operational == Operational::Waiting {
                continue;
            }
            let (is_down, was_down) = (operational.is_down(), member.history.is_down);
            member.history.follow(is_down, now);
            if was_down != is_down {
                events.emit(transition(known, member));
            }
        }
        let inputs = |members: &[Member]| members.iter().map(|one| known.input(one)).collect();
        let (servers, sorry): (Vec<_>, Vec<_>) = (inputs(&self.servers), inputs(&self.sorry));
        let (decision, memory) =
            weights::decide(&self.rules, self.units, &servers, &sorry, &self.memory, now);
        // Before any check has ended nobody has found anything.
        let all_wait = servers.iter().all(|server| !server.is_down || server.is_waiting);
        if !all_wait || decision.mode == PoolMode::Normal {
            let before = self.decision.as_ref();
            tell_mode(&self.name, &mut self.told, before, &decision, events);
        }
        let next = decision.next;
        (self.decision, self.memory) = (Some(decision), memory);
        next
    }
}

fn transition(known: &Known<'_>, member: &Member) -> Draft {
    let ServerKey { service, server } = &member.key;
    let server = api::server_name(server);
    let lasted = member.history.before.map_or(0, |before| before.as_secs());
    let draft = if member.history.is_down {
        let why = known.observed.get(&member.key).map_or("", |observed| observed.reason.as_str());
        Draft::new(EventKind::ServerDown, format!("{server} of {service} is down")).why(why)
    } else {
        let why = format!("its checks find it well, after {lasted} s");
        Draft::new(EventKind::ServerUp, format!("{server} of {service} is up")).why(why)
    };
    draft.field("service", service).field("server", server).field("lasted", lasted)
}

/// What concerns a whole service is an alarm. That it has no quorum goes without saying when all of
/// its servers are down.
fn tell_mode(
    service: &str,
    told: &mut KnownService,
    before: Option<&Decision>,
    now: &Decision,
    events: &Events,
) {
    let tell = |draft: Draft| events.emit(draft.field("service", service));
    let kind = kind_of(now.mode);
    if kind != told.kind || before.is_some_and(|before| before.mode != now.mode) {
        tell_mode_now(service, now.mode, tell);
    }
    let is_down = kind == Some(EventKind::ServiceDown);
    told.kind = kind;
    if now.has_quorum && told.has_lost_quorum {
        let what = format!("service {service} has its quorum again");
        tell(Draft::new(EventKind::QuorumRegained, what));
        told.has_lost_quorum = false;
    } else if !now.has_quorum && !told.has_lost_quorum && !is_down {
        let what = format!("service {service} has lost its quorum");
        tell(Draft::new(EventKind::QuorumLost, what));
        told.has_lost_quorum = true;
    }
}

/// The kind of event that tells of a mode; none of the one in which all is well.
fn kind_of(mode: PoolMode) -> Option<EventKind> {
    match mode {
        PoolMode::Panic => Some(EventKind::ServicePanic),
        PoolMode::AllDownKeep | PoolMode::AllDownRefuse | PoolMode::AllDownSorry => {
            Some(EventKind::ServiceDown)
        }
        _ => None,
    }
}

fn tell_mode_now(service: &str, mode: PoolMode, tell: impl Fn(Draft)) {
    let what =
        |kind: EventKind, words: &str| Draft::new(kind, format!("service {service}: {words}"));
    let down = |then: &str| what(EventKind::ServiceDown, &format!("all servers are down; {then}"));
    tell(match mode {
        PoolMode::Panic => what(
            EventKind::ServicePanic,
            "so few servers are up that their checks are ignored (panic)",
        ),
        PoolMode::AllDownKeep => {
            down("those that were the last are used (when_all_down = \"keep\")")
        }
        PoolMode::AllDownRefuse => down("clients are refused"),
        PoolMode::AllDownSorry => down("the sorry servers are used"),
        _ => what(EventKind::ServiceUp, "its servers are used as their checks say again"),
    });
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const CONFIG: &str = "[node]\nname = \"a\"\nworkers = [1]\n[public]\nport = \"0000:03:00.0\"\n\
        address = \"198.51.100.2/24\"\nfloating = [\"198.51.100.10/24\"]\n[private]\nport = \
        \"0000:03:00.1\"\naddress = \"10.0.0.2/24\"\nfloating = [\"10.0.0.1/24\"]\n[[service]]\nname = \
        \"web\"\nlisten = \"198.51.100.10:80\"\nprotocol = \"tcp\"\ncheck = { kind = \"tcp\" }\n\
        when_all_down = \"refuse\"\nserver = [{ address = \"10.0.0.11:80\" }]\n";

    /// A process that was started anew, with what the events before it say.
    fn started(events: &Events) -> Pools {
        let config = Config::from_str("t", CONFIG).unwrap();
        let mut pools = Pools { events: events.clone(), ..Pools::default() };
        pools.configure(&config, Instant::default());
        pools
    }

    /// The kinds of events after the first ones, once all are numbered, when the only server is
    /// found so.
    fn told(pools: &mut Pools, operational: Operational, events: &Events) -> Vec<String> {
        let before = events.recent(usize::MAX).len();
        let server = "10.0.0.11:80".parse().unwrap();
        let key = ServerKey { service: "web".to_owned(), server };
        let reason = "connection refused".to_owned();
        let observed = Observed { operational, reason, ..Observed::default() };
        pools.observed = Arc::new([(key, observed)].into());
        pools.decide(Instant(1_000_000));
        events.finish(core::time::Duration::from_secs(20));
        let all = events.recent(usize::MAX);
        all.iter().skip(before).map(|event| event.kind.to_string()).collect()
    }

    #[test]
    fn a_change_is_one_event_and_a_restart_is_none() {
        let state = std::env::temp_dir().join(format!("tandem-pool-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&state);
        let events = Events::start(&state, "a").unwrap();
        let mut pools = started(&events);
        assert_eq!(told(&mut pools, Operational::Up, &events), [""; 0]);
        let down = ["server.down", "service.down"];
        assert_eq!(told(&mut pools, Operational::Down, &events), down);
        assert_eq!(told(&mut pools, Operational::GoingUp, &events), [""; 0], "still down");
        let last = events.recent(2);
        assert_eq!(last[0].why.as_deref(), Some("connection refused"));
        assert_eq!(last[0].field("server"), Some("10.0.0.11:80"));

        let mut pools = started(&events);
        assert_eq!(told(&mut pools, Operational::Waiting, &events), [""; 0]);
        assert_eq!(told(&mut pools, Operational::Down, &events), [""; 0], "that is known");
        assert_eq!(told(&mut pools, Operational::Up, &events), ["server.up", "service.up"]);
        assert_eq!(pools.services[0].servers[0].history.transitions, 2, "both starts count");

        let mut pools = started(&events);
        assert_eq!(told(&mut pools, Operational::Down, &events), down, "the control: it is news");
        std::fs::remove_dir_all(state).unwrap();
    }
}
