//! A reload is whole or not at all.

use std::fs;

use api::client::ClientError;
use api::{Client, Failure, FailureKind, Observe, Page, Reload, Request, Response, SetServers};

use super::process::{Folder, Process, command, wait_until};
use super::stopped::Stopped;

/// What the process uses: the number of the configuration, floating addresses of the public side,
/// neighbours.
fn in_use(client: &mut Client) -> (u64, Vec<String>, Vec<String>) {
    let status = client.status().unwrap();
    let neighbours = client.neighbours().unwrap().entries;
    let addresses = neighbours.iter().map(|neighbour| neighbour.address.to_string()).collect();
    (status.configuration.generation, status.nics[0].floating.clone(), addresses)
}

fn refused(client: &mut Client) -> Failure {
    match client.reload(Reload { path: None }) {
        Err(ClientError::Failed(failure)) => failure,
        other => panic!("{other:?}"),
    }
}

/// One neighbour more, and one floating address.
fn more(text: &str) -> String {
    let more = "floating = [\"198.51.100.10/24\", \"198.51.100.20/24\"]\n\
                neighbour = [{ address = \"198.51.100.7\", mac = \"02:00:00:00:00:07\" }]";
    text.replace("floating = [\"198.51.100.10/24\"]", more)
}

#[test]
fn a_worker_that_stands_still_has_the_configuration_stay_as_it_was() {
    let folder = Folder::new("late-worker");
    let config = folder.configure("");
    let text = fs::read_to_string(&config).unwrap();
    let process = Process::start(command(&[], &config, &["--no-kernel-interfaces"]), &folder);
    let mut client = Client::connect(folder.socket()).unwrap();
    let before = in_use(&mut client);
    fs::write(&config, more(&text)).unwrap();
    let stopped = Stopped::new(process.thread("worker"));
    let failure = refused(&mut client);
    assert_eq!(failure.failure, FailureKind::Busy);
    assert!(failure.message.ends_with("the configuration in use stays"), "{}", failure.message);
    assert_eq!(in_use(&mut client), before);
    drop(stopped);
    // The control: the same file is taken when the worker advances.
    client.reload(Reload { path: None }).unwrap();
    let (_, floating, neighbours) = in_use(&mut client);
    assert_eq!(floating.len(), 2);
    assert_eq!(neighbours, ["198.51.100.7"]);
    process.last_words();
}

#[test]
fn neighbours_that_do_not_fit_have_the_configuration_stay_as_it_was() {
    let folder = Folder::new("many-neighbours");
    let config = folder.configure("");
    let text = fs::read_to_string(&config).unwrap().replace("10.0.0.2/24", "10.0.0.2/16");
    let text = text.replace("10.0.0.1/24", "10.0.0.1/16");
    fs::write(&config, &text).unwrap();
    let process = Process::start(command(&[], &config, &["--no-kernel-interfaces"]), &folder);
    let mut client = Client::connect(folder.socket()).unwrap();
    let before = in_use(&mut client);
    let neighbour = |n: u32| {
        let address = std::net::Ipv4Addr::from_bits(0x0a00_0100 + n);
        format!("{{ address = \"{address}\", mac = \"02:00:00:00:00:09\" }}")
    };
    let all: Vec<_> = (0..9000).map(neighbour).collect();
    let private = "[private]\n";
    let with = |all: &[String]| {
        text.replace(private, &format!("{private}neighbour = [{}]\n", all.join(", ")))
    };
    fs::write(&config, more(&with(&all))).unwrap();
    let failure = refused(&mut client);
    assert_eq!(failure.failure, FailureKind::Configuration, "{failure:?}");
    assert!(failure.details[0].contains("there are 9001 neighbours"), "{failure:?}");
    assert_eq!(in_use(&mut client), before);
    // The control.
    fs::write(&config, more(&with(&all[..1000]))).unwrap();
    wait_until("what fits is taken", || client.reload(Reload { path: None }).ok());
    assert_eq!(in_use(&mut client).2.len(), 1001);
    process.last_words();
}

/// The generation that each answer tells which says something of the configuration.
fn told(client: &mut Client) -> [u64; 6] {
    let Response::Observations(observed) =
        client.request(&Request::Observe(Observe::default())).unwrap()
    else {
        panic!("no observations")
    };
    [
        client.status().unwrap().configuration.generation,
        client.counters().unwrap().generation,
        client.services().unwrap().generation,
        client.set_servers(SetServers::default()).unwrap().generation,
        client.connections(Page::default()).unwrap().generation,
        observed.generation,
    ]
}

#[test]
fn every_answer_tells_the_generation_in_force() {
    let folder = Folder::new("generation");
    let config = folder.configure("");
    let text = fs::read_to_string(&config).unwrap();
    let process = Process::start(command(&[], &config, &["--no-kernel-interfaces"]), &folder);
    let mut client = Client::connect(folder.socket()).unwrap();
    assert_eq!(told(&mut client), [1; 6]);
    fs::write(&config, more(&text)).unwrap();
    let reloaded = client.reload(Reload { path: None }).unwrap();
    assert_eq!((reloaded.generation, told(&mut client)), (2, [2; 6]));
    // The control: one that is refused has no generation that anybody sees.
    fs::write(&config, "[node]\n").unwrap();
    refused(&mut client);
    assert_eq!(told(&mut client), [2; 6]);
    process.last_words();
}
