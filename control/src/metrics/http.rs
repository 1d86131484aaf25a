//! The HTTP server: `/metrics`, and nothing else.

use core::time::Duration;
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::net::TcpListener;

use super::Source;
use super::format::Format;
use crate::http::{self, Limits};

/// A scrape is one request, and Prometheus the only one that asks.
const LIMITS: Limits = Limits {
    connections: 16,
    of_one_address: 16,
    patience: Duration::from_secs(10),
    longest: Duration::from_secs(10),
};
/// Between two attempts to listen.
const RETRY: Duration = Duration::from_secs(1);
/// Shorter answers are sent as they are.
const WORTH_PACKING: usize = 4096;

/// Answers scrapes for good. Metrics must not keep a machine from its work, so an address
/// that cannot be had is said, and tried again.
pub async fn serve(listen: SocketAddr, source: Source) {
    let source = Arc::new(source);
    let mut is_said = false;
    loop {
        match TcpListener::bind(listen).await {
            Ok(listener) => {
                tracing::info!("metrics on http://{listen}/metrics");
                is_said = false;
                let router = router(Arc::clone(&source));
                let error = http::answer(&listener, LIMITS, None, &router).await;
                tracing::warn!("the metrics server has ended: {error}");
            }
            Err(error) if !is_said => {
                tracing::warn!("no metrics on {listen}: {error}; trying again");
                is_said = true;
            }
            Err(_) => {}
        }
        tokio::time::sleep(RETRY).await;
    }
}

fn router(source: Arc<Source>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .fallback(|| async { (StatusCode::NOT_FOUND, "only /metrics is here\n") })
        .with_state(source)
}

async fn metrics(State(source): State<Arc<Source>>, headers: HeaderMap) -> Response {
    let asked = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let format = Format::accepted(asked(ACCEPT));
    let is_packed = accepts_gzip(asked(ACCEPT_ENCODING));
    match source.text(format).await {
        Ok(text) if is_packed && text.len() > WORTH_PACKING => {
            let head = [(CONTENT_TYPE, format.content_type()), (CONTENT_ENCODING, "gzip")];
            match tokio::task::spawn_blocking(move || pack(text.as_bytes())).await {
                Ok(Ok(packed)) => (head, packed).into_response(),
                Ok(Err(error)) => failed(&error),
                Err(error) => failed(&error),
            }
        }
        Ok(text) => ([(CONTENT_TYPE, format.content_type())], text).into_response(),
        Err(error) => failed(&error),
    }
}

fn failed(error: &dyn core::fmt::Display) -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response()
}

/// Fast rather than small: names and labels come again and again.
fn pack(text: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut packer = GzEncoder::new(Vec::with_capacity(text.len() / 16), Compression::fast());
    packer.write_all(text)?;
    packer.finish()
}

/// Whether a client takes gzip, by its header `Accept-Encoding` (RFC 9110 section 12.5.3).
fn accepts_gzip(accept: &str) -> bool {
    accept.split(',').any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let weight = |part: &str| part.strip_prefix("q=")?.trim().parse::<f32>().ok();
        is_gzip && parts.find_map(weight).is_none_or(|weight| weight > 0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_for_those_who_take_it() {
        for accept in ["gzip", "gzip, deflate, br", "br;q=1, GZIP;q=0.2"] {
            assert!(accepts_gzip(accept), "{accept}");
        }
        for accept in ["", "deflate", "gzip;q=0", "identity", "x-gzip-more"] {
            assert!(!accepts_gzip(accept), "{accept}");
        }
    }
}
