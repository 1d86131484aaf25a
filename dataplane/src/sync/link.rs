//! A stream of frames that never blocks: what does not go waits here.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;

use api::stream::Frame;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Bytes read at a time.
const READ: usize = 256 * 1024;

/// One end of the stream.
#[derive(Debug)]
pub(super) struct Link<'a> {
    stream: &'a UnixStream,
    input: Vec<u8>,
    /// What of the input has been read as frames.
    taken: usize,
    output: Vec<u8>,
    /// What of the output has gone.
    sent: usize,
}

impl<'a> Link<'a> {
    pub(super) fn new(stream: &'a UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Link { stream, input: Vec::new(), taken: 0, output: Vec::new(), sent: 0 })
    }

    /// Where to append frames.
    pub(super) fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// Bytes that wait to go.
    pub(super) fn backlog(&self) -> usize {
        self.output.len() - self.sent
    }

    /// Sends what goes. Returns how many bytes went.
    pub(super) fn send(&mut self) -> io::Result<usize> {
        let before = self.sent;
        while let Some(rest) = self.output.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let went = self.sent - before;
        if self.backlog() == 0 {
            self.output.clear();
            self.sent = 0;
        }
        Ok(went)
    }

    /// Takes in what has come. Returns how many bytes.
    pub(super) fn receive(&mut self) -> io::Result<usize> {
        self.input.drain(..self.taken);
        self.taken = 0;
        let kept = self.input.len();
        self.input.resize(kept + READ, 0);
        let read = match self.input.get_mut(kept..).map(|room| self.stream.read(room)) {
            Some(Ok(0)) => Err(ErrorKind::UnexpectedEof.into()),
            Some(Ok(count)) => Ok(count),
            Some(Err(error)) if is_passing(&error) => Ok(0),
            Some(Err(error)) => Err(error),
            None => Ok(0),
        };
        self.input.truncate(kept + *read.as_ref().unwrap_or(&0));
        read
    }

    /// The next frame that is there as a whole.
    pub(super) fn next(&mut self) -> io::Result<Option<Frame>> {
        let rest = self.input.get(self.taken..).unwrap_or_default();
        let Some((header, rest)) = rest.split_first_chunk::<4>() else { return Ok(None) };
        let length = Frame::length(*header)?;
        let Some(body) = rest.get(..length) else { return Ok(None) };
        let frame = Frame::read(body)?;
        self.taken += 4 + length;
        Ok(Some(frame))
    }

    /// Sleeps until something comes, what waits can go, or so many microseconds are over.
    pub(super) fn wait(&self, micros: u32) {
        let wanted = match self.backlog() {
            0 => PollFlags::IN,
            _ => PollFlags::IN | PollFlags::OUT,
        };
        let time = Timespec { tv_sec: 0, tv_nsec: i64::from(micros) * 1000 };
        // An error here is an interrupted sleep; the caller looks at everything anyway.
        let _ = poll(&mut [PollFd::new(self.stream, wanted)], Some(&time));
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
