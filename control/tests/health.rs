//! Health checks from a configuration to reports, over real sockets on this machine.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test fails by panicking.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use config::Config;
use control::health::{Code, Health, Operational, Report};

const BASE: &str = include_str!("../../docs/examples/tandem.toml");

/// A web server that answers with whichever status it is told; 0: nothing at all.
struct Web {
    address: SocketAddrV4,
    status: Arc<AtomicU16>,
    requests: Arc<AtomicUsize>,
}

impl Web {
    fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let SocketAddr::V4(address) = listener.local_addr().unwrap() else { panic!("not IPv4") };
        let (status, requests) = (Arc::new(AtomicU16::new(200)), Arc::new(AtomicUsize::new(0)));
        let web = Web { address, status: Arc::clone(&status), requests: Arc::clone(&requests) };
        std::thread::spawn(move || {
            let mut hung = Vec::new();
            for mut stream in listener.incoming().map_while(Result::ok) {
                let mut request = [0; 1024];
                let _ = stream.read(&mut request);
                requests.fetch_add(1, Ordering::Relaxed);
                match status.load(Ordering::Relaxed) {
                    0 => hung.push(stream),
                    status => {
                        let answer = format!("HTTP/1.1 {status} \r\nContent-Length: 0\r\n\r\n");
                        let _ = stream.write_all(answer.as_bytes());
                    }
                }
            }
        });
        web
    }

    fn is(&self, status: u16) {
        self.status.store(status, Ordering::Relaxed);
    }
}

/// One service of these servers, with this check.
fn config(servers: &[SocketAddrV4], check: &str) -> Config {
    let (base, _) = BASE.split_once("[[service]]").unwrap();
    let text = format!(
        "{base}[[service]]\nname = \"web\"\nlisten = \"198.51.100.10:80\"\nprotocol = \"tcp\"\n\
         server = [{{ address = \"10.0.0.11:80\" }}]\ncheck = {check}\n"
    );
    let mut config = Config::from_str("test", &text).unwrap();
    let service = &mut config.services[0];
    let like = service.servers[0].clone();
    // A configuration takes no loopback address.
    service.servers = servers
        .iter()
        .map(|address| config::Server { address: *address, ..like.clone() })
        .collect();
    config
}

fn start(config: &Config) -> Health {
    Health::start_from(config, Ipv4Addr::UNSPECIFIED).unwrap()
}

/// Waits for a report of the first server, with a deadline.
fn wait(health: &Health, what: &str, is_so: impl Fn(&Report) -> bool) -> Report {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let report = health.reports().remove(0);
        if is_so(&report) {
            return report;
        }
        assert!(Instant::now() < end, "not {what}: {report:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

const CHECK: &str = "{ kind = \"http\", interval = \"200ms\", fall = 2 }";

#[test]
fn a_server_goes_down_and_comes_back() {
    let web = Web::start();
    let health = start(&config(&[web.address], CHECK));
    let watch = health.watch();
    wait(&health, "checked", |report| report.checks[0].last.is_some());
    web.is(500);
    let report = wait(&health, "down", |report| !report.operational.is_up());
    assert!(watch.has_changed().unwrap());
    let last = report.deciding().unwrap().last.clone().unwrap();
    assert_eq!((last.code, last.text.as_str()), (Code::L7Status, "500 Internal Server Error"));
    assert!(report.checks[0].failures >= 2);
    web.is(200);
    let report = wait(&health, "up", |report| report.operational == Operational::Up);
    assert_eq!(report.transitions, 2);
    web.is(0);
    let report = wait(&health, "down again", |report| !report.operational.is_up());
    assert_eq!(report.checks[0].last.as_ref().map(|last| last.code), Some(Code::L7Timeout));
}

#[test]
fn a_reload_keeps_what_is_the_same() {
    let (web, more) = (Web::start(), Web::start());
    let health = start(&config(&[web.address], CHECK));
    web.is(500);
    wait(&health, "down", |report| !report.operational.is_up());
    for _ in 0..100 {
        health.follow(&config(&[web.address, more.address], CHECK));
    }
    let reports = health.reports();
    assert_eq!(reports.len(), 2);
    assert!(!reports[0].operational.is_up() && reports[1].operational.is_up());
    assert_eq!(reports[0].transitions, 1);
    health.follow(&config(&[web.address], "[]"));
    assert_eq!(health.reports()[0].operational, Operational::Unchecked);
    assert_eq!(health.totals().checks, 0);
}

#[test]
fn a_suspect_is_probed_at_once() {
    let web = Web::start();
    let health = start(&config(&[web.address], "{ kind = \"http\", interval = \"1h\" }"));
    web.is(500);
    let answer = health.suspect("web", web.address).blocking_recv().unwrap();
    assert_eq!(answer, Operational::GoingDown { failed: 1, of: 3 });
    let nobody = health.suspect("web", "192.0.2.1:1".parse().unwrap());
    assert!(nobody.blocking_recv().is_err());
}

#[test]
fn checks_end_with_their_handle() {
    let web = Web::start();
    let check = "{ kind = \"http\", interval = \"100ms\" }";
    let health = start(&config(&[web.address], check));
    let clone = health.clone();
    drop(health);
    wait(&clone, "checked", |report| report.checks[0].last.is_some());
    drop(clone);
    // One may be on its way still; then there is a second of silence.
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let before = web.requests.load(Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(1000));
        if web.requests.load(Ordering::Relaxed) == before {
            break;
        }
        assert!(Instant::now() < end, "the checks go on");
    }
}
