//! Probes of real sockets and processes on this machine. Servers that misbehave are a few lines
//! here, since no real one does it on purpose.

use core::time::Duration;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;
use std::sync::Arc;

use config::{
    Agent, Check, CheckKind, Dns, DnsType, Exchange, Exec, Http, HttpMethod, HttpVersion, Pattern,
    Rcode, StatusRange, Tls, Transport,
};
use hickory_proto::op::{Message, MessageType, ResponseCode};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::health::outcome::Verdict;
use crate::health::report::{Administrative, Code, DynamicWeight};

const LOCAL: Ipv4Addr = Ipv4Addr::LOCALHOST;
/// For what is to be answered: nothing here takes so long.
const PATIENT: Duration = Duration::from_secs(60);
/// For what is not.
const SHORT: Duration = Duration::from_millis(300);

fn check(kind: CheckKind, timeout: Duration) -> Ask {
    Ask::Check(Check { timeout, ..Check::new(kind) })
}

async fn ask_from(local: Ipv4Addr, address: SocketAddrV4, ask: Ask) -> Outcome {
    let target = Target { address, ask };
    let prepared = Prepared::new(&target, &mut SystemRoots::default());
    run(local, &target, &prepared).await
}

async fn ask(address: SocketAddrV4, ask: Ask) -> Outcome {
    ask_from(LOCAL, address, ask).await
}

/// What it comes to, for comparison.
fn ended(outcome: &Outcome) -> (Verdict, Code) {
    (outcome.verdict, outcome.code)
}

/// A server that does this with every connection.
async fn serve<F, R>(with: F) -> SocketAddrV4
where
    F: Fn(TcpStream) -> R + Send + Sync + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind((LOCAL, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(with(stream));
        }
    });
    SocketAddrV4::new(LOCAL, port)
}

/// Reads a request up to its empty line.
async fn request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => request.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(request).unwrap()
}

/// A server that answers every request with this.
async fn answers(answer: &'static str) -> SocketAddrV4 {
    serve(move |mut stream| async move {
        request(&mut stream).await;
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
    })
    .await
}

/// A server that begins with this, and goes on with that for ever.
async fn endless(begin: &'static str, then: &'static str) -> SocketAddrV4 {
    serve(move |mut stream| async move {
        if begin.starts_with("HTTP") {
            request(&mut stream).await;
        }
        let _ = stream.write_all(begin.as_bytes()).await;
        let then = then.repeat(1000);
        while stream.write_all(then.as_bytes()).await.is_ok() {}
    })
    .await
}

/// A server that accepts and never says anything.
async fn hangs() -> SocketAddrV4 {
    serve(|mut stream| async move {
        let mut heard = [0; 1024];
        while !matches!(stream.read(&mut heard).await, Ok(0) | Err(_)) {}
    })
    .await
}

/// A port that nobody listens on.
async fn closed() -> SocketAddrV4 {
    let listener = TcpListener::bind((LOCAL, 0)).await.unwrap();
    SocketAddrV4::new(LOCAL, listener.local_addr().unwrap().port())
}

fn tcp(send: &str, expect: Option<&str>) -> CheckKind {
    let expect = expect.map(|expect| Pattern::parse(expect, true).unwrap());
    CheckKind::Tcp(Exchange { send: send.as_bytes().to_vec(), expect })
}

#[tokio::test]
async fn tcp_connects_or_is_refused() {
    let plain = || check(tcp("", None), PATIENT);
    assert_eq!(ended(&ask(hangs().await, plain()).await), (Verdict::Passed, Code::L4Ok));
    let refused = ask(closed().await, plain()).await;
    assert_eq!(ended(&refused), (Verdict::Failed, Code::L4Connection));
    assert_eq!(refused.text, "connection refused");
}

