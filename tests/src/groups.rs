//! Who listens to multicast as a routing daemon does: it joins groups on an interface and writes
//! down what the kernel gives it.

use std::fs;

use crate::namespace::Task;
use crate::{Error, FOLDER, Namespace, wait_until};

/// Joins each "PROTOCOL:GROUP", or hears "lldp", on an interface; one line for each packet.
const LISTENER: &str = "
import select, socket, struct, sys
interface, path, wanted = sys.argv[1], sys.argv[2], sys.argv[3:]
index, sockets = socket.if_nametoindex(interface), {}
for one in wanted:
    if one == 'lldp':
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88cc))
        s.bind((interface, 0x88cc))
        address = bytes.fromhex('0180c200000e') + bytes(2)
        s.setsockopt(263, 1, struct.pack('iHH', index, 0, 6) + address)
        sockets[s] = one
        continue
    protocol, group = one.split(':')
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, int(protocol))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
    request = socket.inet_aton(group) + socket.inet_aton('0.0.0.0') + struct.pack('i', index)
    s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)
    s.setsockopt(socket.IPPROTO_IP, 49, 0) # IP_MULTICAST_ALL: what it has joined alone
    sockets[s] = one
with open(path, 'w', buffering=1) as heard:
    print('ready', file=heard)
    while True:
        for s in select.select(list(sockets), [], [])[0]:
            packet, sender = s.recvfrom(65535)
            if sockets[s] == 'lldp':
                if sender[2] != socket.PACKET_OUTGOING:
                    print('lldp', file=heard)
                continue
            source, to = map(socket.inet_ntoa, (packet[12:16], packet[16:20]))
            words = 20 + len(packet[20:4 * (packet[0] & 15)])
            print(packet[9], source, to, f'ttl={packet[8]}', f'header={words}', file=heard)
";

/// Sends an IP packet of a protocol to a group, as a daemon does.
const SENDER: &str = "
import socket, struct, sys
interface, protocol, group = sys.argv[1:]
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, int(protocol))
request = struct.pack('4s4si', bytes(4), bytes(4), socket.if_nametoindex(interface))
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, request)
s.sendto(b'a hello of some protocol', (group, 0))
";

/// Is a member of a group on an interface until it is ended: the kernel reports that by IGMP.
const MEMBER: &str = "
import signal, socket, struct, sys
interface, group = sys.argv[1:]
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
request = socket.inet_aton(group) + bytes(4) + struct.pack('i', socket.if_nametoindex(interface))
s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)
signal.pause()
";

/// Somebody who listens, until this is dropped.
#[derive(Debug)]
pub struct Listener {
    path: String,
    _task: Task,
}

impl Listener {
    /// Joins groups, each as "PROTOCOL:GROUP", or hears "lldp", on an interface.
    ///
    /// # Errors
    ///
    /// [`Error`], when it does not start.
    pub fn start(at: Namespace, interface: &str, groups: &[&str]) -> Result<Self, Error> {
        let path = format!("{FOLDER}/{}.{interface}.heard", at.0);
        let _ = fs::remove_file(&path);
        let arguments = [&[interface, path.as_str()][..], groups].concat();
        let task = at.spawn_python(LISTENER, &arguments)?;
        let listener = Listener { path, _task: task };
        wait_until("the groups are joined", 20, || !listener.lines().is_empty())?;
        Ok(listener)
    }

    fn lines(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.path).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// What it has heard so far: "PROTOCOL SOURCE GROUP ttl=TTL header=BYTES", or "lldp".
    pub fn heard(&self) -> Vec<String> {
        self.lines().into_iter().skip(1).collect()
    }

    /// Waits until it has heard what begins so.
    ///
    /// # Errors
    ///
    /// [`Error::Waited`], with all that it heard.
    pub fn await_heard(&self, begin: &str) -> Result<(), Error> {
        let has = || self.heard().iter().any(|line| line.starts_with(begin));
        let what = format!("{begin:?} arrives in {}", self.path);
        wait_until(&what, 20, has).map_err(|error| match error {
            Error::Waited { seconds, what, .. } => {
                Error::Waited { seconds, what, words: format!(": {:?}", self.heard()) }
            }
            other => other,
        })
    }
}

/// Has a daemon's packet sent to a group.
///
/// # Errors
///
/// [`Error::Command`], with what it said.
pub fn send(at: Namespace, interface: &str, protocol: u8, group: &str) -> Result<(), Error> {
    at.python(SENDER, &[interface, &protocol.to_string(), group]).map(drop)
}

/// Becomes a member of a group until this is dropped.
///
/// # Errors
///
/// [`Error::Start`].
pub fn join(at: Namespace, interface: &str, group: &str) -> Result<Task, Error> {
    at.spawn_python(MEMBER, &[interface, group])
}
