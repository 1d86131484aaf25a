//! Weight 0 drains a server.

use lab::{Conversation, Heard, Lab, Namespace, Settings, VIP, ready};

const QUESTION: &[u8] = b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n";

/// The server that an answer names.
fn server(heard: &Heard) -> usize {
    let is_from =
        |(_, name): &(Namespace, &str)| heard.ends_with(&format!("{name} {}", lab::CLIENT));
    Lab::servers().iter().position(is_from).unwrap_or_else(|| panic!("{heard:?}"))
}

#[test]
fn a_drained_server_keeps_its_connections_and_gets_no_new_ones() {
    let lab = ready().unwrap();
    let held = Conversation::ask(Lab::CLIENT, &format!("{VIP}:80"), QUESTION).unwrap();
    let at = server(&held.first);
    let (_, name) = Lab::servers()[at];
    let mut settings = Settings::default();
    settings.weights[at] = 0;
    lab.appliance.reload(&settings).unwrap();
    let line = format!("for i in $(seq 30); do curl -s -m 10 http://{VIP}/; done");
    let answers = Lab::CLIENT.sh(&line).unwrap().stdout;
    let again = held.go_on().unwrap();
    lab.appliance.reload(&Settings::default()).unwrap();
    assert_eq!(answers.lines().count(), 30);
    assert!(!answers.lines().any(|answer| answer.starts_with(name)), "{answers}");
    assert_eq!(server(&again), at);
}