#[tokio::test]
async fn tcp_sends_and_expects() {
    let echo = serve(|mut stream| async move {
        let (mut from, mut to) = stream.split();
        let _ = tokio::io::copy(&mut from, &mut to).await;
    })
    .await;
    let talk = |to, expect, time| ask(to, check(tcp("PING\r\n", Some(expect)), time));
    let passed = talk(echo, r"ING\x0?\n", PATIENT).await;
    assert_eq!(ended(&passed), (Verdict::Passed, Code::L7Ok));
    let hung = talk(hangs().await, "x", SHORT).await;
    assert_eq!(ended(&hung), (Verdict::Silent, Code::L7Timeout));
    let closes = serve(|mut stream| async move {
        let _ = stream.read_u8().await;
        let _ = stream.write_all(b"another").await;
        let _ = stream.shutdown().await;
    })
    .await;
    // It closes with our bytes unread, which is a reset to some.
    let failed = talk(closes, "PONG", PATIENT).await;
    assert_eq!(failed.verdict, Verdict::Failed);
    let without_end = talk(endless("", "noise").await, "PONG", PATIENT).await;
    assert_eq!(ended(&without_end), (Verdict::Failed, Code::L7Response));
}

#[tokio::test]
async fn probes_leave_from_the_local_address_and_keep_no_port() {
    let (seen, mut peers) = tokio::sync::mpsc::unbounded_channel();
    let listener = TcpListener::bind((LOCAL, 0)).await.unwrap();
    let to = SocketAddrV4::new(LOCAL, listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        while let Ok((_, from)) = listener.accept().await {
            let _ = seen.send(from);
        }
    });
    let local = Ipv4Addr::new(127, 0, 0, 7);
    for _ in 0..50 {
        ask_from(local, to, check(tcp("", None), PATIENT)).await;
    }
    assert_eq!(peers.recv().await.unwrap().ip(), local);
    // State 06 is TIME-WAIT; addresses are written as the machine has them in memory.
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let from = format!("{:08X}:", u32::from_ne_bytes(local.octets()));
    let waiting = table.lines().filter(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        fields[1].starts_with(&from) && fields[3] == "06"
    });
    assert_eq!(waiting.count(), 0);
    let nobody = Ipv4Addr::new(192, 0, 2, 1);
    let outcome = ask_from(nobody, to, check(tcp("", None), PATIENT)).await;
    assert_eq!(ended(&outcome), (Verdict::Local, Code::Local), "no address of this machine");
}

fn http(change: impl FnOnce(&mut Http)) -> CheckKind {
    let mut http = Http::default();
    change(&mut http);
    CheckKind::Http(Box::new(http))
}

