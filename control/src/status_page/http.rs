//! What the page's server answers: the page, its style, its script, and the stream of changes.

use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Extension, Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use config::StatusPage;
use http_body_util::channel::Channel;
use tokio::net::TcpListener;

use super::access::{Access, Refusal, read_token};
use super::plain;
use super::task::{Ticks, Watched};
use crate::http::tls::TlsFiles;
use crate::http::{self, Limits, Visitor};

/// A browser opens six connections at most, and a page takes one that lasts.
const LIMITS: Limits = Limits {
    connections: 64,
    of_one_address: 16,
    patience: Duration::from_secs(10),
    longest: Duration::from_secs(600),
};
/// How long a stream lasts; the browser asks for another one then. It ends before it would be cut.
const LIFE: Duration = Duration::from_secs(570);
/// Streams at a time. The other places are for those who come.
const STREAMS: usize = 32;
/// Between two attempts to listen.
const RETRY: Duration = Duration::from_secs(1);

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Everything that a browser loads but the stream: its path, its kind, its text.
pub const ASSETS: [(&str, &str, &str); 9] = [
    ("/", "text/html; charset=utf-8", include_str!("assets/page.html")),
    ("/page.css", "text/css; charset=utf-8", include_str!("assets/page.css")),
    ("/page.js", SCRIPT, include_str!("assets/page.js")),
    ("/draw.js", SCRIPT, include_str!("assets/draw.js")),
    ("/way.js", SCRIPT, include_str!("assets/way.js")),
    ("/charts.js", SCRIPT, include_str!("assets/charts.js")),
    ("/services.js", SCRIPT, include_str!("assets/services.js")),
    ("/lists.js", SCRIPT, include_str!("assets/lists.js")),
    ("/icon.svg", "image/svg+xml", include_str!("assets/icon.svg")),
];

/// The page loads nothing from elsewhere, is shown in no frame, and sends nothing anywhere.
const POLICY: &str = "default-src 'self'; object-src 'none'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// Serves the page for good. It must not keep a machine from its work, so what keeps it from being
/// served is said, and tried again.
pub async fn serve(page: StatusPage, ticks: Ticks) {
    let mut said = String::new();
    loop {
        let trouble = match open(&page).await {
            Ok((listener, tls)) => {
                let scheme = if tls.is_some() { "https" } else { "http" };
                tracing::info!("status page on {scheme}://{}/", page.listen);
                said.clear();
                let router = router(&page, ticks.clone());
                http::answer(&listener, LIMITS, tls, &router).await.to_string()
            }
            Err(trouble) => trouble,
        };
        if trouble != said {
            tracing::warn!("no status page on {}: {trouble}; trying again", page.listen);
            said = trouble;
        }
        tokio::time::sleep(RETRY).await;
    }
}

async fn open(page: &StatusPage) -> Result<(TcpListener, Option<TlsFiles>), String> {
    if let Some(file) = &page.token_file {
        read_token(file)?;
    }
    let has_token = page.token_file.is_some();
    let tls = page.tls.as_ref().map(|files| TlsFiles::read(files, has_token));
    let tls = tls.transpose().map_err(|error| error.to_string())?;
    let listener = TcpListener::bind(page.listen).await.map_err(|error| error.to_string())?;
    Ok((listener, tls))
}

/// What all requests share.
struct Shared {
    access: Access,
    ticks: Ticks,
    streams: Arc<AtomicUsize>,
}

