//! Many flows, opened at once from the upstream router's side.

use crate::{Error, Lab, Task, VIP};

/// Opens flows to the service that nobody answers, from many ports and addresses; three
/// times over, as a slow machine loses some.
const FLOWS: &str = "
import socket, struct, sys, time
first, count, vip = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
d = socket.inet_aton(vip)
for _ in range(3):
    for flow in range(first, first + count):
        s = socket.inet_aton('203.0.113.%d' % (100 + flow // 50000))
        udp = struct.pack('!HHHH', 10000 + flow % 50000, 9, 12, 0) + b'abcd'
        raw.sendto(struct.pack('!BBHHHBBH4s4s', 0x45, 0, 32, 1, 0, 64, 17, 0, s, d) + udp, (vip, 0))
        if flow % 100 == 0: time.sleep(0.001)
print(count)
";

/// Flows on their way.
#[derive(Debug)]
pub struct Flows(Task);

/// Starts to open so many flows.
///
/// # Errors
///
/// [`Error::Start`].
pub fn open(count: u32) -> Result<Flows, Error> {
    open_from(0, count)
}

/// The same from a number on: flows of other numbers are others.
///
/// # Errors
///
/// [`Error::Start`].
pub fn open_from(first: u32, count: u32) -> Result<Flows, Error> {
    let words = [first.to_string(), count.to_string(), VIP.to_owned()];
    Lab::UPSTREAM.spawn_python(FLOWS, &words.each_ref().map(String::as_str)).map(Flows)
}

impl Flows {
    /// Waits until all have been sent.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn finish(self) -> Result<(), Error> {
        let output = self.0.finish()?;
        match output.ok() {
            true => Ok(()),
            false => Err(Error::Command { command: "flows".to_owned(), words: output.words() }),
        }
    }
}
