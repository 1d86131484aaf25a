//! HTTP and HTTPS.

use core::pin::pin;
use std::net::{Ipv4Addr, SocketAddrV4};

use config::{Http, HttpVersion};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::{Request, Response, Version, header};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};

use super::socket;
use super::tls::{self, TlsClient};
use crate::health::outcome::Outcome;
use crate::health::report::Code;

/// How much of a body is looked at, and how much of the header is taken.
const BODY: usize = 64 * 1024;
const HEADER: usize = 64 * 1024;

/// What is made of an HTTP check once, and used for each probe.
#[derive(Debug)]
pub struct HttpClient {
    pub http: Http,
    pub tls: Option<TlsClient>,
    pub body_regex: Option<regex::bytes::Regex>,
}

pub async fn probe(
    local: Ipv4Addr,
    to: SocketAddrV4,
    client: &HttpClient,
    deadline: Instant,
) -> Outcome {
    let mut last = Outcome::local("there is no path");
    for path in &client.http.paths {
        last = ask(local, to, client, path, deadline).await;
        if last.code != Code::L7Ok {
            if client.http.paths.len() > 1 {
                last.text = format!("{path}: {}", last.text);
            }
            return last;
        }
    }
    last
}

async fn ask(
    local: Ipv4Addr,
    to: SocketAddrV4,
    client: &HttpClient,
    path: &str,
    deadline: Instant,
) -> Outcome {
    let stream = match socket::connect(local, to, deadline).await {
        Ok(stream) => stream,
        Err(outcome) => return outcome,
    };
    let Some(tls) = &client.tls else { return talk(stream, to, client, path, deadline).await };
    let (stream, expiry) = match tls::handshake(stream, tls, deadline).await {
        Ok(done) => done,
        Err(outcome) => return outcome,
    };
    let outcome = talk(stream, to, client, path, deadline).await;
    let Some(left) = expiry.filter(|_| outcome.code == Code::L7Ok) else { return outcome };
    let warning = format!("the certificate ends in {} d", left.as_secs() / 86_400);
    let text = format!("{}; {warning}", outcome.text);
    Outcome { text, warning: Some(warning), ..outcome }
}

async fn talk(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    to: SocketAddrV4,
    client: &HttpClient,
    path: &str,
    deadline: Instant,
) -> Outcome {
    let request = match request(&client.http, to, path) {
        Ok(request) => request,
        Err(error) => return Outcome::local(format!("the request cannot be made: {error}")),
    };
    match timeout_at(deadline, exchange(stream, request, client)).await {
        Ok(outcome) => outcome,
        Err(_) => Outcome::silent(Code::L7Timeout, "no answer"),
    }
}

fn request(
    http: &Http,
    to: SocketAddrV4,
    path: &str,
) -> Result<Request<Empty<Bytes>>, hyper::http::Error> {
    let default = if http.tls.is_some() { 443 } else { 80 };
    let host = http.host.clone().unwrap_or_else(|| match to.port() {
        port if port == default => to.ip().to_string(),
        _ => to.to_string(),
    });
    let version = match http.version {
        HttpVersion::Http10 => Version::HTTP_10,
        HttpVersion::Http11 => Version::HTTP_11,
    };
    let mut request = Request::builder()
        .method(http.method.name())
        .uri(path)
        .version(version)
        .header(header::HOST, host)
        .header(header::CONNECTION, "close");
    let has_agent = http.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("user-agent"));
    if !has_agent {
        request = request.header(header::USER_AGENT, "tandem-health-check");
    }
    for (name, value) in &http.headers {
        request = request.header(name, value);
    }
    request.body(Empty::new())
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    request: Request<Empty<Bytes>>,
    client: &HttpClient,
) -> Outcome {
    let made = http1::Builder::new().max_buf_size(HEADER).handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = match made {
        Ok(made) => made,
        Err(error) => return failure(&error),
    };
    let answer = async {
        match sender.send_request(request).await {
            Ok(response) => judge(response, client).await,
            Err(error) => failure(&error),
        }
    };
    let mut answer = pin!(answer);
    tokio::select! {
        biased;
        outcome = &mut answer => outcome,
        // The connection has ended: what came over it is there.
        _ = connection => answer.await,
    }
}

async fn judge(response: Response<Incoming>, client: &HttpClient) -> Outcome {
    let status = response.status();
    let text = status.to_string();
    if !client.http.statuses.iter().any(|range| range.contains(status.as_u16())) {
        return Outcome::failed(Code::L7Status, text);
    }
    if client.http.body.is_none() && client.body_regex.is_none() {
        return Outcome::passed(Code::L7Ok, text);
    }
    let mut body = response.into_body();
    let mut read = Vec::new();
    let mut looked = 0;
    while let Some(frame) = body.frame().await {
        let data = match frame.map(hyper::body::Frame::into_data) {
            Ok(Ok(data)) => data,
            Ok(Err(_)) => continue,
            Err(error) => return failure(&error),
        };
        let room = BODY.saturating_sub(read.len()).min(data.len());
        read.extend_from_slice(data.get(..room).unwrap_or_default());
        // Looking at all of it after each piece would take time quadratic in its length.
        if read.len() >= looked * 2 || read.len() == BODY {
            looked = read.len();
            if is_well(client, &read) {
                return Outcome::passed(Code::L7Ok, text);
            }
        }
        if read.len() == BODY {
            let text = format!("{text}, and not the body that is expected in its first 64 KiB");
            return Outcome::failed(Code::L7Response, text);
        }
    }
    if is_well(client, &read) {
        return Outcome::passed(Code::L7Ok, text);
    }
    Outcome::failed(Code::L7Response, format!("{text}, and not the body that is expected"))
}

fn is_well(client: &HttpClient, body: &[u8]) -> bool {
    let text = client.http.body.as_ref();
    let has_text = text.is_none_or(|text| body.windows(text.len()).any(|w| w == text.as_bytes()));
    has_text && client.body_regex.as_ref().is_none_or(|regex| regex.is_match(body))
}

fn failure(error: &hyper::Error) -> Outcome {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            let outcome = socket::failure(io);
            if outcome.code != Code::Local {
                return outcome;
            }
        }
        source = inner.source();
    }
    let text = if error.is_incomplete_message() {
        "closed without an answer".to_owned()
    } else {
        format!("no HTTP: {error}")
    };
    Outcome::failed(Code::L7Response, text)
}
