//! Two machines from the very image: they form a pair, and one of them loses its power.

use lab::image::{Configuration, Firmware, Hardware, Machine, Network, Stick};
use lab::{GATEWAY, Lab, Loading, VIP, neighbour};

use crate::{ask, await_answer};

/// What a machine says of itself and its neighbours when a pair does not come up.
const LOOK: &str = "tandem status; ip neigh; ip -br addr; tandem neighbours; tandem counters; \
                    journalctl -b --no-pager -n 60 -u tandem-dataplane -u tandem-control";

/// A pair that is well: the active machine, and the one on standby. Which one is active is decided
/// by how slow the host is.
pub(crate) struct Pair {
    pub(crate) active: Machine,
    pub(crate) standby: Machine,
}

impl Pair {
    pub(crate) fn start() -> Self {
        let [a, b] = [("a", Firmware::Bios), ("b", Firmware::Uefi)].map(|(name, firmware)| {
            let hardware = Hardware { firmware, ..Hardware::new(name) };
            let stick = Stick::new(Configuration { pair: true }, &hardware).unwrap();
            let mut machine = Machine::new(hardware, Some(&stick)).unwrap();
            machine.power_on().unwrap();
            machine
        });
        a.await_login().unwrap();
        b.await_login().unwrap();
        // Emulated machines that have just started take each other's time: it has to last.
        let (mut looks, mut is_active) = (0, false);
        let lasts = || {
            let says = |machine: &Machine, words: &str| {
                let said = machine.run("tandem status --brief");
                said.is_ok_and(|said| {
                    said.stdout.starts_with("WELL") && said.stdout.contains(words)
                })
            };
            is_active = says(&a, "a is active") && says(&b, "a is active");
            let is_standby = !is_active && says(&a, "b is active") && says(&b, "b is active");
            looks = if is_active || is_standby { looks + 1 } else { 0 };
            looks == 5
        };
        a.wait("the pair is well and stays so", lasts).unwrap_or_else(|error| {
            let said = [&a, &b].map(|machine| machine.run(LOOK).map(|said| said.words()));
            panic!("{error}\n{said:#?}")
        });
        let (active, standby) = if is_active { (a, b) } else { (b, a) };
        await_answer(&active);
        Pair { active, standby }
    }
}

#[test]
fn a_pair_outlives_the_power_of_the_active_machine() {
    let _network = Network::up().unwrap();
    let Pair { mut active, standby } = Pair::start();
    let log = standby.must("journalctl -u tandem-dataplane -b --no-pager").unwrap();
    assert!(log.contains("net_e1000_em"), "{log}");

    // A server that dies is out, and comes back.
    Lab::S2.must(&["ip", "link", "set", "eth0", "down"]).unwrap();
    let is_down = |machine: &Machine| {
        machine.must("tandem services").is_ok_and(|services| services.contains("down"))
    };
    active.wait("the dead server is out", || is_down(&active)).unwrap();
    for _ in 0..6 {
        let answer = Lab::CLIENT.sh(&ask()).unwrap().stdout;
        assert!(answer.starts_with("s1") || answer.starts_with("s3"), "{answer:?}");
    }
    standby.wait("the dead server is out there, too", || is_down(&standby)).unwrap();
    Lab::S2.must(&["ip", "link", "set", "eth0", "up"]).unwrap();
    Lab::S2.must(&["ip", "route", "replace", "default", "via", GATEWAY]).unwrap();
    active.wait("it is back", || !is_down(&active)).unwrap();

    let metrics = format!("curl -s -m 20 http://{}:9405/metrics", standby.public());
    let metrics = Lab::CLIENT.sh(&metrics).unwrap().stdout;
    assert!(metrics.contains("tandem_active 0") && metrics.contains("tandem_ready 1"), "{metrics}");

    let loading = Loading::start_again_and_again(4, 4).unwrap();
    active.power_off();
    let is_active = format!("{} is active", standby.name());
    let taken_over = || {
        let status = standby.run("tandem status --brief");
        status.is_ok_and(|status| status.stdout.contains(&is_active))
    };
    standby.wait("it is active", taken_over).unwrap();
    await_answer(&standby);
    let loaded = loading.finish().unwrap();
    assert_eq!((loaded.lost, loaded.wrong), (0, 0), "{loaded:?}");
    assert!(loaded.whole >= 4, "{loaded:?}");
    // Both floating addresses are the other machine's NICs.
    for (host, address, mac) in
        [(Lab::CLIENT, VIP, standby.mac(1)), (Lab::S1, GATEWAY, standby.mac(2))]
    {
        host.run(&["ping", "-c", "1", "-W", "5", address]).unwrap();
        assert_eq!(neighbour(host, address).unwrap(), mac);
    }
    // The servers' own connections go out.
    let out = Lab::S1.sh("curl -s -m 20 http://203.0.113.10/").unwrap().stdout;
    assert_eq!(out, format!("internet {VIP}\n"));
}
