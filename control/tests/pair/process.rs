//! tandem-control as a process of its own that can be killed. A configuration has real
//! addresses; here they become addresses of the loopback interface, which every machine has
//! and no user needs rights for.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use config::Config;

/// The variable with the configuration's file.
pub(crate) const CONFIG: &str = "TANDEM_TEST_CONFIG";

/// No test by itself: with the variable set, this is the process.
#[test]
fn control() {
    let Some(file) = std::env::var_os(CONFIG) else { return };
    let config = loopback(file.as_ref());
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
    control::daemon::run(&config, file.as_ref()).unwrap();
}

/// A machine's configuration, with addresses of the loopback interface.
pub(crate) fn loopback(file: &Path) -> Config {
    let mut config = Config::load(file).unwrap();
    let peer = config.peer.as_mut().unwrap();
    for path in &mut peer.paths {
        path.local = looped(path.local);
        path.remote = looped(path.remote);
    }
    peer.witness = peer.witness.map(looped);
    config
}

fn looped(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let [_, b, c, d] = v4.octets();
            Ipv4Addr::new(127, b, c, d).into()
        }
        IpAddr::V6(_) => panic!("only IPv4 here"),
    }
}
