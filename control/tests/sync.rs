//! The connection between two machines: who gets one, what it carries and how fast.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test fails by panicking.

use std::time::{Duration, Instant};

use api::stream::STREAM_VERSION;
use control::key::{KeyRing, SharedKey};
use control::sync::noise::{
    Purpose, ROOM, Secured, SyncKey, SyncKeys, VERSION, Versions, dialled, taken, taken_for,
};
use control::sync::{Counts, SILENCE, Trouble, dial, pump};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream, UnixStream};

fn key(byte: u8) -> SyncKey {
    SyncKey::new(&SharedKey::from_bytes(vec![byte; 32]).unwrap())
}

async fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    near.set_nodelay(true).unwrap();
    (near, listener.accept().await.unwrap().0)
}

/// Both ends of a handshake with these keys and versions.
async fn handshake(
    keys: [u8; 2],
    versions: [Versions; 2],
) -> (Result<Secured, Trouble>, Result<Secured, Trouble>) {
    let (near, far) = sockets().await;
    let [ours, theirs] = keys.map(key);
    tokio::join!(dialled(near, &ours, versions[0]), taken(far, &theirs, versions[1]))
}

async fn link() -> (Secured, Secured) {
    let (near, far) = handshake([7, 7], [Versions::default(); 2]).await;
    (near.unwrap(), far.unwrap())
}

#[tokio::test]
async fn messages_of_every_size_arrive() {
    let (mut near, mut far) = link().await;
    let mut got = Vec::new();
    for length in [0, 1, 1000, ROOM] {
        let sent = vec![length as u8; length];
        let (send, receive) = tokio::join!(near.sender.send(&sent), far.receiver.receive(&mut got));
        send.unwrap();
        receive.unwrap();
        assert_eq!(got, sent);
    }
    far.sender.send(b"back").await.unwrap();
    near.receiver.receive(&mut got).await.unwrap();
    assert_eq!(got, b"back");
    assert!(near.sender.send(&vec![0; ROOM + 1]).await.is_err());
}

#[tokio::test]
async fn without_the_shared_key_there_is_no_connection() {
    let (near, far) = handshake([7, 8], [Versions::default(); 2]).await;
    assert_eq!(far.unwrap_err(), Trouble::Key);
    assert_eq!(near.unwrap_err(), Trouble::Closed);
}

/// The listener accepts either key, and a dialler with a third one gets none.
#[tokio::test]
async fn while_two_keys_are_accepted_either_makes_a_connection() {
    let only_sync = |purpose| (purpose == Purpose::Sync).then_some(Versions::default());
    for (byte, has_key) in [(7, true), (8, true), (9, false)] {
        let (near, far) = sockets().await;
        let (ours, accepted) = (key(byte), [key(7), key(8)]);
        let (near, far) = tokio::join!(
            dialled(near, &ours, Versions::default()),
            taken_for(only_sync, far, &accepted)
        );
        assert_eq!((near.is_ok(), far.is_ok()), (has_key, has_key), "key {byte}");
    }
}

/// A dialler whose used key the peer does not have yet tries the other one.
#[tokio::test]
async fn a_dialler_tries_its_other_key_where_the_first_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let listen = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let only_sync = |purpose| (purpose == Purpose::Sync).then_some(Versions::default());
            if let Ok((_, link)) = taken_for(only_sync, stream, &[key(7)]).await {
                return link;
            }
        }
    });
    let shared = |byte| SharedKey::from_bytes(vec![byte; 32]).unwrap();
    let keys = SyncKeys::new(&KeyRing::new(shared(8), Some(shared(7))));
    let path = config::PeerPath { local: address.ip(), remote: address.ip() };
    let mut near = dial::dial(path, address.port(), &keys).await.unwrap();
    let mut far = listen.await.unwrap();
    near.sender.send(b"here").await.unwrap();
    let mut got = Vec::new();
    far.receiver.receive(&mut got).await.unwrap();
    assert_eq!(got, b"here");
}

