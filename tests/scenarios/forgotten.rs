//! Connections that outlive their state in the appliance.

use lab::{Conversation, Heard, Lab, Settings, VIP, ready};

/// Two halves of a request.
const HALVES: [&[u8]; 2] = [b"GET / HTTP/1.1\r\n", b"Host: lab\r\n\r\n"];

/// What a client of the service and a private host on the Internet meet when in the middle
/// of their connections something `happens`.
fn halves(happens: impl FnOnce()) -> [Heard; 2] {
    let begun = [(Lab::CLIENT, VIP), (Lab::S1, lab::INTERNET)]
        .map(|(from, to)| Conversation::begin(from, &format!("{to}:80"), HALVES).unwrap());
    happens();
    begun.map(|conversation| conversation.go_on().unwrap())
}

#[test]
fn both_ends_are_told_that_a_connection_is_forgotten() {
    let mut lab = ready().unwrap();
    let met = halves(|| lab.restart_with(&Settings::default()).unwrap());
    assert_eq!(met, [Heard::Reset, Heard::Reset]);
    assert!(lab.appliance.counted("resets_sent").iter().sum::<u64>() >= 2);
}

/// The control: the connections are good until they are forgotten.
#[test]
fn a_connection_that_is_known_goes_on() {
    let _lab = ready().unwrap();
    let is_answer = |heard: &Heard| matches!(heard, Heard::Answer(answer) if answer.starts_with("HTTP/1.1 200 OK"));
    let met = halves(|| {});
    assert!(met.iter().all(is_answer), "{met:?}");
}