async fn get(to: SocketAddrV4, change: impl FnOnce(&mut Http)) -> Outcome {
    ask(to, check(http(change), PATIENT)).await
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nall is well";

#[tokio::test]
async fn http_statuses() {
    let well = get(answers(OK).await, |_| {}).await;
    assert_eq!((ended(&well), well.text.as_str()), ((Verdict::Passed, Code::L7Ok), "200 OK"));
    let ill = answers("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n").await;
    let outcome = get(ill, |_| {}).await;
    assert_eq!(ended(&outcome), (Verdict::Failed, Code::L7Status));
    assert_eq!(outcome.text, "500 Internal Server Error");
    let wanted = |http: &mut Http| {
        http.statuses = vec![StatusRange::default(), StatusRange { first: 500, last: 500 }];
    };
    assert_eq!(get(ill, wanted).await.code, Code::L7Ok);
    let old = answers("HTTP/1.0 204 No Content\r\n\r\n").await;
    assert_eq!(get(old, |http| http.version = HttpVersion::Http10).await.code, Code::L7Ok);
}

#[tokio::test]
async fn http_requests_say_what_is_configured() {
    let (told, mut requests) = tokio::sync::mpsc::unbounded_channel();
    let to = serve(move |mut stream| {
        let told = told.clone();
        async move {
            let _ = told.send(request(&mut stream).await);
            let _ = stream.write_all(OK.as_bytes()).await;
        }
    })
    .await;
    let outcome = get(to, |http| {
        http.paths = vec!["/one".to_owned(), "/two?x=1".to_owned()];
        http.host = Some("www.example.org".to_owned());
        http.method = HttpMethod::Head;
        http.headers = vec![("X-Check".to_owned(), "a b".to_owned())];
    })
    .await;
    assert_eq!(outcome.code, Code::L7Ok, "{outcome:?}");
    let [first, second] = [requests.recv().await.unwrap(), requests.recv().await.unwrap()];
    let first = first.to_ascii_lowercase();
    for part in [
        "head /one http/1.1\r\n",
        "host: www.example.org\r\n",
        "x-check: a b\r\n",
        "connection: close\r\n",
        "user-agent: tandem-health-check\r\n",
    ] {
        assert!(first.contains(part), "{part} in {first}");
    }
    assert!(second.starts_with("HEAD /two?x=1 HTTP/1.1\r\n"), "{second}");
    get(to, |http| http.version = HttpVersion::Http10).await;
    let plain = requests.recv().await.unwrap();
    assert!(plain.starts_with("GET / HTTP/1.0\r\n"), "{plain}");
    assert!(plain.to_ascii_lowercase().contains(&format!("host: {to}\r\n")), "{plain}");
}

#[tokio::test]
async fn http_bodies() {
    let body = |text: &str| {
        let text = Some(text.to_owned());
        move |http: &mut Http| http.body = text
    };
    let regex = |text: &str| {
        let text = Some(text.to_owned());
        move |http: &mut Http| http.body_regex = text
    };
    let to = answers(OK).await;
    assert_eq!(get(to, body("is well")).await.code, Code::L7Ok);
    assert_eq!(get(to, regex("^ALL|(?i)^all")).await.code, Code::L7Ok);
    for wrong in [get(to, body("is ill")).await, get(to, regex("^well")).await] {
        assert_eq!(ended(&wrong), (Verdict::Failed, Code::L7Response), "{wrong:?}");
    }
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                   4\r\nall \r\n7\r\nis well\r\n0\r\n\r\n";
    assert_eq!(get(answers(chunked).await, body("all is well")).await.code, Code::L7Ok);
    let without_length = answers("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall is well").await;
    assert_eq!(get(without_length, body("all is well")).await.code, Code::L7Ok);
    let on_and_on = endless("HTTP/1.1 200 OK\r\n\r\n", "aaaaaaaaa").await;
    let outcome = get(on_and_on, regex("(a|aa)+$x")).await;
    assert_eq!(ended(&outcome), (Verdict::Failed, Code::L7Response), "{outcome:?}");
    assert_eq!(get(on_and_on, body("aaa")).await.code, Code::L7Ok, "seen before the end");
    let cut = answers("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nall").await;
    assert_eq!(get(cut, body("all is")).await.verdict, Verdict::Failed);
}

#[tokio::test]
async fn http_that_is_none() {
    let to = hangs().await;
    let outcome = ask(to, check(http(|_| {}), SHORT)).await;
    assert_eq!(ended(&outcome), (Verdict::Silent, Code::L7Timeout));
    for answer in ["nonsense\r\n\r\n", "HTTP/1.1 200", "", "HTTP/9.9 abc OK\r\n\r\n"] {
        let outcome = get(answers(answer).await, |_| {}).await;
        assert_eq!(outcome.verdict, Verdict::Failed, "{answer}: {outcome:?}");
    }
    for (begin, then) in [("HTTP/1.1 200 OK\r\nX: ", "y"), ("HTTP/1.1 200 OK\r\n", "X: y\r\n")] {
        let outcome = get(endless(begin, then).await, |_| {}).await;
        assert_eq!(ended(&outcome), (Verdict::Failed, Code::L7Response), "{outcome:?}");
    }
    let slow = serve(|mut stream| async move {
        while stream.write_all(b"H").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(3600)).await;
        }
    })
    .await;
    assert_eq!(ask(slow, check(http(|_| {}), SHORT)).await.code, Code::L7Timeout);
}

