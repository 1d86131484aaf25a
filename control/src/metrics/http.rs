//! The HTTP server: `/metrics`, and nothing else.

use core::time::Duration;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;

use super::Source;
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
const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

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

async fn metrics(State(source): State<Arc<Source>>) -> Response {
    match source.text().await {
        Ok(text) => ([(CONTENT_TYPE, FORMAT)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}
