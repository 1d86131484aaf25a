//! A router that was keepalived's: its file is imported, run, and does what it did.

use std::collections::BTreeMap;

use api::{PoolMode, ServerState};
use lab::{Appliance, Fault, Lab, Settings, VIP, outage, ready_with, wait_until};

const SECONDS: u64 = 30;

/// Two sides in a group, web servers of three weights with a check, a sorry server's place for the
/// case that all fail, persistence on another port, and DNS.
const KEEPALIVED: &str = r#"
! The lab's router, as it would be with keepalived.
global_defs {
    router_id a
    lvs_timeouts tcp 600 tcpfin 60 udp 120
}

vrrp_sync_group nat {
    group {
        outside
        inside
    }
}

vrrp_instance outside {
    interface pub0
    virtual_router_id 51
    priority 100
    virtual_ipaddress {
        198.51.100.10/24
    }
}

vrrp_instance inside {
    interface priv0
    virtual_router_id 52
    priority 100
    virtual_ipaddress {
        10.0.0.1/24
    }
}

$CHECK=\
    HTTP_GET { \
        url { \
            path /healthz \
            status_code 200 \
        } \
        connect_timeout 0.4 \
        retry 1 \
        delay_before_retry 0.2 \
    }

virtual_server 198.51.100.10 80 {
    delay_loop 0.5
    lb_algo wrr
    lb_kind NAT
    protocol TCP
    real_server 10.0.0.11 80 {
        weight 3
        $CHECK
    }
    real_server 10.0.0.12 80 {
        weight 2
        $CHECK
    }
    real_server 10.0.0.13 80 {
        weight 1
        $CHECK
    }
}

virtual_server 198.51.100.10 8080 {
    lb_algo rr
    lb_kind NAT
    persistence_timeout 60
    protocol TCP
    ~SEQ(HOST, 11, 13) real_server 10.0.0.$HOST 80 { weight 1 }
}

virtual_server 198.51.100.10 53 {
    lb_algo rr
    lb_kind NAT
    protocol UDP
    ~SEQ(HOST, 11, 13) real_server 10.0.0.$HOST 53 { weight 1 }
}
"#;

/// What keepalived knows nothing of: how this lab's machine is run. It stands alone.
fn of_the_lab(imported: &str, appliance: &Appliance) -> String {
    let there =
        std::fs::read_to_string(format!("{}/tandem.toml", appliance.machine.folder())).unwrap();
    let (_, node) = there.split_once("[node]").unwrap();
    let (node, _) = node.split_once("[public]").unwrap();
    let (_, rest) = imported.split_once("[public]").unwrap();
    let (sides, rest) = rest.split_once("[peer]").unwrap();
    let (_, services) = rest.split_once("[timeouts.service]").unwrap();
    format!("[node]{node}[public]{sides}[timeouts.service]{services}")
}

fn import(appliance: &Appliance) -> String {
    let folder = appliance.machine.folder();
    let (old, new) = (format!("{folder}/keepalived.conf"), format!("{folder}/imported.toml"));
    std::fs::write(&old, KEEPALIVED).unwrap();
    let output = appliance
        .tandem(&[
            "import",
            &old,
            "--output",
            &new,
            "--public-port",
            "net_af_packet0,iface=pub0,framecnt=8192",
            "--public-address",
            "198.51.100.2/24",
            "--public-gateway",
            "198.51.100.1",
            "--private-port",
            "net_af_packet1,iface=priv0,framecnt=8192",
            "--private-address",
            "10.0.0.2/24",
            "--workers",
            "1",
        ])
        .unwrap();
    assert!(output.ok(), "{}", output.words());
    let checked = appliance.tandem(&["check", &new]).unwrap();
    assert!(checked.ok(), "{}", checked.words());
    std::fs::read_to_string(new).unwrap()
}

/// How many of these requests each server answered.
fn answered(requests: usize, port: u16) -> [usize; 3] {
    let line = format!("for i in $(seq {requests}); do curl -s -m 10 http://{VIP}:{port}/; done");
    let answers = Lab::CLIENT.sh(&line).unwrap().stdout;
    Lab::servers().map(|(_, name)| answers.lines().filter(|line| line.starts_with(name)).count())
}

fn resolved() -> BTreeMap<String, usize> {
    let line = format!("for i in $(seq 6); do dig +short @{VIP} whoami.lab TXT; done");
    let answers = Lab::CLIENT.sh(&line).unwrap().stdout;
    let mut counts = BTreeMap::new();
    for answer in answers.lines() {
        *counts.entry(answer.to_owned()).or_insert(0) += 1;
    }
    counts
}

#[test]
fn a_file_of_keepalived_is_imported_and_does_what_it_says() {
    let mut lab = ready_with(Settings { control: true, ..Settings::default() }).unwrap();
    let appliance = &lab.appliance;
    // The control: before, weights are equal, and nothing listens on the other port.
    assert_eq!((answered(12, 80), answered(1, 8080)), ([4, 4, 4], [0, 0, 0]));

    let file = of_the_lab(&import(appliance), appliance);
    std::fs::write(format!("{}/tandem.toml", appliance.machine.folder()), file).unwrap();
    let reloaded = appliance.tandem(&["reload"]).unwrap();
    assert!(reloaded.ok(), "{}", reloaded.words());
    lab.spoil();
    let appliance = &lab.appliance;

    let web = "198.51.100.10-80-tcp";
    let states = || -> Vec<ServerState> {
        let servers = outage::servers(appliance, web).unwrap_or_default();
        servers.iter().map(|server| server.state).collect()
    };
    let await_states = |expected: [ServerState; 3]| {
        wait_until(&format!("the servers are {expected:?}"), SECONDS, || {
            let is_checked = appliance.pool(web).is_ok_and(|pool| pool.mode == PoolMode::Normal);
            is_checked && states() == expected
        })
        .unwrap();
    };
    use ServerState::{Down, Up};
    await_states([Up, Up, Up]);
    assert_eq!(answered(24, 80), [12, 8, 4], "wrr by the weights 3, 2, 1");
    let kept = answered(6, 8080);
    assert!(kept.contains(&6), "a client keeps its server: {kept:?}");
    assert_eq!(resolved().into_values().collect::<Vec<_>>(), [2, 2, 2], "rr over UDP");

    let fault = Fault::kill_web(0).unwrap();
    await_states([Down, Up, Up]);
    assert_eq!(answered(12, 80), [0, 8, 4]);
    drop(fault);
    await_states([Up, Up, Up]);
    assert_eq!(answered(24, 80), [12, 8, 4]);
}