/// An authority, and what it signs.
struct Authority {
    certificate: rcgen::Certificate,
    key: KeyPair,
    file: PathBuf,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let file = std::env::temp_dir().join(format!("tandem-ca-{name}-{}", std::process::id()));
        std::fs::write(&file, certificate.pem()).unwrap();
        Authority { certificate, key, file }
    }

    fn sign(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> TlsAcceptor {
        let (certificate, key) = self.signed(name, change);
        acceptor(vec![certificate], &key)
    }

    fn signed(
        &self,
        name: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> (CertificateDer<'static>, KeyPair) {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let signed = params.signed_by(&key, &self.certificate, &self.key).unwrap();
        (signed.der().clone(), key)
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
    }
}

fn acceptor(chain: Vec<CertificateDer<'static>>, key: &KeyPair) -> TlsAcceptor {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

async fn serve_tls(acceptor: TlsAcceptor) -> SocketAddrV4 {
    serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            let mut heard = [0; 1024];
            let _ = stream.read(&mut heard).await;
            let _ = stream.write_all(OK.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    })
    .await
}

async fn get_tls(to: SocketAddrV4, tls: Tls) -> Outcome {
    get(to, |http| http.tls = Some(tls)).await
}

#[tokio::test]
async fn https_certificates_are_judged() {
    let authority = Authority::new("good");
    let other = Authority::new("other");
    let named = |ca: &Authority, name: &str| Tls {
        ca: Some(ca.file.clone()),
        name: Some(name.to_owned()),
        ..Tls::default()
    };
    let name = "www.example.org";
    let good = serve_tls(authority.sign(name, |_| {})).await;
    let outcome = get_tls(good, named(&authority, name)).await;
    assert_eq!((ended(&outcome), outcome.text.as_str()), ((Verdict::Passed, Code::L7Ok), "200 OK"));

    let refused = |outcome: Outcome, why: &str| {
        assert_eq!(ended(&outcome), (Verdict::Failed, Code::L6Response), "{outcome:?}");
        assert!(outcome.text.contains(why), "{why}: {}", outcome.text);
    };
    refused(get_tls(good, named(&authority, "mail.example.org")).await, "another name");
    refused(get_tls(good, named(&other, name)).await, "not trusted");
    let expired = authority.sign(name, |params| {
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    });
    let expired = serve_tls(expired).await;
    refused(get_tls(expired, named(&authority, name)).await, "expired");
    let future = authority.sign(name, |p| p.not_before = rcgen::date_time_ymd(4000, 1, 1));
    refused(get_tls(serve_tls(future).await, named(&authority, name)).await, "not valid yet");

    let key = KeyPair::generate().unwrap();
    let own = CertificateParams::new(vec![name.to_owned()]).unwrap().self_signed(&key).unwrap();
    let self_signed = serve_tls(acceptor(vec![own.der().clone()], &key)).await;
    refused(get_tls(self_signed, named(&authority, name)).await, "not trusted");
    refused(get_tls(self_signed, Tls { ca: None, ..named(&authority, name) }).await, "not trusted");

    let any = || Tls { verify: false, expiry: Duration::ZERO, ..Tls::default() };
    for to in [good, expired, self_signed] {
        assert_eq!(get_tls(to, any()).await.code, Code::L7Ok, "the control: verify = false");
    }
}

#[tokio::test]
async fn https_warns_before_a_certificate_ends() {
    let authority = Authority::new("soon");
    let name = "www.example.org";
    let to = serve_tls(authority.sign(name, |params| {
        params.not_after = (std::time::SystemTime::now() + Duration::from_secs(86_400 * 5)).into();
    }))
    .await;
    let tls = |days: u64| Tls {
        ca: Some(authority.file.clone()),
        name: Some(name.to_owned()),
        expiry: Duration::from_secs(86_400 * days),
        ..Tls::default()
    };
    let soon = get_tls(to, tls(14)).await;
    assert_eq!(soon.verdict, Verdict::Passed);
    assert!(soon.text.starts_with("200 OK; the certificate ends in "), "{}", soon.text);
    assert_eq!(get_tls(to, tls(2)).await.text, "200 OK");
}

#[tokio::test]
async fn https_that_is_none() {
    let tls = || Tls { verify: false, ..Tls::default() };
    let speaks_http = serve(|mut stream| async move {
        let _ = stream.write_all(OK.as_bytes()).await;
        let _ = stream.shutdown().await;
    })
    .await;
    let plain = get_tls(speaks_http, tls()).await;
    assert_eq!(plain.verdict, Verdict::Failed, "{plain:?}");
    let noise = get_tls(endless("", "noise").await, tls()).await;
    assert_eq!(ended(&noise), (Verdict::Failed, Code::L6Response), "{noise:?}");
    let hung = hangs().await;
    let outcome = ask(hung, check(http(|http| http.tls = Some(tls())), SHORT)).await;
    assert_eq!(ended(&outcome), (Verdict::Silent, Code::L6Timeout));
    let authority = Authority::new("large");
    let (leaf, key) = authority.signed("www.example.org", |_| {});
    let large = acceptor(vec![leaf, CertificateDer::from(vec![0; 1 << 20])], &key);
    let outcome = get_tls(serve_tls(large).await, tls()).await;
    assert_eq!(ended(&outcome), (Verdict::Failed, Code::L6Response), "{outcome:?}");
    let missing = Tls { ca: Some("/nonexistent/ca.pem".into()), ..Tls::default() };
    let outcome = get_tls(hung, missing).await;
    assert_eq!(ended(&outcome), (Verdict::Local, Code::Local), "this machine's fault");
}

fn dns(rcode: Option<Rcode>, transport: Transport) -> CheckKind {
    let name = "example.org".to_owned();
    CheckKind::Dns(Dns { name, record: DnsType::A, rcode, transport })
}

/// The answer to a query.
fn answer(query: &[u8], code: ResponseCode) -> Vec<u8> {
    let mut message = Message::from_vec(query).unwrap();
    message.set_message_type(MessageType::Response).set_response_code(code);
    message.to_vec().unwrap()
}

/// A DNS server that sends these for each query.
async fn resolver(replies: impl Fn(&[u8]) -> Vec<Vec<u8>> + Send + 'static) -> SocketAddrV4 {
    let socket = UdpSocket::bind((LOCAL, 0)).await.unwrap();
    let port = socket.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut query = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut query).await {
            for reply in replies(&query[..length]) {
                let _ = socket.send_to(&reply, from).await;
            }
        }
    });
    SocketAddrV4::new(LOCAL, port)
}

