//! The other machine of the pair, as far as connection sync goes: it tells the dataplane
//! of all connections before the first packet is forwarded, and is told of what happens
//! from then on, as in service.

use core::time::Duration;
use std::io::{BufReader, BufWriter, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread::JoinHandle;

use api::Client;
use api::stream::{Direction, EVENTS, Frame, STREAM_VERSION};
use nat::sync::event;

use super::PATIENCE;
use crate::Error;
use crate::traffic::Traffic;

/// The mark behind all connections.
const LAST: u64 = 1;

/// Has a dataplane that is standby install all connections of a traffic.
pub(super) fn install(socket: &Path, traffic: &Traffic) -> Result<(), Error> {
    let stream = open(socket, Direction::Import)?;
    let reading = stream.try_clone().map_err(broken())?;
    std::thread::scope(|scope| {
        // It confirms as it installs, and must not be kept from it by a full stream.
        let confirmed = scope.spawn(move || await_mark(reading));
        let told = tell(stream, traffic);
        let panicked = |_| Err(Error::dataplane("the reader of the stream panicked"));
        told.and(confirmed.join().unwrap_or_else(panicked))
    })
}

fn open(socket: &Path, direction: Direction) -> Result<UnixStream, Error> {
    let client = Client::connect_with_timeout(socket, PATIENCE).map_err(Error::dataplane)?;
    client.sync(direction).map_err(Error::dataplane)
}

fn broken() -> impl FnOnce(std::io::Error) -> Error {
    Error::io("the stream of connection sync")
}

fn tell(stream: UnixStream, traffic: &Traffic) -> Result<(), Error> {
    let mut stream = BufWriter::with_capacity(1 << 18, stream);
    let mut send = |frame: Frame| {
        let mut bytes = Vec::new();
        frame.write(&mut bytes);
        stream.write_all(&bytes).map_err(broken())
    };
    // The dataplane knows by itself which worker has which connection.
    send(Frame::Begin { session: 1, workers: 1, seed: 1, version: STREAM_VERSION })?;
    let mut next = 0;
    while next < traffic.connections {
        let end = traffic.connections.min(next + EVENTS as u32);
        let bytes = |number| event::to_bytes(traffic.connection(number).event().words());
        send(Frame::Events { worker: 0, events: (next..end).map(bytes).collect() })?;
        next = end;
    }
    send(Frame::Mark { number: LAST })?;
    stream.flush().map_err(broken())
}

fn await_mark(stream: UnixStream) -> Result<(), Error> {
    let mut stream = BufReader::new(stream);
    while next(&mut stream).map_err(broken())? != (Frame::Marked { number: LAST }) {}
    Ok(())
}

/// The next frame of a stream.
pub(crate) fn next(stream: &mut impl Read) -> std::io::Result<Frame> {
    let mut header = [0; 4];
    stream.read_exact(&mut header)?;
    let mut body = vec![0; Frame::length(header)?];
    stream.read_exact(&mut body)?;
    Frame::read(&body)
}

/// A reader of everything that the dataplane tells; it ends with the dataplane.
#[derive(Debug)]
pub(super) struct Follower {
    stream: UnixStream,
    thread: Option<JoinHandle<()>>,
}

impl Follower {
    pub(super) fn start(socket: &Path) -> Result<Self, Error> {
        let stream = open(socket, Direction::Export)?;
        let mut reading = stream.try_clone().map_err(broken())?;
        // It tells something every second, by which it is known to be alive elsewhere.
        reading.set_read_timeout(Some(Duration::from_secs(3600))).map_err(broken())?;
        let thread = std::thread::spawn(move || {
            // However it ends, nothing more is told.
            let _ = std::io::copy(&mut reading, &mut std::io::sink());
        });
        Ok(Follower { stream, thread: Some(thread) })
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        // The dataplane may have ended it before.
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
