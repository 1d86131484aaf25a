//! Suspicions of a dataplane, as the health checks are told of them.

#![allow(clippy::unwrap_used, clippy::panic)] // A test fails by panicking.

use core::time::Duration;
use std::sync::mpsc;

use api::{Observation, Observations, Observe, Request, Response, SuspectCause};
use control::passive::{self, Suspicion};
use tokio::time::timeout;

const DEADLINE: Duration = Duration::from_secs(20);

fn observed(change: u64, servers: &[(&str, u64)]) -> Response {
    let servers = servers.iter().map(|&(server, since_millis)| Observation {
        service: "web".to_owned(),
        server: server.parse().unwrap(),
        suspect: SuspectCause::Refused,
        since_millis,
    });
    Response::Observations(Observations { change, generation: 1, servers: servers.collect() })
}

fn suspicion(server: &str) -> Suspicion {
    let server = server.parse().unwrap();
    Suspicion { service: "web".to_owned(), server, cause: SuspectCause::Refused }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_suspicion_is_told_once_over_a_restart_of_the_dataplane() {
    let folder = std::env::temp_dir().join(format!("tandem-passive-{}", std::process::id()));
    let path = folder.join("dataplane.sock");
    let listener = api::server::listen(&path, "busy").unwrap();
    let (asked, questions) = mpsc::channel();
    std::thread::spawn(move || {
        // The first connection breaks after two answers, as when the dataplane ends.
        let mut answers = vec![
            observed(1, &[("10.0.0.11:80", 5)]),
            observed(2, &[("10.0.0.11:80", 5), ("10.0.0.12:80", 9)]),
            observed(1, &[("10.0.0.13:80", 7)]),
        ]
        .into_iter();
        for most in [2, 1] {
            let (mut stream, _) = listener.accept().unwrap();
            for _ in 0..most {
                let answer = answers.next().unwrap();
                api::server::serve_one(&mut stream, |request| {
                    asked.send(request).unwrap();
                    answer
                })
                .unwrap();
            }
        }
    });
    let mut suspicions = passive::watch(&path);
    for server in ["10.0.0.11:80", "10.0.0.12:80", "10.0.0.13:80"] {
        let told = timeout(DEADLINE, suspicions.recv()).await.unwrap().unwrap();
        assert_eq!(told, suspicion(server));
    }
    let asked: Vec<_> = questions.try_iter().collect();
    let observe = |after| Request::Observe(Observe { after });
    assert_eq!(asked, [observe(0), observe(1), observe(0)]);
    std::fs::remove_dir_all(&folder).unwrap();
}