#[tokio::test]
async fn another_version_is_said_at_both_ends() {
    let ours = Versions::default();
    for theirs in [Versions(VERSION + 1, ours.1), Versions(VERSION, ours.1 + 1)] {
        let (near, far) = handshake([7, 7], [ours, theirs]).await;
        for error in [near.unwrap_err(), far.unwrap_err()] {
            assert!(matches!(error, Trouble::Version { .. }), "{error:?}");
            assert!(error.to_string().contains("install the same release"), "{error}");
        }
    }
}

/// What a client without the key may send: never a connection, never a panic.
#[tokio::test]
async fn rubbish_is_no_peer() {
    let mut random = 1_u64;
    let mut next = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 33) as u8
    };
    for round in 0..2000 {
        let (mut near, far) = sockets().await;
        let mut bytes: Vec<u8> = (0..round % 300).map(|_| next()).collect();
        if round % 2 == 0 {
            // With the right beginning it gets as far as the handshake.
            let preamble =
                [b"TANDEM".as_slice(), &[0, VERSION as u8, 0, STREAM_VERSION as u8, 0, 48]]
                    .concat();
            bytes.splice(..0, preamble);
        }
        near.write_all(&bytes).await.unwrap();
        near.shutdown().await.unwrap();
        let error = taken(far, &key(7), Versions::default()).await.unwrap_err();
        assert!(matches!(error, Trouble::Key | Trouble::NotTandem | Trouble::Closed), "{error:?}");
    }
}

/// What each end of a good connection sent, the dialler first.
async fn recording() -> [Vec<u8>; 2] {
    let (near, recorder) = sockets().await;
    let (onward, far) = sockets().await;
    let (ours, mut recorded) = (key(7), [Vec::new(), Vec::new()]);
    let [there, back] = &mut recorded;
    let record = async {
        let (from, to) = (recorder.into_split(), onward.into_split());
        tokio::join!(copy(from.0, to.1, there), copy(to.0, from.1, back));
    };
    let ends = async {
        let ends = tokio::join!(
            dialled(near, &ours, Versions::default()),
            taken(far, &ours, Versions::default())
        );
        drop((ends.0.unwrap(), ends.1.unwrap()));
    };
    tokio::join!(record, ends);
    recorded
}

async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, recorded: &mut Vec<u8>) {
    let mut buffer = [0; 512];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        recorded.extend(&buffer[..length]);
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

/// Everything that a peer sent, again: the handshake is answered, and then nothing counts.
#[tokio::test]
async fn a_recording_is_no_peer() {
    let [recorded, _] = recording().await;
    let (mut near, far) = sockets().await;
    near.write_all(&recorded).await.unwrap();
    assert_eq!(taken(far, &key(7), Versions::default()).await.unwrap_err(), Trouble::Key);
}

/// A kind of streams that are not the peer's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// A recording in which one bit is another, behind the preamble.
    Forged,
    /// A recording of an earlier handshake.
    Replayed,
    /// What the listener itself has answered before.
    Reflected,
    /// The beginning of a recording.
    Truncated,
    /// Random bytes.
    Random,
}

/// Sends so many streams of a kind to a listener; none may become a connection, and the
/// memory of the process stays what it was.
async fn bombard(kind: Kind, many: u32) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (ours, address) = (key(7), listener.local_addr().unwrap());
    let [there, back] = recording().await;
    let mut random = 1_u64;
    let mut next = move || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 33) as usize
    };
    let mut before = 0;
    for number in 0..many {
        let mut bytes = there.clone();
        match kind {
            Kind::Forged => bytes[12 + next() % (there.len() - 12)] ^= 1 << (next() % 8),
            Kind::Replayed => {}
            Kind::Reflected => bytes.clone_from(&back),
            Kind::Truncated => bytes.truncate(next() % there.len()),
            Kind::Random => bytes = (0..next() % 300).map(|_| next() as u8).collect(),
        }
        let sends = async {
            let mut near = TcpStream::connect(address).await.unwrap();
            // Or a million of them wait in the kernel for what could still come.
            near.set_zero_linger().unwrap();
            // It may be refused before its end.
            let _ = near.write_all(&bytes).await;
            let _ = near.shutdown().await;
            let _ = near.read_to_end(&mut Vec::new()).await;
        };
        let takes = async {
            let (far, _) = listener.accept().await.unwrap();
            taken(far, &ours, Versions::default()).await
        };
        let ((), result) = tokio::join!(sends, takes);
        assert!(result.is_err(), "{kind:?} {number} was taken");
        if number == many / 10 {
            before = resident();
        }
    }
    let grown = resident().saturating_sub(before);
    // AddressSanitizer keeps what was freed for a while, to notice its use.
    let is_kept = std::env::var_os("ASAN_OPTIONS").is_some();
    assert!(grown < 8 << 20 || is_kept, "{grown} bytes more than in the beginning");
}

