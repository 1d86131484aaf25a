//! The protocol over a real socket: what a client asks is answered, and whatever
//! else comes in is answered with what is wrong with it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test fails by panicking.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::Duration;

use api::client::ClientError;
use api::frame::{self, FrameError, LIMIT};
use api::{
    Client, Failure, FailureKind, Neighbours, Page, Reload, Reloaded, Request, Response, Status,
    VERSION, message, server,
};
use serde_json::json;

/// Answers like a dataplane that was told what to say.
fn answer(request: Request) -> Response {
    match request {
        Request::Status => Response::Status(Status { node: "a".into(), ..Status::default() }),
        Request::Neighbours => Response::Neighbours(Neighbours::default()),
        // A wrong answer on purpose.
        Request::Services => Response::Reloaded(Reloaded::default()),
        Request::Counters => {
            Response::Status(Status { version: "x".repeat(LIMIT), ..Status::default() })
        }
        Request::Reload(_) => Response::Failure(
            Failure::new(FailureKind::Configuration, "2 mistakes")
                .with_details(vec!["one".into(), "two".into()]),
        ),
        _ => Response::Failure(Failure::new(FailureKind::Busy, "later")),
    }
}

/// Both ends of a socket, the other one served by a thread.
fn pair() -> (UnixStream, JoinHandle<Result<(), FrameError>>) {
    let (near, mut far) = UnixStream::pair().unwrap();
    near.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    (near, std::thread::spawn(move || server::serve(&mut far, answer)))
}

fn exchange(stream: &mut UnixStream, json: &[u8]) -> Response {
    frame::write(stream, json).unwrap();
    let answer = frame::read(stream).unwrap().expect("an answer");
    message::decode(&answer).unwrap()
}

fn failure(response: Response) -> Failure {
    match response {
        Response::Failure(failure) => failure,
        other => panic!("a failure was expected, not {other:?}"),
    }
}

fn listen(name: &str) -> (UnixListener, PathBuf) {
    let path = std::env::temp_dir().join(format!("tandem-api-{}-{name}.sock", std::process::id()));
    let _ = std::fs::remove_file(&path);
    (UnixListener::bind(&path).unwrap(), path)
}

/// A server of one client.
fn serve_one(name: &str) -> (PathBuf, JoinHandle<()>) {
    let (listener, path) = listen(name);
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        server::serve(&mut stream, answer).unwrap();
    });
    (path, thread)
}

#[test]
fn a_client_asks_one_thing_after_the_other() {
    let (path, thread) = serve_one("asks");
    let mut client = Client::connect(&path).unwrap();
    assert_eq!(client.status().unwrap().node, "a");
    assert_eq!(client.neighbours().unwrap(), Neighbours::default());
    let error = client.reload(Reload::default()).unwrap_err();
    assert_eq!(error.to_string(), "2 mistakes\n  one\n  two");
    assert!(matches!(client.services(), Err(ClientError::OtherAnswer)));
    assert!(matches!(
        client.connections(Page::default()),
        Err(ClientError::Failed(Failure { failure: FailureKind::Busy, .. }))
    ));
    drop(client);
    thread.join().unwrap();
    std::fs::remove_file(path).unwrap();
}

#[test]
fn an_answer_that_does_not_fit_says_so() {
    let (mut stream, _thread) = pair();
    let request = message::encode(&Request::Counters).unwrap();
    let failure = failure(exchange(&mut stream, &request));
    assert_eq!(failure.failure, FailureKind::TooLarge);
}

#[test]
fn what_is_not_understood_is_answered_and_the_stream_goes_on() {
    let (mut stream, thread) = pair();
    for garbage in [&b""[..], b"\xff\x00", b"{", b"[1]", b"{\"version\":1}"] {
        let failure = failure(exchange(&mut stream, garbage));
        assert_eq!(failure.failure, FailureKind::Malformed, "{garbage:?}");
    }
    let unknown = json!({ "version": VERSION, "message": { "kind": "explode" } });
    let failure = failure(exchange(&mut stream, unknown.to_string().as_bytes()));
    assert_eq!(failure.failure, FailureKind::Malformed);
    assert!(failure.message.contains("explode"), "{}", failure.message);

    let request = message::encode(&Request::Status).unwrap();
    assert!(matches!(exchange(&mut stream, &request), Response::Status(_)));
    drop(stream);
    thread.join().unwrap().unwrap();
}

#[test]
fn another_version_is_told_which_is_spoken() {
    let (mut stream, _thread) = pair();
    let old = json!({ "version": VERSION + 1, "message": { "kind": "status" } });
    let failure = failure(exchange(&mut stream, old.to_string().as_bytes()));
    assert_eq!(failure.failure, FailureKind::Version);
    assert!(failure.message.contains(&format!("version {}", VERSION + 1)), "{}", failure.message);
}

#[test]
fn a_length_beyond_the_limit_is_refused_before_it_is_read() {
    let (mut stream, thread) = pair();
    stream.write_all(&u32::MAX.to_be_bytes()).unwrap();
    let answer = frame::read(&mut stream).unwrap().expect("an answer");
    assert_eq!(failure(message::decode(&answer).unwrap()).failure, FailureKind::TooLarge);
    assert!(matches!(thread.join().unwrap(), Err(FrameError::TooLarge(_))));
    assert_eq!(stream.read(&mut [0]).unwrap(), 0, "the stream is closed");
}

#[test]
fn a_stream_that_ends_within_a_frame_is_an_error() {
    for sent in [&[0, 0][..], &[0, 0, 0, 9, b'{']] {
        let (mut stream, thread) = pair();
        stream.write_all(sent).unwrap();
        drop(stream);
        assert!(matches!(thread.join().unwrap(), Err(FrameError::Io(_))), "{sent:?}");
    }
}

#[test]
fn frames_go_up_to_the_limit_and_no_further() {
    let mut wire = Vec::new();
    frame::write(&mut wire, &vec![b' '; LIMIT]).unwrap();
    assert_eq!(frame::read(&mut wire.as_slice()).unwrap().unwrap().len(), LIMIT);
    let mut wire = Vec::new();
    assert!(frame::write(&mut wire, &vec![b' '; LIMIT + 1]).is_err());
    assert_eq!(wire, b"", "nothing of it was written");
}

#[test]
fn nobody_there() {
    let error = Client::connect("/nonexistent/tandem.sock").unwrap_err();
    assert!(matches!(error, ClientError::NotRunning(_)));
    // A socket whose listener is gone.
    let (listener, path) = listen("gone");
    drop(listener);
    assert!(matches!(Client::connect(&path).unwrap_err(), ClientError::NotRunning(_)));
    std::fs::remove_file(path).unwrap();
}

#[test]
fn a_dataplane_that_hangs_or_dies() {
    let (listener, path) = listen("hangs");
    let mut client = Client::connect_with_timeout(&path, Duration::from_millis(50)).unwrap();
    assert!(matches!(client.status(), Err(ClientError::Timeout { .. })));
    let mut client = Client::connect(&path).unwrap();
    let thread = std::thread::spawn(move || {
        let _hung = listener.accept().unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        frame::read(&mut stream).unwrap();
    });
    assert!(matches!(client.status(), Err(ClientError::Closed(_))));
    thread.join().unwrap();
    std::fs::remove_file(path).unwrap();
}