#[tokio::test]
async fn dns_response_codes() {
    let well = resolver(|query| vec![answer(query, ResponseCode::NoError)]).await;
    let ill = resolver(|query| vec![answer(query, ResponseCode::ServFail)]).await;
    let over_udp = |to, rcode| ask(to, check(dns(rcode, Transport::Udp), PATIENT));
    assert_eq!(over_udp(well, Some(Rcode::NoError)).await.code, Code::L7Ok);
    let outcome = over_udp(ill, Some(Rcode::NoError)).await;
    assert_eq!(ended(&outcome), (Verdict::Failed, Code::L7Status));
    assert_eq!(outcome.text, "SERVFAIL");
    assert_eq!(over_udp(ill, Some(Rcode::ServFail)).await.code, Code::L7Ok);
    assert_eq!(over_udp(ill, None).await.code, Code::L7Ok);
    let refused = over_udp(closed().await, None).await;
    assert_eq!(ended(&refused), (Verdict::Failed, Code::L4Connection));
}

#[tokio::test]
async fn dns_answers_that_are_none() {
    let guessed = resolver(|query| {
        let mut wrong = answer(query, ResponseCode::NoError);
        wrong[0] ^= 1;
        vec![wrong, answer(query, ResponseCode::ServFail)]
    })
    .await;
    let outcome = ask(guessed, check(dns(Some(Rcode::NoError), Transport::Udp), PATIENT)).await;
    assert_eq!(outcome.code, Code::L7Status, "a guessed identifier is not for us");
    let noise = resolver(|query| vec![[&query[..2], &[0xff; 5]].concat()]).await;
    let outcome = ask(noise, check(dns(None, Transport::Udp), PATIENT)).await;
    assert_eq!(ended(&outcome), (Verdict::Failed, Code::L7Response));
    let echo = resolver(|query| vec![query.to_vec()]).await;
    let outcome = ask(echo, check(dns(None, Transport::Udp), PATIENT)).await;
    assert_eq!(ended(&outcome), (Verdict::Failed, Code::L7Response));
    let silent = resolver(|_| Vec::new()).await;
    let outcome = ask(silent, check(dns(None, Transport::Udp), SHORT)).await;
    assert_eq!(ended(&outcome), (Verdict::Silent, Code::L7Timeout));
}

