//! `tandem trace` tells what became of real packets, and `tandem explain` what would become of one.

use lab::{Driver, INTERNET, Lab, Namespace, Ready, Settings, VIP, appliance, ready};
use serde_json::Value;

const SAID: &str = "/run/tandem-lab/trace.said";

/// What a trace with these words sees while `traffic` goes on; it begins before.
fn traced(words: &[&str], traffic: impl FnOnce()) -> Vec<Value> {
    let program = appliance::program("tandem").display().to_string();
    let socket = appliance::A.socket().display().to_string();
    let words: Vec<_> = words.iter().map(|word| format!("'{word}'")).collect();
    let line =
        format!("exec {program} --socket {socket} --json trace {} 2>{SAID}", words.join(" "));
    // What the trace before has said is not this one's word.
    drop(std::fs::remove_file(SAID));
    let task = Lab::A.spawn(&["bash", "-c", &line]).unwrap();
    lab::wait_until("the trace has begun", 20, || {
        std::fs::read_to_string(SAID).is_ok_and(|said| said.contains("Following"))
    })
    .unwrap();
    traffic();
    let output = task.finish().unwrap();
    assert!(output.ok(), "{}", std::fs::read_to_string(SAID).unwrap());
    output.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The packets of a trace; its last line has the counts.
fn packets(mut lines: Vec<Value>) -> Vec<Value> {
    let counts = lines.pop().unwrap();
    assert!(counts["counts"]["examined"].is_u64(), "{counts}");
    lines
}

fn step<'a>(packet: &'a Value, stage: &str) -> &'a Value {
    let steps = packet["steps"].as_array().unwrap();
    steps.iter().find(|step| step["stage"] == stage).unwrap_or(&Value::Null)
}

fn text<'a>(packet: &'a Value, stage: &str) -> &'a str {
    step(packet, stage)["text"].as_str().unwrap_or_else(|| panic!("no {stage}: {packet:#}"))
}

fn get(from: Namespace, url: &str) {
    let answer = from.must(&["curl", "-s", "-m", "10", url]).unwrap();
    assert!(!answer.stdout.is_empty());
}

fn web() -> String {
    format!("http://{VIP}/")
}

#[test]
fn a_connection_is_followed_from_its_first_packet_and_both_ways() {
    let _lab = ready().unwrap();
    let filter = format!("host {} and tcp port 80", lab::CLIENT);
    let all = packets(traced(&["--seconds", "5", &filter], || get(Lab::CLIENT, &web())));
    let first = &all[0];
    assert_eq!(first["packet"]["detail"], "SYN");
    assert!(text(first, "arrived").contains("public NIC"));
    assert_eq!(step(first, "found")["outcome"], "none");
    let decided = text(first, "decided");
    assert!(
        decided.starts_with("service web: ") && decided.contains("chosen 10.0.0.1"),
        "{decided}"
    );
    assert!(text(first, "rewritten").contains("> 10.0.0.1"));
    assert!(text(first, "next_hop").contains(" at "));
    assert_eq!(step(first, "sent")["side"], "private");
    let reply = all.iter().find(|one| one["packet"]["detail"] == "SYN,ACK").unwrap();
    assert!(text(reply, "arrived").contains("private NIC"));
    assert!(text(reply, "found").contains("service web"));
    assert!(text(reply, "rewritten").starts_with(&format!("{VIP}:80 > ")));
    // Those that follow are of a connection that is known.
    let fast = all.iter().filter(|one| step(one, "read")["outcome"] == "fast").count();
    assert!(fast >= 4, "{fast} of {}", all.len());
}

#[test]
fn a_filter_that_does_not_match_sees_nothing_and_a_trace_that_is_over_neither() {
    let _lab = ready().unwrap();
    let lines = traced(&["--seconds", "4", "host 192.0.2.77"], || get(Lab::CLIENT, &web()));
    assert_eq!(lines.len(), 1, "{lines:?}");
    let counts = &lines[0]["counts"];
    assert!(counts["examined"].as_u64().unwrap() > 5, "{counts}");
    assert_eq!(counts["matched"], 0);
    // The control: the same traffic with another filter.
    let seen = traced(&["--count", "1", &format!("host {VIP}")], || get(Lab::CLIENT, &web()));
    assert_eq!(packets(seen).len(), 1);
}

