//! What a browser gets of two real processes.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use control::status_page::http::ASSETS;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair};
use serde_json::Value;

use crate::machine::{Both, Machine, wait};

/// The status line with the headers, and the text.
fn get(machine: &Machine, request: &str) -> (String, String) {
    wait("the page is served", || TcpStream::connect(machine.page).is_ok());
    let mut stream = TcpStream::connect(machine.page).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, text) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    (head.to_ascii_lowercase(), text.to_owned())
}

fn path(machine: &Machine, path: &str) -> (String, String) {
    get(machine, &format!("GET {path} HTTP/1.1\r\nHost: localhost:9406\r\n\r\n"))
}

/// The messages of the stream, each with its name.
struct Changes(BufReader<TcpStream>);

impl Changes {
    fn of(machine: &Machine) -> Self {
        wait("the page is served", || TcpStream::connect(machine.page).is_ok());
        let mut stream = TcpStream::connect(machine.page).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(b"GET /changes HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        Changes(BufReader::new(stream))
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.0.read_line(&mut line).unwrap() > 0, "the stream has ended");
        line.trim_end().to_owned()
    }

    fn next(&mut self) -> (String, Value) {
        loop {
            // Between messages are the lengths of chunks.
            let line = self.line();
            let Some(name) = line.strip_prefix("event: ") else { continue };
            let name = name.to_owned();
            let data = self.line();
            let data = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
            return (name, data);
        }
    }

    /// The first message in which this is so.
    fn await_that(&mut self, what: &str, mut is_so: impl FnMut(&Value) -> bool) -> Value {
        for _ in 0..60 {
            let (_, message) = self.next();
            if is_so(&message) {
                return message;
            }
        }
        panic!("{what} was not told");
    }
}

fn states(message: &Value) -> Vec<String> {
    let machines = message["pair"]["machines"].as_array().cloned().unwrap_or_default();
    let state = |one: &Value| format!("{} {}", one["name"], one["state"]).replace('"', "");
    machines.iter().map(state).collect()
}

#[test]
fn the_page_is_small_whole_and_from_nowhere_else() {
    let both = Both::up();
    let mut whole = 0;
    for (name, kind, text) in ASSETS {
        let (head, served) = path(&both.a, name);
        assert!(head.starts_with("http/1.1 200"), "{name}: {head}");
        assert!(head.contains(&format!("content-type: {kind}")), "{name}: {head}");
        assert!(head.contains("content-security-policy: default-src 'self'; "), "{name}: {head}");
        assert!(head.contains("x-content-type-options: nosniff"), "{name}: {head}");
        assert_eq!(served, text, "{name}");
        whole += text.len();
        // The name space of SVG is no address that is loaded.
        let foreign = served.replace("http://www.w3.org/2000/svg", "");
        let loads = ["//www.", "http:", "https:"].iter().any(|one| foreign.contains(one));
        assert!(!loads, "{name} loads");
    }
    assert!(whole < 200 * 1024, "{whole} bytes");
    let (_, html) = path(&both.a, "/");
    for inline in [" style=", " onclick=", "<style", "javascript:"] {
        assert!(!html.contains(inline), "{inline} is against the policy");
    }
}

#[test]
fn both_pages_show_the_same_pair_and_a_takeover() {
    let both = Both::up();
    let mut pages = [Changes::of(&both.a), Changes::of(&both.b)];
    for (page, own) in pages.iter_mut().zip(["a", "b"]) {
        let (name, whole) = page.next();
        assert_eq!((name.as_str(), whole["own"]["node"].as_str()), ("whole", Some(own)));
        assert_eq!(states(&whole), ["a active", "b ready"], "{own}");
        assert!(whole["history"]["seconds"]["at"].is_array());
        assert_eq!(whole["services"].as_array().unwrap().len(), 2, "{own}");
    }
    assert!(both.a.tandem(&["failover"]).status.success());
    for (page, kind) in pages.iter_mut().zip(["role.standby", "role.active"]) {
        // Both may come at once, or one after the other.
        let (mut is_moved, mut is_event) = (false, false);
        page.await_that("the takeover and its event", |message| {
            is_moved |= states(message) == ["a ready", "b active"];
            let events = message["events"].as_array();
            is_event |= events.is_some_and(|all| all.iter().any(|event| event["kind"] == kind));
            is_moved && is_event
        });
    }
}

#[test]
fn drops_come_with_what_to_do() {
    let both = Both::up();
    let (_, whole) = Changes::of(&both.a).next();
    let drops = whole["drops"].as_array().unwrap();
    let drop = drops.iter().find(|drop| drop["reason"] == "no_connection").unwrap();
    assert_eq!(drop["packets"], 1234);
    assert_eq!(drop["remedy"], "Look.", "as the dataplane says");
}

#[test]
fn without_a_dataplane_the_page_says_so() {
    let both = Both::up();
    let mut page = Changes::of(&both.b);
    page.next();
    both.b.dataplane.kill();
    let message = page
        .await_that("the end of the dataplane", |message| message["verdict"]["state"] == "broken");
    let trouble = message["verdict"]["troubles"][0]["what"].as_str().unwrap();
    assert!(trouble.contains("dataplane"), "{trouble}");
}

