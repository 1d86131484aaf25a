//! A real server that fails in any way is out, and comes back by itself.

use api::{ServerState, ServerStatus};
use lab::{Appliance, Certificate, Error, Fault, Lab, Settings, VIP, ready_with, wait_until};

/// How long a change of a server's state may take on a busy machine. What is promised is
/// measured by `tandem-lab measure detection`.
const SECONDS: u64 = 30;

/// The checks of the web service, the DNS service and one over TLS.
fn checked() -> Settings {
    Settings {
        control: true,
        web: r#"
check = { kind = "http", path = "/healthz", body = "well", interval = "500ms", timeout = "400ms", fall = 2, rise = 2, hold_max = "0s" }"#,
        dns: r#"
check = { kind = "dns", name = "whoami.lab", type = "TXT", interval = "500ms", timeout = "400ms", fall = 2, rise = 2, hold_max = "0s" }"#,
        sections: r#"
[[service]]
name = "tls"
listen = "198.51.100.10:443"
protocol = "tcp"
scheduler = "rr"
server = [{ address = "10.0.0.11:443" }, { address = "10.0.0.12:443" }, { address = "10.0.0.13:443" }]
check = { kind = "https", path = "/healthz", name = "www.lab.example", ca = "/run/tandem-lab/authority.pem", interval = "500ms", timeout = "400ms", fall = 2, rise = 2, hold_max = "0s" }
"#,
        ..Settings::default()
    }
}

fn servers(appliance: &Appliance, service: &str) -> Vec<ServerStatus> {
    let services = appliance.client().unwrap().services().unwrap().services;
    services.into_iter().find(|one| one.name == service).unwrap().servers
}

fn states(appliance: &Appliance, service: &str) -> Vec<ServerState> {
    servers(appliance, service).iter().map(|server| server.state).collect()
}

fn await_states(appliance: &Appliance, service: &str, expected: [ServerState; 3]) {
    let what = format!("the servers of {service} are {expected:?}");
    wait_until(&what, SECONDS, || states(appliance, service) == expected)
        .unwrap_or_else(|error| panic!("{error}; they are {:?}", states(appliance, service)));
}

use ServerState::{Down, Up};

/// How many of these requests each server answered; those that fail are left out.
fn answered(requests: usize) -> [usize; 3] {
    let line = format!("seq {requests} | xargs -P 5 -I_ curl -s -m 2 http://{VIP}/");
    let answers = Lab::CLIENT.sh(&line).unwrap().stdout;
    Lab::servers().map(|(_, name)| answers.lines().filter(|line| line.starts_with(name)).count())
}

#[test]
fn a_server_that_fails_in_any_way_is_out_and_comes_back_by_itself() {
    let lab = ready_with(checked()).unwrap();
    let appliance = &lab.appliance;
    for service in ["web", "dns", "tls"] {
        await_states(appliance, service, [Up, Up, Up]);
    }
    type Break = fn() -> Result<Fault, Error>;
    let faults: [(&str, &str, Break); 8] = [
        ("killed", "web", || Fault::kill_web(1)),
        ("hung", "web", || Fault::hang_web(1)),
        ("answers 500", "web", || Fault::answer_health(1, "return 500;")),
        ("wrong body", "web", || Fault::answer_health(1, "return 200 \"ill\";")),
        ("expired certificate", "tls", || Fault::certificate(1, Certificate::Expired)),
        ("foreign name", "tls", || Fault::certificate(1, Certificate::ForeignName)),
        ("DNS killed", "dns", || Fault::kill_dns(1)),
        ("hung, seen over TLS", "tls", || Fault::hang_web(1)),
    ];
    for (what, service, fault) in faults {
        let fault = fault().unwrap();
        println!("{what}");
        await_states(appliance, service, [Up, Down, Up]);
        if service == "web" {
            let answered = answered(12);
            assert_eq!(answered, [6, 0, 6], "{what}: all are answered, and none by s2");
        }
        drop(fault);
        await_states(appliance, service, [Up, Up, Up]);
    }
    assert_eq!(answered(12), [4, 4, 4]);
}

#[test]
fn without_a_check_a_server_that_hangs_gets_its_share_of_requests_for_ever() {
    let lab = ready_with(Settings { web: "", ..checked() }).unwrap();
    let _fault = Fault::hang_web(1).unwrap();
    assert_eq!(answered(12), [4, 0, 4], "the third of them is lost");
    assert_eq!(states(&lab.appliance, "web"), [Up, Up, Up]);
}
