//! An operator takes a real server out for its maintenance, and brings it back.

use api::{ServerState, ServerStatus};
use lab::{Appliance, Lab, Loading, Settings, VIP, ready};

const DRAINED: usize = 0;

fn server(appliance: &Appliance) -> ServerStatus {
    let services = appliance.client().unwrap().services().unwrap().services;
    services.into_iter().find(|one| one.name == "web").unwrap().servers.remove(DRAINED)
}

/// A server that is drained, until this is dropped: the next scenario finds it enabled.
struct Drained<'a>(&'a Appliance);

impl<'a> Drained<'a> {
    fn new(appliance: &'a Appliance) -> Self {
        let output = appliance.tandem(&["drain", "web", "10.0.0.11:80"]).unwrap();
        assert!(output.ok(), "{}", output.words());
        Drained(appliance)
    }
}

impl Drop for Drained<'_> {
    fn drop(&mut self) {
        // What follows looks whether it is enabled.
        drop(self.0.tandem(&["enable", "web", "10.0.0.11:80"]));
    }
}

/// To how many of these requests, ten at a time, the server answers.
fn answered(requests: usize) -> usize {
    let line = format!("seq {requests} | xargs -P 10 -I_ curl -s -m 20 --retry 0 http://{VIP}/");
    let answers = Lab::CLIENT.sh(&line).unwrap().stdout;
    assert_eq!(answers.lines().count(), requests, "{answers}");
    let (_, name) = Lab::servers()[DRAINED];
    answers.lines().filter(|answer| answer.starts_with(name)).count()
}

#[test]
fn a_server_that_an_operator_drains_gets_no_new_connection_until_it_is_enabled() {
    let lab = ready().unwrap();
    let appliance = &lab.appliance;
    assert!(answered(30) > 0, "it is one of the servers");

    let downloads = Loading::start(12, 0).unwrap();
    let drained = Drained::new(appliance);
    let opened = server(appliance).connections_total;
    assert_eq!(answered(90), 0);
    let draining = server(appliance);
    assert_eq!((draining.state, draining.connections_total), (ServerState::Draining, opened));
    assert!(draining.connections_active > 0, "downloads go on through it: {draining:?}");

    appliance.reload(&Settings::default()).unwrap();
    assert_eq!(answered(30), 0, "it stays drained over a reload");
    let loaded = downloads.finish().unwrap();
    assert_eq!((loaded.whole, loaded.lost), (12, 0), "{loaded:?}");

    drop(drained);
    assert_eq!(server(appliance).state, ServerState::Up);
    assert!(answered(30) > 0, "it gets new connections again");
}