/// The page's answers, for any server that says who the visitor is.
pub fn router(page: &StatusPage, ticks: Ticks) -> Router {
    let shared = Shared { access: Access::of(page), ticks, streams: Arc::new(AtomicUsize::new(0)) };
    Router::new().fallback(answer).with_state(Arc::new(shared))
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    Extension(visitor): Extension<Visitor>,
    request: Request,
) -> Response {
    // Nobody reads what a request brings.
    let (request, _) = request.into_parts();
    let mut response = match shared.access.judge(&visitor, &request.uri, &request.headers) {
        Ok(()) => respond(&shared, &visitor, &request).await,
        Err(refusal) => refuse(refusal),
    };
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn refuse(refusal: Refusal) -> Response {
    match refusal {
        Refusal::Name => (
            StatusCode::MISDIRECTED_REQUEST,
            "This page answers to addresses and localhost; add the name that you came by to \
             status.names in the configuration, and restart tandem-control.\n",
        )
            .into_response(),
        Refusal::Unknown => {
            let challenge =
                [(header::WWW_AUTHENTICATE, "Basic realm=\"Tandem\", charset=\"UTF-8\"")];
            let text = "The token of status.token_file is missing: give it as the password, with \
                        any user name, or as Authorization: Bearer TOKEN.\n";
            (StatusCode::UNAUTHORIZED, challenge, text).into_response()
        }
        Refusal::NoToken => (
            StatusCode::SERVICE_UNAVAILABLE,
            "The token cannot be read on this machine; its log says why.\n",
        )
            .into_response(),
    }
}

async fn respond(shared: &Arc<Shared>, visitor: &Visitor, request: &Parts) -> Response {
    if !matches!(request.method, Method::GET | Method::HEAD) {
        let allow = [(header::ALLOW, "GET, HEAD")];
        let text = "This page only shows; the command tandem changes things.\n";
        return (StatusCode::METHOD_NOT_ALLOWED, allow, text).into_response();
    }
    let path = request.uri.path();
    if let Some((_, kind, text)) = ASSETS.iter().find(|(name, ..)| *name == path) {
        return ([(header::CONTENT_TYPE, *kind)], *text).into_response();
    }
    match path {
        "/plain" => {
            let mut watched = shared.ticks.watch();
            let tick = watched.next().await;
            let text = tick.map_or_else(String::new, |tick| plain::page(&tick.view));
            ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], text).into_response()
        }
        "/changes" if is_foreign(request) => {
            (StatusCode::FORBIDDEN, "Another site asked for this.\n").into_response()
        }
        "/changes" => stream(shared, visitor, request.method == Method::HEAD),
        _ => (StatusCode::NOT_FOUND, "There is no such page; the page is at /\n").into_response(),
    }
}

/// Asked for by a page of another site, as the browser says.
fn is_foreign(request: &Parts) -> bool {
    let site = request.headers.get("sec-fetch-site").and_then(|site| site.to_str().ok());
    site.is_some_and(|site| !matches!(site, "same-origin" | "none"))
}

fn stream(shared: &Arc<Shared>, visitor: &Visitor, is_head: bool) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/event-stream")];
    if is_head {
        return kind.into_response();
    }
    let Some(place) = Place::take(&shared.streams) else {
        let later = [(header::RETRY_AFTER, "10")];
        let text = "Too many look at this page; close one of them.\n";
        return (StatusCode::SERVICE_UNAVAILABLE, later, text).into_response();
    };
    visitor.stay();
    let (sender, body) = Channel::<Bytes>::new(1);
    tokio::spawn(feed(shared.ticks.watch(), sender, place));
    (kind, Body::new(body)).into_response()
}

/// Sends whatever changes until the visitor has gone. One that was too slow for a change gets the
/// whole anew.
async fn feed(
    mut watched: Watched,
    mut sender: http_body_util::channel::Sender<Bytes>,
    place: Place,
) {
    let mut last = None;
    let end = Instant::now() + LIFE;
    while let Some(tick) = watched.next().await {
        if Instant::now() > end {
            break;
        }
        let follows = last.is_some_and(|last: u64| last + 1 == tick.number);
        last = Some(tick.number);
        let message = if follows { tick.change.clone() } else { tick.whole() };
        if sender.send_data(message).await.is_err() {
            break;
        }
    }
    drop(place);
}

/// One of the places for streams, until it is dropped.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(streams: &Arc<AtomicUsize>) -> Option<Self> {
        let more = |taken: usize| (taken < STREAMS).then_some(taken + 1);
        streams.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Place(Arc::clone(streams)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