#[tokio::test]
async fn dns_over_tcp() {
    let to = serve(|mut stream| async move {
        let Ok(length) = stream.read_u16().await else { return };
        let mut query = vec![0; length.into()];
        stream.read_exact(&mut query).await.unwrap();
        let reply = answer(&query, ResponseCode::NoError);
        stream.write_u16(reply.len() as u16).await.unwrap();
        stream.write_all(&reply).await.unwrap();
    })
    .await;
    let over_tcp = |to, time| ask(to, check(dns(Some(Rcode::NoError), Transport::Tcp), time));
    let outcome = over_tcp(to, PATIENT).await;
    assert_eq!(outcome.code, Code::L7Ok, "{outcome:?}");
    let outcome = over_tcp(hangs().await, SHORT).await;
    assert_eq!(ended(&outcome), (Verdict::Silent, Code::L7Timeout));
    let outcome = over_tcp(endless("", "noise").await, PATIENT).await;
    assert_eq!(ended(&outcome), (Verdict::Failed, Code::L7Response), "{outcome:?}");
}

#[tokio::test]
async fn udp_refused_silent_and_answered() {
    let udp = |expect: Option<&str>, require_reply| CheckKind::Udp {
        exchange: Exchange {
            send: b"hello".to_vec(),
            expect: expect.map(|expect| Pattern::parse(expect, true).unwrap()),
        },
        require_reply,
    };
    let refused = ask(closed().await, check(udp(None, false), PATIENT)).await;
    assert_eq!(ended(&refused), (Verdict::Failed, Code::L4Connection));
    let silent = resolver(|_| Vec::new()).await;
    let outcome = ask(silent, check(udp(None, false), SHORT)).await;
    assert_eq!(ended(&outcome), (Verdict::Passed, Code::L4Ok), "silence is well");
    let outcome = ask(silent, check(udp(None, true), SHORT)).await;
    assert_eq!(ended(&outcome), (Verdict::Silent, Code::L7Timeout), "unless a reply is required");
    let echo = resolver(|query| vec![query.to_vec()]).await;
    assert_eq!(ask(echo, check(udp(Some(r"h\x6?l"), true), PATIENT)).await.code, Code::L7Ok);
    let outcome = ask(echo, check(udp(Some("ello"), true), PATIENT)).await;
    assert_eq!(ended(&outcome), (Verdict::Failed, Code::L7Response), "it begins otherwise");
}

