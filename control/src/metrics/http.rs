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
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::Source;

/// Scrapes at a time.
const CLIENTS: usize = 16;
/// The longest that one may take.
const PATIENCE: Duration = Duration::from_secs(10);
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
                answer(&listener, &router(Arc::clone(&source))).await;
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

/// Answers until the listener fails. Whoever holds connections open takes places from other
/// scrapers only, and not for long; the process needs its descriptors for the pair.
async fn answer(listener: &TcpListener, router: &Router) {
    let places = Arc::new(Semaphore::new(CLIENTS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let (stream, _) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => return tracing::warn!("the metrics server has ended: {error}"),
        };
        let service = TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            let scrape = http1::Builder::new()
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), service);
            // A client that went away or was too slow is its own trouble.
            let _ = tokio::time::timeout(PATIENCE, scrape).await;
            drop(place);
        });
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