#[test]
fn why_a_server_was_not_chosen_is_said_in_words() {
    let lab = ready().unwrap();
    lab.appliance.reload(&Settings { weights: [0, 1, 1], ..Settings::default() }).unwrap();
    // Servers are asked for their way back by SYNs, too: not to this address.
    let filter = &format!("dst host {VIP} and tcp[tcpflags] == tcp-syn");
    let seen = traced(&["--count", "1", filter], || get(Lab::CLIENT, &web()));
    let explained =
        lab.appliance.tandem(&["explain", "198.51.100.100:4343", "198.51.100.10:80/tcp"]);
    lab.appliance.reload(&Settings::default()).unwrap();
    let all = packets(seen);
    let decided = text(&all[0], "decided");
    assert!(decided.contains("server 10.0.0.11 has weight 0"), "{decided}");
    assert!(decided.contains("chosen 10.0.0.12 by") || decided.contains("chosen 10.0.0.13 by"));
    let explained = explained.unwrap().stdout;
    assert!(explained.contains("server 10.0.0.11 has weight 0"), "{explained}");
}

#[test]
fn what_is_dropped_is_shown_with_its_reason_and_a_remedy() {
    let _lab = ready().unwrap();
    let seen = traced(&["--dropped=no_service", "--count", "1"], || {
        let refused = Lab::CLIENT.run(&["curl", "-s", "-m", "5", &format!("http://{VIP}:81/")]);
        assert!(!refused.unwrap().ok());
        get(Lab::CLIENT, &web());
    });
    let all = packets(seen);
    assert_eq!(all[0]["packet"]["destination_port"], 81);
    let dropped = step(&all[0], "dropped");
    assert_eq!(dropped["outcome"], "no_service");
    assert!(dropped["remedy"].as_str().unwrap().contains("[[service]]"));
    assert!(text(&all[0], "answered").contains("reset"));
}

#[test]
fn a_masqueraded_connection_and_an_icmp_error_about_another_are_followed() {
    let _lab = ready().unwrap();
    let filter = format!("host {INTERNET} and tcp[tcpflags] == tcp-syn");
    let seen = packets(traced(&["--count", "1", "--at", "before", &filter], || {
        get(Lab::S1, &format!("http://{INTERNET}/"));
    }));
    let decided = text(&seen[0], "decided");
    assert!(decided.contains(&format!("10.0.0.11, masqueraded as {VIP}:")), "{decided}");
    assert!(text(&seen[0], "rewritten").starts_with(VIP));
    assert!(text(&seen[0], "next_hop").contains("198.51.100.1"));
    // Nobody serves UDP port 9 of the servers: one of them says so.
    let ask = "import socket,sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(10); s.connect((sys.argv[1], 9)); s.send(b'hello')
try: s.recv(100)
except ConnectionRefusedError: pass";
    let seen = packets(traced(&["--count", "1", "--at", "before", "icmp[icmptype] == 3"], || {
        Lab::CLIENT.python(ask, &[VIP]).unwrap();
    }));
    assert_eq!(seen[0]["packet"]["detail"], "port unreachable");
    assert!(text(&seen[0], "key").contains("that of the packet it quotes"));
    assert_eq!(step(&seen[0], "found")["outcome"], "known");
    assert!(text(&seen[0], "rewritten").starts_with(&format!("{VIP} > {}", lab::CLIENT)));
}