#[tokio::test]
async fn ping_is_answered() {
    let to = SocketAddrV4::new(LOCAL, 0);
    let outcome = ask(to, check(CheckKind::Ping, PATIENT)).await;
    // A user without the right to ping is told so; root has it.
    let may_ping = crate::witness::echo::EchoSocket::open(LOCAL.into()).is_ok();
    let expected =
        if may_ping { (Verdict::Passed, Code::L4Ok) } else { (Verdict::Local, Code::Local) };
    assert_eq!(ended(&outcome), expected, "{outcome:?}");
}

async fn run_shell(script: &str, dynamic: bool, timeout: Duration) -> Outcome {
    let command = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
    let exec = CheckKind::Exec(Exec { command, user: None, dynamic });
    ask("10.0.0.9:80".parse().unwrap(), check(exec, timeout)).await
}

#[tokio::test]
async fn exec_exit_codes() {
    let outcome =
        run_shell("echo \"fine: $TANDEM_ADDRESS $TANDEM_PORT\"; echo more", false, PATIENT).await;
    assert_eq!(ended(&outcome), (Verdict::Passed, Code::ProcessOk));
    assert_eq!(outcome.text, "exit code 0: fine: 10.0.0.9 80");
    for code in [1, 2, 255] {
        let outcome = run_shell(&format!("exit {code}"), false, PATIENT).await;
        assert_eq!(ended(&outcome), (Verdict::Failed, Code::ProcessError), "{code}");
    }
    for (code, weight) in [(2, 0), (7, 5), (255, 253)] {
        let outcome = run_shell(&format!("exit {code}"), true, PATIENT).await;
        assert_eq!(ended(&outcome), (Verdict::Passed, Code::ProcessOk));
        assert_eq!(outcome.words.unwrap().weight, Some(DynamicWeight::Absolute(weight)));
    }
    let failed = run_shell("exit 1", true, PATIENT).await;
    assert_eq!((failed.verdict, failed.words), (Verdict::Failed, None));
    assert_eq!(run_shell("kill -9 $$", false, PATIENT).await.code, Code::ProcessError);
    let exec = Exec { command: vec!["/nonexistent".to_owned()], user: None, dynamic: false };
    let outcome = ask("10.0.0.9:80".parse().unwrap(), check(CheckKind::Exec(exec), PATIENT)).await;
    assert_eq!(ended(&outcome), (Verdict::Local, Code::Local), "{outcome:?}");
}

