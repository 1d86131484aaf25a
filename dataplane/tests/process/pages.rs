//! The largest configuration is told page by page.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs;

use api::{Client, Request, Response, ServerChange, SetServers};
use config::Service;

use super::process::{Folder, Process, command};

/// Servers of each service, so that there are as many as a machine takes.
const SERVERS: usize = Service::MOST_SERVERS_OF_ALL / Service::MOST;

#[test]
fn as_many_services_as_a_machine_takes_are_told_whole() {
    let folder = Folder::new("pages");
    let path = folder.configure("");
    let mut text = fs::read_to_string(&path).unwrap();
    for service in 0..Service::MOST {
        let servers: Vec<_> = (0..SERVERS)
            .map(|server| format!("{{ address = \"10.0.0.11:{}\" }}", 1000 + server))
            .collect();
        let (port, servers) = (10_000 + service, servers.join(", "));
        write!(
            text,
            "[[service]]\nname = \"a-service-with-a-name-of-usual-length-{service}\"\nlisten = \
             \"198.51.100.10:{port}\"\nprotocol = \"tcp\"\nserver = [{servers}]\n"
        )
        .unwrap();
    }
    fs::write(&path, text).unwrap();
    let process = Process::start(command(&[], &path, &["--no-kernel-interfaces"]), &folder);
    let mut client = Client::connect(folder.socket()).unwrap();

    let all = client.services().unwrap();
    let names: HashSet<_> = all.services.iter().map(|service| service.name.clone()).collect();
    assert_eq!((all.services.len(), names.len()), (Service::MOST, Service::MOST));
    let servers = all.services.iter().map(|service| service.servers.len());
    assert_eq!(servers.sum::<usize>(), Service::MOST_SERVERS_OF_ALL);
    assert_eq!(all.next, None);

    // The control: it takes more than one page.
    let Response::Services(first) = client.request(&Request::Services).unwrap() else { panic!() };
    assert!(first.next.is_some() && first.services.len() < Service::MOST);

    // A change is answered with what was changed, not with all.
    let service = &all.services[1000];
    let server = service.servers[2].address;
    let change = ServerChange { draining: Some(true), ..ServerChange::new(&service.name, server) };
    let changed = client.set_servers(SetServers { servers: vec![change], ..SetServers::default() });
    let changed = changed.unwrap().services;
    assert_eq!(changed.len(), 1);
    assert_eq!((&changed[0].name, changed[0].servers.len()), (&service.name, 1));
    assert_eq!(changed[0].servers[0].address, server);
    process.last_words();
}
