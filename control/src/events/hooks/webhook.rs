//! An event that is sent over HTTP or HTTPS.

use core::time::Duration;
use std::net::IpAddr;
use std::sync::Arc;

use api::Event;
use config::Webhook;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Method, Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsConnector;
use url::Host;

use crate::health::probe::{SystemRoots, tls};

/// The pause before the second attempt, and the longest one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How much of the header of an answer is taken.
const HEADER: usize = 64 * 1024;

/// Why an attempt has failed.
struct Failed {
    why: String,
    /// Another attempt would end the same.
    is_final: bool,
}

impl From<String> for Failed {
    fn from(why: String) -> Self {
        Failed { why, is_final: false }
    }
}

/// Sends the event, and tries again where that may help, for as long as the configuration says from
/// when the event came; `failed` is told why each attempt failed.
///
/// # Errors
/// Why it was not taken, without a full stop.
pub(super) async fn deliver(
    webhook: &Webhook,
    event: &Event,
    patience: Duration,
    since: Instant,
    failed: &(dyn Fn(&str) + Sync),
) -> Result<(), String> {
    let json = Bytes::from(serde_json::to_vec(event).map_err(|error| error.to_string())?);
    let mut pause = FIRST_PAUSE;
    loop {
        let attempt = timeout(patience, send(webhook, json.clone())).await;
        let Failed { why, is_final } = match attempt {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(why)) => why,
            Err(_) => format!("no answer within {} s", patience.as_secs_f64()).into(),
        };
        let why = format!("{}: {why}", webhook.shown());
        if is_final || since.elapsed() + pause > webhook.retry_for {
            return Err(why);
        }
        failed(&why);
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn send(webhook: &Webhook, json: Bytes) -> Result<(), Failed> {
    let url = &webhook.url;
    let host = url.host().ok_or_else(|| "the URL has no host".to_owned())?;
    let port = url.port_or_known_default().unwrap_or(80);
    let request = request(webhook, json)?;
    let stream = connect(&host, port).await?;
    let status = if url.scheme() == "https" {
        let config = tls_config(webhook)?;
        let name = match &host {
            Host::Domain(name) => ServerName::try_from((*name).to_owned())
                .map_err(|_| format!("no certificate is for \"{name}\""))?,
            Host::Ipv4(address) => ServerName::IpAddress(IpAddr::V4(*address).into()),
            Host::Ipv6(address) => ServerName::IpAddress(IpAddr::V6(*address).into()),
        };
        let stream = TlsConnector::from(config)
            .connect(name, stream)
            .await
            .map_err(|error| format!("no TLS: {error}"))?;
        exchange(stream, request).await?
    } else {
        exchange(stream, request).await?
    };
    judge(status)
}

fn judge(status: StatusCode) -> Result<(), Failed> {
    if status.is_success() {
        return Ok(());
    }
    let is_redirection = status.is_redirection();
    let hint = if is_redirection { ", and redirections are not followed" } else { "" };
    // 408, 425 and 429 ask for another attempt (RFC 9110, RFC 8470, RFC 6585).
    let is_final =
        is_redirection || status.is_client_error() && !matches!(status.as_u16(), 408 | 425 | 429);
    Err(Failed { why: format!("answered {status}{hint}"), is_final })
}

fn request(webhook: &Webhook, json: Bytes) -> Result<Request<Full<Bytes>>, Failed> {
    let url = &webhook.url;
    let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(header::HOST, host)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CONNECTION, "close");
    let agent = |name: &str| name.eq_ignore_ascii_case("user-agent");
    if !webhook.headers.iter().any(|(name, _)| agent(name)) {
        let version = concat!("tandem/", env!("CARGO_PKG_VERSION"));
        request = request.header(header::USER_AGENT, version);
    }
    for (name, value) in &webhook.headers {
        request = request.header(name, value);
    }
    let failed = |error: hyper::http::Error| Failed {
        why: format!("the request cannot be made: {error}"),
        is_final: true,
    };
    request.body(Full::new(json)).map_err(failed)
}

/// Connects to the first of the host's addresses that answers.
async fn connect(host: &Host<&str>, port: u16) -> Result<TcpStream, Failed> {
    let addresses: Vec<_> = match host {
        Host::Ipv4(address) => vec![(*address, port).into()],
        Host::Ipv6(address) => vec![(*address, port).into()],
        Host::Domain(name) => lookup_host((*name, port))
            .await
            .map_err(|error| format!("the address of {name} is not known: {error}"))?
            .collect(),
    };
    let mut why = format!("{host} has no address");
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => why = format!("{address} cannot be reached: {error}"),
        }
    }
    Err(why.into())
}

/// Read for each request: a certificate that was exchanged is taken without a reload.
fn tls_config(webhook: &Webhook) -> Result<Arc<ClientConfig>, Failed> {
    let roots = tls::roots(webhook.ca.as_deref(), &mut SystemRoots::default())?;
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// The status of the answer. Its body is nobody's business.
async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    request: Request<Full<Bytes>>,
) -> Result<StatusCode, Failed> {
    let told = |error: hyper::Error| match error.is_incomplete_message() {
        true => "closed without an answer".to_owned(),
        false => format!("no HTTP: {error}"),
    };
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEADER)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(told)?;
    let mut answer = core::pin::pin!(sender.send_request(request));
    let response = tokio::select! {
        biased;
        response = &mut answer => response,
        // The connection has ended: what came over it is there.
        _ = connection => answer.await,
    };
    Ok(response.map_err(told)?.status())
}
