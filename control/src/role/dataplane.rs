//! The dataplane's socket, without waiting: orders go out at once, answers come in their
//! order.
//!
//! The connection is kept while the dataplane lives, also when it is slow: on one stream no
//! order can overtake another.

use core::future::poll_fn;
use core::task::{Context, Poll};
use core::time::Duration;
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use api::{LeaseOrder, LeaseStatus, Request, Response, frame, message};
use failover::Instant;
use tokio::net::UnixStream;
use tokio::time::{sleep, timeout};

use crate::clock::Clock;

/// Longest wait for a connection; to a socket that is listened on it takes microseconds.
const CONNECT: Duration = Duration::from_millis(2);
/// Between two attempts while nothing else is to be done.
const RETRY: Duration = Duration::from_millis(1);
/// Orders without an answer; a dataplane that hangs is given no more than releases.
const OUTSTANDING: usize = 64;

/// The dataplane as it is seen over its socket.
pub struct DataplaneSocket {
    path: PathBuf,
    stream: Option<UnixStream>,
    unread: Vec<u8>,
    unsent: Vec<u8>,
    outstanding: VecDeque<(LeaseOrder, Instant)>,
    trouble: Option<String>,
    /// It listens, and takes no connection.
    is_slow: bool,
    /// As it last said.
    pub lease_status: Option<LeaseStatus>,
    /// When it was asked for that.
    pub asked: Instant,
}

/// The dataplane answered an order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    pub order: LeaseOrder,
    /// When it was given.
    pub asked: Instant,
    /// It was carried out.
    pub granted: bool,
}

impl DataplaneSocket {
    /// Not connected yet.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        DataplaneSocket {
            path: path.to_owned(),
            stream: None,
            unread: Vec::new(),
            unsent: Vec::new(),
            outstanding: VecDeque::new(),
            trouble: Some("the dataplane was not asked yet".to_owned()),
            is_slow: false,
            lease_status: None,
            asked: Instant::default(),
        }
    }

    /// True while there is a connection.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.stream.is_some()
    }

    /// Why the dataplane is of no use, if so: it has not answered for `patience`, or not
    /// what was asked.
    #[must_use]
    pub fn trouble(&self, patience: Duration, now: Instant) -> Option<String> {
        let waiting = self.outstanding.front().map(|&(_, at)| now.since(at));
        match waiting {
            Some(time) if time > patience => Some("the dataplane does not answer".to_owned()),
            _ => self.trouble.clone(),
        }
    }

    /// Connects if there is no connection; a dataplane that was just started is asked how
    /// it is.
    pub async fn connect(&mut self, now: Instant) {
        if self.stream.is_some() {
            return;
        }
        match timeout(CONNECT, UnixStream::connect(&self.path)).await {
            Ok(Ok(stream)) => {
                self.stream = Some(stream);
                self.is_slow = false;
                self.order(LeaseOrder::Watch, now);
            }
            // All places in its queue are taken.
            Ok(Err(error)) if error.kind() == ErrorKind::WouldBlock => self.is_slow = true,
            Ok(Err(error)) => {
                self.is_slow = false;
                self.trouble = Some(unreachable(&self.path, &error));
            }
            Err(_) => self.is_slow = true,
        }
        if self.is_slow {
            self.trouble = Some("the dataplane takes no connection".to_owned());
        }
    }

    pub fn order(&mut self, order: LeaseOrder, now: Instant) {
        let gives_up = matches!(order, LeaseOrder::Release | LeaseOrder::Retire { .. });
        if self.stream.is_none() || (self.outstanding.len() >= OUTSTANDING && !gives_up) {
            return;
        }
        let framed = message::encode(&Request::Lease(order))
            .ok()
            .and_then(|json| Some((frame::header(json.len()).ok()?, json)));
        if let Some((header, json)) = framed {
            self.unsent.extend(header);
            self.unsent.extend(json);
            self.outstanding.push_back((order, now));
            self.flush();
        }
    }

    /// Orders that were not answered yet.
    #[must_use]
    pub fn outstanding(&self) -> usize {
        self.outstanding.len()
    }

    /// Waits until the dataplane has said how it is or that it will not, or is not there.
    pub async fn first_answer(&mut self, clock: Clock) {
        loop {
            self.connect(clock.now()).await;
            if self.stream.is_none() && !self.is_slow {
                return;
            }
            self.settled().await;
            if self.stream.is_some() {
                return;
            }
            sleep(RETRY).await;
        }
    }

    /// Waits until every order is answered, or the dataplane is gone.
    pub async fn settled(&mut self) {
        while !self.outstanding.is_empty() {
            poll_fn(|context| self.poll_readable(context)).await;
            self.answers();
        }
    }

    fn flush(&mut self) {
        let Some(stream) = &self.stream else { return };
        while !self.unsent.is_empty() {
            match stream.try_write(&self.unsent) {
                Ok(count) => drop(self.unsent.drain(..count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => return self.lose(&error),
            }
        }
    }

    /// Takes in what was answered, without waiting.
    pub fn answers(&mut self) -> Vec<Answer> {
        self.flush();
        self.read();
        let mut answers = Vec::new();
        while let Some(json) = self.next_frame() {
            let Some((order, asked)) = self.outstanding.pop_front() else { break };
            let response = message::decode(&json).unwrap_or_else(Response::Failure);
            let granted =
                matches!(&response, Response::LeaseStatus(lease_status) if lease_status.granted);
            answers.push(Answer { order, asked, granted });
            self.trouble = match response {
                Response::LeaseStatus(lease_status) => {
                    self.lease_status = Some(lease_status);
                    self.asked = asked;
                    None
                }
                Response::Failure(failure) => {
                    Some(format!("the dataplane refuses orders: {failure}"))
                }
                _ => Some("the dataplane answers another question".to_owned()),
            };
        }
        answers
    }

    fn read(&mut self) {
        let mut buffer = [0; 16 * 1024];
        while let Some(stream) = &self.stream {
            match stream.try_read(&mut buffer) {
                Ok(0) => self.lose(&io::Error::from(ErrorKind::UnexpectedEof)),
                Ok(count) => self.unread.extend(buffer.iter().take(count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => self.lose(&error),
            }
        }
    }

    /// The bytes of the next answer, once all of them are there.
    fn next_frame(&mut self) -> Option<Vec<u8>> {
        let header = self.unread.first_chunk::<4>()?;
        let Ok(length) = frame::length(*header) else {
            self.lose(&io::Error::from(ErrorKind::InvalidData));
            return None;
        };
        if self.unread.len() < 4 + length {
            return None;
        }
        self.unread.drain(..4);
        Some(self.unread.drain(..length).collect())
    }

    fn lose(&mut self, error: &io::Error) {
        self.stream = None;
        self.unread.clear();
        self.unsent.clear();
        self.outstanding.clear();
        self.lease_status = None;
        self.trouble = Some(match error.kind() {
            ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => {
                "the dataplane went away".to_owned()
            }
            _ => format!("the dataplane's socket fails: {error}"),
        });
    }

    /// Ready when an answer may have come.
    pub fn poll_readable(&self, context: &mut Context<'_>) -> Poll<()> {
        match &self.stream {
            Some(stream) => stream.poll_read_ready(context).map(|_| ()),
            None => Poll::Pending,
        }
    }
}

fn unreachable(path: &Path, error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => {
            format!("no dataplane listens on {}", path.display())
        }
        _ => format!("{} cannot be used: {error}", path.display()),
    }
}