/// Waits until there is no such process, not even one whose exit code nobody took.
async fn is_gone(process: &str) {
    let folder = format!("/proc/{}", process.trim());
    let gone = async {
        while std::path::Path::new(&folder).exists() {
            // One that is left behind belongs to the first process of the machine, which may be
            // slow to take its exit code.
            let status = std::fs::read_to_string(format!("{folder}/stat")).unwrap_or_default();
            if status.contains(") Z 1 ") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENT, gone).await.unwrap_or_else(|_| {
        let status = std::fs::read_to_string(format!("{folder}/stat"));
        panic!("{process} is still there: {status:?}");
    });
}

#[tokio::test]
async fn exec_that_does_not_end_is_killed_with_all_that_it_began() {
    let file = std::env::temp_dir().join(format!("tandem-exec-{}", std::process::id()));
    // It ignores what can be ignored, forks for ever, and writes for ever.
    let script = format!(
        "trap '' TERM HUP INT; echo $$ >{file}; sleep 1000 & echo $! >>{file}; \
         while :; do /bin/true & echo noise; done",
        file = file.display()
    );
    let outcome = run_shell(&script, false, Duration::from_secs(2)).await;
    assert_eq!(ended(&outcome), (Verdict::Failed, Code::ProcessTimeout));
    let processes = std::fs::read_to_string(&file).unwrap();
    assert_eq!(processes.lines().count(), 2, "the control: both had begun");
    for process in processes.lines() {
        is_gone(process).await;
    }
    let left =
        run_shell(&format!("sleep 1000 & echo $! >{}", file.display()), false, PATIENT).await;
    assert_eq!(left.code, Code::ProcessOk, "it does not wait for what holds the output open");
    is_gone(&std::fs::read_to_string(&file).unwrap()).await;
    std::fs::remove_file(&file).unwrap();
}

#[tokio::test]
async fn exec_runs_as_another_user() {
    let exec = |user: &str| {
        let command = ["/usr/bin/id", "-u"].map(str::to_owned).to_vec();
        CheckKind::Exec(Exec { command, user: Some(user.to_owned()), dynamic: false })
    };
    let to = "10.0.0.9:80".parse().unwrap();
    let outcome = ask(to, check(exec("nosuchuser"), PATIENT)).await;
    assert_eq!(outcome.text, "this machine has no user nosuchuser");
    assert_eq!(outcome.verdict, Verdict::Local);
    let outcome = ask(to, check(exec("nobody"), PATIENT)).await;
    if rustix::process::getuid().is_root() {
        assert_eq!(outcome.text, "exit code 0: 65534");
    } else {
        assert_eq!(outcome.verdict, Verdict::Local, "only root may");
    }
}

#[tokio::test]
async fn a_file_says_what_a_server_is() {
    let path = std::env::temp_dir().join(format!("tandem-file-{}", std::process::id()));
    let look = |path: &PathBuf| {
        let kind = CheckKind::File { path: path.clone() };
        ask("0.0.0.0:0".parse().unwrap(), check(kind, PATIENT))
    };
    assert_eq!(ended(&look(&path).await), (Verdict::Failed, Code::L7Status));
    std::fs::write(&path, "drain 50%\nmore\n").unwrap();
    let outcome = look(&path).await;
    assert_eq!(ended(&outcome), (Verdict::Passed, Code::L7Ok));
    assert_eq!(outcome.words.unwrap().administrative, Some(Administrative::Drain));
    std::fs::write(&path, "down # moved").unwrap();
    assert_eq!(look(&path).await.text, "down: moved");
    std::fs::write(&path, "x".repeat(10 << 20)).unwrap();
    assert_eq!(look(&path).await.verdict, Verdict::Passed, "its beginning is enough");
    std::fs::remove_file(&path).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR).unwrap();
    assert_eq!(look(&path).await.verdict, Verdict::Local, "a pipe is not waited for");
    std::fs::remove_file(&path).unwrap();
    assert_eq!(look(&std::env::temp_dir()).await.verdict, Verdict::Local);
}

async fn ask_agent(to: SocketAddrV4, time: Duration) -> Outcome {
    ask(to, Ask::Agent(Agent { port: to.port(), interval: time, send: b"web\n".to_vec() })).await
}

#[tokio::test]
async fn an_agent_says_a_line() {
    let says = |line: &'static [u8]| {
        serve(move |mut stream| async move {
            let mut heard = [0; 4];
            stream.read_exact(&mut heard).await.unwrap();
            assert_eq!(&heard, b"web\n");
            let _ = stream.write_all(line).await;
            let _ = stream.shutdown().await;
        })
    };
    let outcome = ask_agent(says(b"75%\n").await, PATIENT).await;
    assert_eq!(outcome.words.unwrap().weight, Some(DynamicWeight::Percent(75)));
    let outcome = ask_agent(says(b"maint#night\r\nup\r\n").await, PATIENT).await;
    let words = outcome.words.unwrap();
    assert_eq!(words.administrative, Some(Administrative::Maintenance));
    assert_eq!(words.health, None, "one line only");
    let outcome = ask_agent(says(b"down#no disk\n").await, PATIENT).await;
    assert_eq!((outcome.code, outcome.text.as_str()), (Code::L7Status, "down#no disk"));
    for (to, time) in [
        (says(b"75%").await, PATIENT),
        (says(b"").await, PATIENT),
        (endless("", "75% ").await, PATIENT),
        (hangs().await, SHORT),
        (closed().await, PATIENT),
    ] {
        let outcome = ask_agent(to, time).await;
        assert_eq!(outcome.words, None, "{outcome:?}");
    }
}