#[test]
fn what_is_no_page_of_ours_is_refused() {
    let both = Both::up();
    for host in ["attacker.example", "attacker.example:9406", "127.0.0.1.attacker.example"] {
        let (head, text) = get(&both.a, &format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert!(head.starts_with("http/1.1 421"), "{host}: {head}");
        assert!(text.contains("status.names"), "{text}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"] {
        let (head, _) = get(&both.a, &format!("{method} / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        assert!(head.starts_with("http/1.1 405"), "{method}: {head}");
    }
    for unknown in ["/metrics", "/../etc/passwd", "/page.html", "/%2e%2e/", "//"] {
        let (head, _) = path(&both.a, unknown);
        assert!(head.starts_with("http/1.1 404"), "{unknown}: {head}");
    }
    let foreign = "GET /changes HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site\r\n\r\n";
    assert!(get(&both.a, foreign).0.starts_with("http/1.1 403"));
    let (head, text) = path(&both.a, "/plain");
    assert!(head.starts_with("http/1.1 200") && text.contains("<td>a<td>active"), "{text}");
}

/// A crowd takes the page's places from others, and nothing from the pair.
#[test]
fn thousands_who_come_do_not_move_the_role() {
    let both = Both::up();
    let takeovers = both.a.pair().takeovers;
    let mut crowd = Vec::new();
    for _ in 0..2000 {
        let Ok(stream) = TcpStream::connect_timeout(&both.a.page, Duration::from_millis(20)) else {
            continue;
        };
        crowd.push(stream);
    }
    assert!(crowd.len() > 64, "{} have come", crowd.len());
    let pair = both.a.pair();
    assert_eq!((pair.own.role, pair.takeovers), (api::Role::Active, takeovers));
    assert!(pair.paths.iter().all(|path| path.up));
    drop(crowd);
    let mut page = Changes::of(&both.a);
    assert_eq!(page.next().0, "whole", "and then there is room again");
}

fn write(folder: &Path, name: &str, text: &str) {
    let file = folder.join(name);
    fs::write(&file, text).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
}

/// Files of an authority, the machine's certificate, and an operator's.
fn certificates(folder: &Path) {
    let authority = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    // Of another name than the certificates that it signs, which OpenSSL would take for self-signed.
    params.distinguished_name.push(DnType::CommonName, "an authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = params.self_signed(&authority).unwrap();
    write(folder, "root.pem", &root.pem());
    for (name, subject) in [("page", "127.0.2.2"), ("operator", "operator.example")] {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![subject.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &root, &authority).unwrap();
        write(folder, &format!("{name}.pem"), &certificate.pem());
        write(folder, &format!("{name}.key"), &key.serialize_pem());
    }
}

/// What curl says: the status, or 000 where TLS has failed.
fn curl(machine: &Machine, arguments: &[&str]) -> String {
    let root = machine.folder.join("root.pem");
    let output = Command::new("curl")
        .args(["-s", "-m", "20", "-o", "/dev/null", "-w", "%{http_code}", "--noproxy", "*"])
        .arg("--cacert")
        .arg(root)
        .args(arguments)
        .arg(format!("https://{}/", machine.page))
        .output()
        .expect("curl is missing: tests/setup.sh installs it");
    String::from_utf8(output.stdout).unwrap()
}

/// a's page over TLS, with these lines besides.
fn over_tls(more: &str) -> Both {
    let mut both = Both::new();
    let folder = both.a.folder.clone();
    certificates(&folder);
    write(&folder, "token", "an-example-token-of-thirty-two-chars\n");
    let file = folder.join("tandem.toml");
    let shown = folder.display();
    let tls = format!(
        "[status]\ncertificate = \"{shown}/page.pem\"\nprivate_key = \"{shown}/page.key\"\n{}\n",
        more.replace("FOLDER", &shown.to_string())
    );
    let text = fs::read_to_string(&file).unwrap().replace("[status]\n", &tls);
    fs::write(file, text).unwrap();
    both.a.start();
    wait("the page is served", || TcpStream::connect(both.a.page).is_ok());
    both
}

#[test]
fn over_tls_the_token_lets_in_and_nothing_else_does() {
    let both = over_tls("token_file = \"FOLDER/token\"");
    assert_eq!(curl(&both.a, &[]), "401");
    assert_eq!(curl(&both.a, &["-u", "me:an-example-token-of-thirty-two-char"]), "401");
    assert_eq!(curl(&both.a, &["-u", "me:an-example-token-of-thirty-two-chars"]), "200");
    let bearer = "Authorization: Bearer an-example-token-of-thirty-two-chars";
    assert_eq!(curl(&both.a, &["-H", bearer]), "200");
    assert_eq!(curl(&both.a, &["-H", "Host: attacker.example", "-H", bearer]), "421");
    // Another token counts from the next request on, one that all can read for nobody.
    write(&both.a.folder, "token", "another-example-of-thirty-two-characters\n");
    assert_eq!(curl(&both.a, &["-H", bearer]), "401");
    assert_eq!(curl(&both.a, &["-u", "me:another-example-of-thirty-two-characters"]), "200");
    let token = both.a.folder.join("token");
    fs::set_permissions(token, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(curl(&both.a, &["-u", "me:another-example-of-thirty-two-characters"]), "503");
    assert!(both.a.log().contains("chmod o-rwx"), "{}", both.a.log());
}

#[test]
fn a_client_certificate_lets_in_and_renewed_files_are_taken() {
    let both = over_tls("client_ca = \"FOLDER/root.pem\"");
    let folder = both.a.folder.clone();
    let file = |name: &str| folder.join(name).display().to_string();
    let (certificate, key) = (file("operator.pem"), file("operator.key"));
    let shown = ["--cert", &certificate, "--key", &key];
    assert_eq!(curl(&both.a, &[]), "000", "TLS does not let in");
    assert_eq!(curl(&both.a, &shown), "200");
    // All are of a new authority now; what curl trusts is read anew as well.
    certificates(&folder);
    assert_eq!(curl(&both.a, &shown), "200");
}
