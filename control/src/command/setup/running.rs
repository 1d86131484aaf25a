//! Whether the dataplane runs: what it works with is not taken from under it.

use std::path::{Path, PathBuf};

use config::{Config, Node};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

use super::apply::Applier;

const UNIT: &str = "tandem-dataplane.service";

/// Why NICs and hugepages cannot be moved now, with what to type; `None` where they can.
pub(super) fn problem(applier: &Applier<'_>, config: Option<&Config>) -> Option<String> {
    if !applier.is_live {
        return None;
    }
    let configured = config.map(|config| config.node.control_socket.clone());
    let sockets = [Some(PathBuf::from(Node::CONTROL_SOCKET)), configured];
    let answering = sockets.into_iter().flatten().find(|socket| {
        let path = applier.host.file(socket);
        accepts(&path)
    });
    let how = match answering {
        Some(socket) => format!("something listens on {}", socket.display()),
        None => format!("{UNIT} is {}", active(applier)?),
    };
    Some(format!(
        "the dataplane runs ({how}), and NICs and hugepages are not taken from under it: stop it \
         first, which ends forwarding here; type: systemctl disable --now tandem-control \
         tandem-dataplane"
    ))
}

/// True when somebody listens on a socket, also one who is too busy to answer.
fn accepts(path: &Path) -> bool {
    let connected = SocketAddrUnix::new(path).and_then(|address| {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        connect(&socket, &address)
    });
    matches!(connected, Ok(()) | Err(Errno::AGAIN))
}

/// The state of the unit, where it is one in which the process may be there.
fn active(applier: &Applier<'_>) -> Option<String> {
    let answer = (applier.tool)("systemctl", &["show", "-p", "ActiveState", UNIT]).ok()?;
    let state = answer.trim().strip_prefix("ActiveState=")?;
    (!matches!(state, "inactive" | "failed")).then(|| state.to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::net::UnixListener;

    use host::testing::Tree;

    use super::*;
    use crate::command::doctor::testing;

    fn said(tree: &Tree, state: &str, config: Option<&Config>) -> Option<String> {
        let host = tree.host();
        let answer = |_: &str, _: &[&str]| Ok(format!("ActiveState={state}\n"));
        problem(&Applier { host: &host, is_live: true, tool: &answer }, config)
    }

    #[test]
    fn a_dataplane_that_runs_is_told_by_its_socket_or_unit() {
        let tree = Tree::new();
        assert_eq!(said(&tree, "inactive", None), None);
        let running = said(&tree, "activating", None).unwrap();
        assert!(running.contains("tandem-dataplane.service is activating"), "{running}");
        assert!(running.ends_with("systemctl disable --now tandem-control tandem-dataplane"));

        fs::create_dir_all(tree.path("/run/tandem")).unwrap();
        let listener = UnixListener::bind(tree.path(Node::CONTROL_SOCKET)).unwrap();
        let running = said(&tree, "failed", None).unwrap();
        assert!(running.contains("something listens on /run/tandem/dataplane.sock"), "{running}");
        // The file that a killed process leaves behind is nobody.
        drop(listener);
        assert_eq!(said(&tree, "failed", None), None);

        let mut config = testing::config();
        config.node.control_socket = PathBuf::from("/run/tandem/other.sock");
        let _listener = UnixListener::bind(tree.path("/run/tandem/other.sock")).unwrap();
        assert!(said(&tree, "inactive", Some(&config)).unwrap().contains("other.sock"));
        // Files of an image are nobody's.
        let host = tree.host();
        let tool = |_: &str, _: &[&str]| Ok("ActiveState=active\n".to_owned());
        assert_eq!(problem(&Applier { host: &host, is_live: false, tool: &tool }, None), None);
    }
}