/// Bytes of memory of this process.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = statm.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * 4096
}

#[tokio::test]
async fn what_is_not_the_peers_is_no_peer() {
    for kind in [Kind::Forged, Kind::Replayed, Kind::Reflected, Kind::Truncated, Kind::Random] {
        bombard(kind, 2000).await;
    }
}

#[tokio::test]
#[ignore = "takes some minutes"]
async fn a_million_forged_streams() {
    bombard(Kind::Forged, 1_000_000).await;
}

#[tokio::test]
#[ignore = "takes some minutes"]
async fn a_million_replayed_streams() {
    bombard(Kind::Replayed, 1_000_000).await;
}

#[tokio::test]
#[ignore = "takes some minutes"]
async fn a_million_reflected_streams() {
    bombard(Kind::Reflected, 1_000_000).await;
}

#[tokio::test]
#[ignore = "takes some minutes"]
async fn a_million_truncated_streams() {
    bombard(Kind::Truncated, 1_000_000).await;
}

#[tokio::test]
#[ignore = "takes some minutes"]
async fn a_million_random_streams() {
    bombard(Kind::Random, 1_000_000).await;
}

#[tokio::test]
async fn a_stream_ends_with_its_reason() {
    let counts = Counts::default();
    // The peer falls silent: no keep-alive comes.
    let (near, far) = link().await;
    let (dataplane, _other) = UnixStream::pair().unwrap();
    let began = Instant::now();
    assert_eq!(pump::run(dataplane, near, &counts, SILENCE).await, Trouble::Silent);
    assert!(began.elapsed() < Duration::from_secs(1), "an alarm within a second");
    drop(far);
    // The peer closes.
    let (near, far) = link().await;
    drop(far);
    let (dataplane, _other) = UnixStream::pair().unwrap();
    assert_eq!(pump::run(dataplane, near, &counts, SILENCE).await, Trouble::Closed);
    // The dataplane closes.
    let (near, _far) = link().await;
    let (dataplane, other) = UnixStream::pair().unwrap();
    drop(other);
    assert!(matches!(pump::run(dataplane, near, &counts, SILENCE).await, Trouble::Dataplane(_)));
}

/// From one dataplane's socket to the other's, both ends of the connection in this process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_million_events_a_second() {
    const EVENTS: usize = 4_000_000;
    let (near, far) = link().await;
    let (mut exporter, export) = UnixStream::pair().unwrap();
    let (mut importer, import) = UnixStream::pair().unwrap();
    tokio::spawn(async move { pump::run(export, near, &Counts::default(), SILENCE).await });
    tokio::spawn(async move { pump::run(import, far, &Counts::default(), SILENCE).await });
    let bytes = EVENTS * api::stream::EVENT;
    let chunk: Vec<u8> = (0..32 * 1024).map(|place: usize| place as u8).collect();
    let write = tokio::spawn(async move {
        for _ in 0..bytes / chunk.len() {
            exporter.write_all(&chunk).await.unwrap();
        }
        exporter
    });
    let began = Instant::now();
    let mut buffer = vec![0; 64 * 1024];
    let mut read = 0;
    while read < bytes / (32 * 1024) * (32 * 1024) {
        let length = importer.read(&mut buffer).await.unwrap();
        assert!(length > 0);
        for (place, byte) in buffer[..length].iter().enumerate().step_by(997) {
            assert_eq!(*byte, (read + place) as u8, "bytes in their order");
        }
        read += length;
    }
    let seconds = began.elapsed().as_secs_f64();
    println!("{:.1} million events/s", EVENTS as f64 / seconds / 1e6);
    write.await.unwrap();
}