/// Over XDP sockets: packet sockets would put fragments together before.
#[test]
fn fragments_go_the_way_of_their_first() {
    let mut lab: Ready = ready().unwrap();
    lab.restart_with(&Settings { driver: Driver::AfXdp, ..Settings::default() }).unwrap();
    let seen =
        packets(traced(&["--count", "3", "--at", "before", "ip[6:2] & 0x3fff != 0"], || {
            let send = "import socket,sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.sendto(b'x' * 4000, (sys.argv[1], 7))";
            Lab::CLIENT.python(send, &[VIP]).unwrap();
        }));
    assert_eq!(seen[0]["packet"]["detail"], "first fragment");
    for later in &seen[1..] {
        assert!(later["packet"]["detail"].as_str().unwrap().starts_with("fragment at byte"));
        assert!(text(later, "decided").contains("the way of the first"), "{later:#}");
        assert_eq!(step(later, "sent")["side"], "private");
    }
}

#[test]
fn to_explain_opens_no_connection_and_says_what_happens_then() {
    let lab = ready().unwrap();
    let ask = |from: &str, to: &str| {
        let output = lab.appliance.tandem(&["--json", "explain", from, to]).unwrap();
        assert!(output.ok(), "{}", output.words());
        serde_json::from_str::<Value>(&output.stdout).unwrap()
    };
    let opened = lab.appliance.counted("connections_opened");
    let client = format!("{}:4251", lab::CLIENT);
    let server = |explained: &Value| step(explained, "decided")["server"].clone();
    let said: Vec<_> = (0..5).map(|_| server(&ask(&client, &format!("{VIP}:80/tcp")))).collect();
    assert!(said.iter().all(|one| one.is_string() && *one == said[0]), "{said:?}");
    assert_eq!(lab.appliance.counted("connections_opened"), opened);
    // The packet itself goes there.
    // Servers are asked for their way back by SYNs, too: from other ports.
    let filter = "tcp[tcpflags] == tcp-syn and src port 4251";
    let seen = packets(traced(&["--count", "1", filter], || {
        let curl = ["curl", "-s", "-m", "10", "--local-port", "4251", &web()];
        Lab::CLIENT.must(&curl).unwrap();
    }));
    assert_eq!(server(&seen[0]), said[0]);
    let known = ask(&client, &format!("{VIP}:80/tcp"));
    assert_eq!(step(&known, "found")["outcome"], "known");
    let refused = ask(&client, &format!("{VIP}:81/tcp"));
    assert_eq!(step(&refused, "dropped")["outcome"], "no_service");
    let spoofed = ask("10.0.0.11:9", &format!("{VIP}:80/tcp"));
    assert!(text(&spoofed, "decided").contains("asked by a private host"), "{spoofed:#}");
}

/// What comes over the socket is not trusted.
#[test]
fn a_hostile_program_is_refused_or_runs_in_its_bounds() {
    use api::{BpfInstruction, PacketFilter, Trace};
    let lab = ready().unwrap();
    let process = lab.appliance.process();
    let trace = |program: Vec<BpfInstruction>| {
        let filter = PacketFilter { expression: "hostile".to_owned(), program };
        Trace { filter, ..Trace::default() }
    };
    let jump = BpfInstruction(0x05, 0, 0, u32::MAX);
    for wrong in [vec![], vec![jump], vec![BpfInstruction(0xffff, 9, 9, 9); 5000]] {
        let refused = lab.appliance.client().unwrap().trace(trace(wrong)).unwrap_err();
        assert!(refused.to_string().contains("filter's program"), "{refused}");
    }
    let mut longest = vec![BpfInstruction(0xb1, 0, 0, 14); 4095];
    longest.push(BpfInstruction(0x06, 0, 0, 1));
    let mut client = lab.appliance.client().unwrap();
    client.trace(trace(longest)).unwrap();
    // One trace at a time, and the next one when this client is gone.
    let all = trace(vec![BpfInstruction(0x06, 0, 0, 1)]);
    let second = lab.appliance.client().unwrap().trace(all.clone()).unwrap_err();
    assert!(second.to_string().contains("another tandem trace"), "{second}");
    for _ in 0..20 {
        get(Lab::CLIENT, &web());
    }
    drop(client);
    lab::wait_until("the trace has ended with its client", 20, || {
        lab.appliance.client().unwrap().trace(all.clone()).is_ok()
    })
    .unwrap();
    assert!(lab.appliance.runs());
    assert_eq!(lab.appliance.process(), process);
}
