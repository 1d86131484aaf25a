//! A real server that fails in any way is out, and comes back by itself.

use api::{Pool, PoolMode, ServerState};
use lab::faults::FAULTS;
use lab::{Appliance, Fault, Lab, Settings, VIP, outage, ready_with, wait_until};

/// How long a change of a server's state may take on a busy machine. What is promised is
/// measured by `tandem-lab measure detection`.
const SECONDS: u64 = 30;

fn states(appliance: &Appliance, service: &str) -> Vec<ServerState> {
    outage::servers(appliance, service).unwrap().iter().map(|server| server.state).collect()
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
    let lab = ready_with(Settings::checked()).unwrap();
    let appliance = &lab.appliance;
    for service in ["web", "dns", "tls", "udp"] {
        await_states(appliance, service, [Up, Up, Up]);
    }
    for (what, service, fault) in FAULTS {
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
    let lab = ready_with(Settings { web: "", ..Settings::checked() }).unwrap();
    let _fault = Fault::hang_web(1).unwrap();
    assert_eq!(answered(12), [4, 0, 4], "the third of them is lost");
    assert_eq!(states(&lab.appliance, "web"), [Up, Up, Up]);
}

#[test]
fn when_most_servers_fail_the_rest_serves_and_when_all_do_clients_are_served_all_the_same() {
    let lab = ready_with(Settings::checked()).unwrap();
    let appliance = &lab.appliance;
    await_states(appliance, "web", [Up, Up, Up]);
    let dead = [0, 1].map(|server| Fault::kill_web(server).unwrap());
    await_states(appliance, "web", [Down, Down, Up]);
    assert_eq!(answered(12), [0, 0, 12]);
    drop(dead);
    await_states(appliance, "web", [Up, Up, Up]);

    let ill = [0, 1, 2].map(|server| Fault::answer_health(server, "return 500;").unwrap());
    let is_all_down = || appliance.pool("web").is_ok_and(|pool| pool.mode == PoolMode::AllDownKeep);
    wait_until("all are known to be down", SECONDS, is_all_down).unwrap();
    assert_eq!(answered(12).iter().sum::<usize>(), 12, "it is rather the check that fails");
    let shown = appliance.tandem(&["status"]).unwrap().stdout;
    assert!(shown.contains("all servers are down"), "{shown}");
    drop(ill);
    await_states(appliance, "web", [Up, Up, Up]);
}

#[test]
fn a_server_that_comes_and_goes_has_to_be_well_for_longer_each_time() {
    const CHECK: &str = r#"
check = { kind = "http", path = "/healthz", interval = "200ms", timeout = "200ms", fall = 2, rise = 2 }"#;
    let lab = ready_with(Settings { control: true, web: CHECK, ..Settings::default() }).unwrap();
    let appliance = &lab.appliance;
    await_states(appliance, "web", [Up, Up, Up]);
    for _ in 0..2 {
        let fault = Fault::answer_health(1, "return 500;").unwrap();
        await_states(appliance, "web", [Up, Down, Up]);
        drop(fault);
        let shows_flapping = || {
            let shown = appliance.tandem(&["services"]).unwrap().stdout;
            shown.contains("flapping, held")
        };
        let up_or_held = || states(appliance, "web") == [Up, Up, Up] || shows_flapping();
        wait_until("it is up, or held", SECONDS, up_or_held).unwrap();
    }
    let pool = appliance.pool("web").unwrap();
    assert_eq!(states(appliance, "web"), [Up, Down, Up], "held: {pool:?}");
    assert_eq!(pool.servers[1].transitions, 3, "{pool:?}");
    // In the end it is believed.
    await_states(appliance, "web", [Up, Up, Up]);
}

/// An agent that sends what a file has to whoever connects.
const AGENT: &str = "
import socket, sys
server = socket.create_server(('', 9707))
while True:
    client, _ = server.accept()
    client.sendall(open(sys.argv[1], 'rb').read())
    client.close()
";

#[test]
fn a_server_takes_itself_out_by_its_agent() {
    const SERVICE: &str = r#"
[[service]]
name = "app"
listen = "198.51.100.10:8080"
protocol = "tcp"
scheduler = "rr"
server = [{ address = "10.0.0.11:80" }, { address = "10.0.0.12:80", agent = { port = 9707, interval = "200ms" } }, { address = "10.0.0.13:80" }]
"#;
    let settings = Settings { control: true, sections: SERVICE, ..Settings::default() };
    let lab = ready_with(settings).unwrap();
    let appliance = &lab.appliance;
    let words = format!("{}/agent", lab::FOLDER);
    let says = |text: &str| std::fs::write(&words, text).unwrap();
    says("ready up\n");
    let agent = Lab::S2.spawn_python(AGENT, &[&words]).unwrap();
    await_states(appliance, "app", [Up, Up, Up]);
    says("drain # for its backup\n");
    await_states(appliance, "app", [Up, ServerState::Draining, Up]);
    says("ready down # on fire\n");
    await_states(appliance, "app", [Up, Down, Up]);
    let shown = appliance.tandem(&["services"]).unwrap().stdout;
    assert!(shown.contains("on fire"), "{shown}");
    let most = || {
        let server = outage::servers(appliance, "app").unwrap().remove(1);
        server.limit.map(|limit| limit.most)
    };
    assert_eq!(most(), None);
    says("maxconn:3\n");
    wait_until("its connections are limited", SECONDS, || most() == Some(3)).unwrap();
    // One that is silent changes nothing.
    agent.stop().unwrap();
    says("up ready\n");
    std::thread::sleep(core::time::Duration::from_secs(2));
    assert_eq!((states(appliance, "app"), most()), (vec![Up, Down, Up], Some(3)));
    let _agent = Lab::S2.spawn_python(AGENT, &[&words]).unwrap();
    await_states(appliance, "app", [Up, Up, Up]);
}

/// How many of six requests to port 8080 each server answers.
fn pool_answers() -> [usize; 3] {
    let line = format!("for i in $(seq 6); do curl -s -m 2 http://{VIP}:8080/; done");
    let answers = Lab::CLIENT.sh(&line).unwrap().stdout;
    Lab::servers().map(|(_, name)| answers.lines().filter(|line| line.starts_with(name)).count())
}

#[test]
fn without_a_quorum_the_sorry_server_serves() {
    const SERVICE: &str = r#"
[[service]]
name = "pool"
listen = "198.51.100.10:8080"
protocol = "tcp"
scheduler = "rr"
quorum = 2
server = [{ address = "10.0.0.11:80" }, { address = "10.0.0.12:80" }]
sorry = [{ address = "10.0.0.13:80" }]
check = { kind = "http", path = "/healthz", interval = "200ms", timeout = "200ms", fall = 2, rise = 2, hold_max = "0s" }
"#;
    let settings = Settings { control: true, sections: SERVICE, ..Settings::default() };
    let mut lab = ready_with(settings).unwrap();
    let appliance = &lab.appliance;
    let is_sorry = |wanted: bool| {
        wait_until("the pool is as it should be", SECONDS, || {
            let services = appliance.client().unwrap().services().unwrap().services;
            let known = services.iter().any(|one| one.name == "pool" && one.sorry_only == wanted);
            let decided = |pool: Pool| pool.sorry == wanted && pool.quorum != wanted;
            known && appliance.pool("pool").is_ok_and(decided)
        })
        .unwrap();
    };
    is_sorry(false);
    assert_eq!(pool_answers(), [3, 3, 0]);
    let fault = Fault::kill_web(0).unwrap();
    is_sorry(true);
    assert_eq!(pool_answers(), [0, 0, 6]);
    drop(fault);
    is_sorry(false);
    assert_eq!(pool_answers(), [3, 3, 0]);

    // The control: one server is quorum enough.
    let one = Box::leak(SERVICE.replace("quorum = 2", "").into_boxed_str());
    appliance.reload(&Settings { sections: one, ..settings }).unwrap();
    let _fault = Fault::kill_web(0).unwrap();
    let is_down = || appliance.pool("pool").is_ok_and(|pool| pool.servers[0].operational.is_down());
    wait_until("s1 is down", SECONDS, is_down).unwrap();
    // tandem-control takes a new configuration a moment after the dataplane.
    is_sorry(false);
    assert_eq!(pool_answers(), [0, 6, 0]);
    lab.spoil();
}

#[test]
fn reloads_change_no_state_of_a_checked_server_and_fail_no_request() {
    let lab = ready_with(Settings::checked()).unwrap();
    let appliance = &lab.appliance;
    await_states(appliance, "web", [Up, Up, Up]);
    let transitions = || -> Vec<u64> {
        let pool = appliance.pool("web").unwrap();
        pool.servers.iter().map(|server| server.transitions).collect()
    };
    let before = transitions();
    let url = format!("http://{VIP}/");
    let ab = ["ab", "-q", "-l", "-r", "-s", "60", "-n", "20000", "-c", "50", &url];
    let mut load = Lab::CLIENT.spawn(&ab).unwrap();
    let mut reloads = 0;
    while load.runs() || reloads < 50 {
        let weights = if reloads % 2 == 0 { [1, 2, 3] } else { [1, 1, 1] };
        appliance.reload(&Settings { weights, ..Settings::checked() }).unwrap();
        reloads += 1;
    }
    let output = load.finish().unwrap().stdout;
    appliance.reload(&Settings::checked()).unwrap();
    assert!(output.contains("Failed requests:        0"), "{output}");
    assert_eq!(transitions(), before);
    // A wrong file changes nothing either.
    let wrong = "check = { kind = \"htp\" }";
    appliance.configure(&Settings { web: wrong, ..Settings::checked() }).unwrap();
    let refused = appliance.tandem(&["reload"]).unwrap();
    assert!(!refused.ok() && refused.words().contains("htp"), "{}", refused.words());
    appliance.configure(&Settings::checked()).unwrap();
    assert_eq!(states(appliance, "web"), [Up, Up, Up]);
    // The control: what is checked goes on being checked.
    let _fault = Fault::kill_web(1).unwrap();
    await_states(appliance, "web", [Up, Down, Up]);
}
