//! Visitors who mean no good: the server bounds them, and serves the others.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test fails by panicking.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Extension;
use axum::routing::get;
use control::http::{Limits, Visitor, answer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const LIMITS: Limits = Limits {
    connections: 8,
    of_one_address: 8,
    patience: Duration::from_millis(400),
    longest: Duration::from_secs(60),
};

/// What a slow reader has to take: more than sockets hold.
const LONG: usize = 64 << 20;

async fn serve(limits: Limits) -> SocketAddr {
    let router = Router::new()
        .route("/", get(|| async { "well\n" }))
        .route("/long", get(|| async { Body::from(vec![b'x'; LONG]) }))
        .route(
            "/stream",
            get(move |Extension(visitor): Extension<Visitor>| async move {
                visitor.stay();
                tokio::time::sleep(limits.patience * 4).await;
                "late, and here\n"
            }),
        )
        .route("/late", get(|| async { core::future::pending::<&str>().await }));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { answer(&listener, limits, None, &router).await });
    address
}

/// What comes back until the other end closes.
async fn asked(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may have closed before all of it was written.
    let _ = stream.write_all(request).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

async fn is_well(address: SocketAddr) -> bool {
    let asked = asked(address, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let answer = tokio::time::timeout(Duration::from_secs(20), asked).await.unwrap();
    answer.starts_with("HTTP/1.1 200") && answer.ends_with("well\n")
}

#[tokio::test]
async fn those_who_say_nothing_keep_nobody_out() {
    let address = serve(LIMITS).await;
    let mut silent = Vec::new();
    for _ in 0..300 {
        // The kernel's queue takes some, and refuses others.
        if let Ok(Ok(stream)) =
            tokio::time::timeout(Duration::from_millis(50), TcpStream::connect(address)).await
        {
            silent.push(stream);
        }
        if silent.len() == 40 {
            break;
        }
    }
    assert!(silent.len() > LIMITS.connections, "more than there are places");
    assert!(is_well(address).await);
    let mut closed = 0;
    for stream in &mut silent {
        let mut byte = [0];
        let end = tokio::time::timeout(Duration::from_secs(20), stream.read(&mut byte)).await;
        closed += usize::from(matches!(end, Ok(Ok(0) | Err(_))));
    }
    assert_eq!(closed, silent.len(), "each is closed after its time");
}

#[tokio::test]
async fn a_head_that_does_not_end_is_refused() {
    let address = serve(LIMITS).await;
    let mut request = b"GET / HTTP/1.1\r\nHost: a\r\n".to_vec();
    for number in 0..100_000 {
        request.extend(format!("x-{number}: {number}\r\n").bytes());
    }
    let answer = asked(address, &request).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    // Byte by byte it does not end either.
    let mut stream = TcpStream::connect(address).await.unwrap();
    let slowly = async {
        stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), slowly).await.expect("the server closes");
    assert!(is_well(address).await);
}

#[tokio::test]
async fn who_does_not_read_the_answer_is_left() {
    let address = serve(LIMITS).await;
    let mut lazy = Vec::new();
    for _ in 0..LIMITS.connections {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /long HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        lazy.push(stream);
    }
    assert!(is_well(address).await, "their places come back");
}

#[tokio::test]
async fn an_answer_that_stays_may_be_late_and_no_other() {
    let address = serve(LIMITS).await;
    let answer = asked(address, b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(answer.ends_with("late, and here\n"), "{answer}");
    let answer = asked(address, b"GET /late HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(answer, "");
}

#[tokio::test]
async fn rubbish_is_answered_as_such() {
    let address = serve(LIMITS).await;
    for rubbish in [&b"\x16\x03\x01\x02\x00\x01\x00"[..], b"GET\r\n\r\n", b"\0\0\0\0\r\n\r\n"] {
        let answer = asked(address, rubbish).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
    assert!(is_well(address).await);
}
