//! Captures of real traffic, read by tshark.

use std::path::PathBuf;

use lab::{CLIENT, FOLDER, Lab, Output, Ready, Task, VIP, ready, wait_until};
use wire::tcp::Flags;
use wire::testing::Frame;

/// A file of a capture, gone at the end.
struct Recording(PathBuf);

impl Recording {
    fn new(name: &str) -> Self {
        let path = PathBuf::from(format!("{FOLDER}/{name}.pcapng"));
        let _ = std::fs::remove_file(&path);
        Recording(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    /// These fields of the packets that a filter of Wireshark's shows, a packet a line.
    fn show(&self, filter: &str, fields: &[&str]) -> Vec<Vec<String>> {
        let mut words = vec!["tshark", "-n", "-r", self.path(), "-T", "fields"];
        if !filter.is_empty() {
            words.extend(["-Y", filter]);
        }
        fields.iter().for_each(|field| words.extend(["-e", field]));
        let output = Lab::CLIENT.must(&words).unwrap();
        let line = |line: &str| line.split('\t').map(str::to_owned).collect();
        output.stdout.lines().map(line).collect()
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Starts a capture, and waits until the file is there: workers copy from then on.
fn start(lab: &Ready, recording: &Recording, words: &[&str]) -> Task {
    let words = [&["capture", "-w", recording.path()], words].concat();
    let task = lab.appliance.spawn_tandem(&words).unwrap();
    // The head is written when the dataplane has taken the order.
    wait_until("the capture's file has its head", 20, || {
        std::fs::metadata(&recording.0).is_ok_and(|file| file.len() > 0)
    })
    .unwrap();
    task
}

/// A port of this run: one that an earlier run has used waits a minute in the client's kernel.
fn port(number: u16) -> u16 {
    let run = std::process::id() % 2000;
    10_000 + run as u16 * 8 + number
}

fn curl(port: u16) {
    let port = port.to_string();
    let url = format!("http://{VIP}/");
    Lab::CLIENT.must(&["curl", "-s", "-m", "10", "--local-port", &port, &url]).unwrap();
}

fn stop(task: Task) -> Output {
    let output = task.stop().unwrap();
    assert!(output.ok(), "{}", output.words());
    output
}

#[test]
fn tshark_sees_a_connection_on_both_sides_and_before_and_after_its_translation() {
    let lab = ready().unwrap();
    // The dataplane learns its neighbours before.
    curl(port(0));
    let recording = Recording::new("connection");
    let task = start(&lab, &recording, &["tcp", "port", &port(1).to_string()]);
    curl(port(1));
    let output = stop(task);
    assert!(output.stdout.contains("packets captured"), "{}", output.words());

    let fields = ["frame.interface_name", "frame.packet_flags_direction", "ip.src", "ip.dst"];
    let seen = recording.show("", &fields);
    let has = |line: [&str; 4]| seen.iter().any(|seen| seen[..] == line);
    let server = seen.iter().find(|line| line[3].starts_with("10.0.0."));
    let server = server.unwrap_or_else(|| panic!("no server got it: {seen:?}"))[3].clone();
    assert!(has(["public", "0x00000001", CLIENT, VIP]), "{seen:?}");
    assert!(has(["private", "0x00000002", CLIENT, &server]), "{seen:?}");
    assert!(has(["private", "0x00000001", &server, CLIENT]), "{seen:?}");
    assert!(has(["public", "0x00000002", VIP, CLIENT]), "{seen:?}");

    // Every packet is there twice, under one number, and its copies lie in that order.
    let numbers = recording.show("", &["frame.packet_id", "frame.packet_flags_direction"]);
    for number in numbers.iter().map(|line| &line[0]) {
        let copies: Vec<_> = numbers.iter().filter(|line| &line[0] == number).collect();
        let directions: Vec<_> = copies.iter().map(|line| line[1].as_str()).collect();
        assert_eq!(directions, ["0x00000001", "0x00000002"], "packet {number}: {seen:?}");
    }
    // The SYN that the client sent and the one that the server got have one connection.
    let comments = recording.show("tcp.flags.syn == 1 and tcp.flags.ack == 0", &["frame.comment"]);
    let connection = |line: &Vec<String>| line[0].split_once("connection ").unwrap().1.to_owned();
    let [before, after] = &comments[..] else { panic!("{comments:?}") };
    assert_eq!(connection(before), connection(after));
    assert!(before[0].starts_with("received, before translation;"), "{comments:?}");
    assert!(after[0].starts_with("sent, after translation;"), "{comments:?}");
    let client = format!("{CLIENT}:{}", port(1));
    let words = format!("{client} > {VIP}:80, sent on as {client} > {server}:80");
    assert!(before[0].contains(&words) && before[0].contains("service web"), "{comments:?}");
    // What was sent has checksums that a receiver takes.
    let wrong = "frame.packet_flags_direction == 2 and (ip.checksum.status == 0 or \
                 tcp.checksum.status == 0)";
    let options = ["-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE"];
    let words = [&["tshark", "-n", "-r", recording.path(), "-Y", wrong], &options[..]].concat();
    assert_eq!(Lab::CLIENT.must(&words).unwrap().stdout, "");
}

#[test]
fn a_drop_has_its_reason_in_the_comment() {
    let lab = ready().unwrap();
    let macs = (Lab::CLIENT.mac("eth0").unwrap(), lab.appliance.mac(0).unwrap());
    let address = |text: &str| text.parse::<std::net::Ipv4Addr>().unwrap();
    let (client, vip) = (address(CLIENT), address(VIP));
    let recording = Recording::new("drops");
    let task = start(&lab, &recording, &["--at", "dropped", "--count", "2"]);
    // What is not dropped is not in the file.
    curl(port(0));
    let udp = Frame::udp((client, 4242), (vip, 4243)).payload("abcd");
    let ack = Frame::tcp((client, 4242), (vip, 80), Flags::ACK);
    for frame in [udp, ack] {
        Lab::CLIENT.send("eth0", &[frame.macs(macs.0, macs.1).build()]).unwrap();
    }
    let output = task.finish().unwrap();
    assert!(output.ok(), "{}", output.words());
    let comments = recording.show("", &["frame.interface_name", "frame.comment"]);
    let [first, second] = &comments[..] else { panic!("{comments:?}") };
    assert_eq!((first[0].as_str(), second[0].as_str()), ("public", "public"));
    let why = "dropped: no_service: A packet to a floating address at a port where no service \
               listens; packet";
    assert!(first[1].starts_with(why), "{comments:?}");
    assert!(second[1].starts_with("dropped: no_connection: "), "{comments:?}");
}

#[test]
fn a_filter_that_matches_nothing_writes_no_packet() {
    let lab = ready().unwrap();
    let recording = Recording::new("nothing");
    let task = start(&lab, &recording, &["host", "192.0.2.77"]);
    curl(port(0));
    let output = stop(task);
    assert!(output.stdout.starts_with("0 packets captured"), "{}", output.words());
    assert!(recording.show("", &["frame.number"]).is_empty());
    // The control: the same with a filter that matches.
    let recording = Recording::new("something");
    let task = start(&lab, &recording, &["host", CLIENT]);
    curl(port(1));
    stop(task);
    assert!(!recording.show(&format!("tcp.port == {}", port(1)), &["frame.number"]).is_empty());
}

#[test]
fn standard_output_is_a_pipe_for_wireshark_and_one_capture_runs_at_a_time() {
    let lab = ready().unwrap();
    let recording = Recording::new("pipe");
    let first = start(&lab, &recording, &["icmp"]);
    let second = lab.appliance.tandem(&["capture", "-w", "-", "icmp"]).unwrap();
    assert_eq!(second.status.code(), Some(1), "{}", second.words());
    assert!(second.stderr.contains("another capture runs"), "{}", second.words());
    stop(first);

    // As over SSH: tshark reads what comes while it comes, and ends the capture when it has enough.
    let tandem = lab.appliance.tandem_line("capture -w - icmp and host 198.51.100.100");
    let said = format!("{FOLDER}/capture.said");
    let line = format!(
        "timeout 60 {tandem} 2>{said} | tshark -n -i - -c 2 -T fields -e ip.dst -e \
         frame.interface_name"
    );
    let _ = std::fs::remove_file(&said);
    let piped = lab.appliance.machine.namespace.spawn(&["bash", "-c", &line]).unwrap();
    wait_until("the capture runs", 20, || {
        std::fs::read_to_string(&said).is_ok_and(|said| said.contains("Capturing on"))
    })
    .unwrap();
    let mut piped = piped;
    wait_until("tshark has enough", 30, || {
        Lab::CLIENT.must(&["ping", "-c", "2", "-i", "0.2", VIP]).unwrap();
        !piped.runs()
    })
    .unwrap();
    let shown = piped.finish().unwrap();
    let lines: Vec<_> = shown.stdout.lines().collect();
    assert!(lines.contains(&"198.51.100.10\tpublic"), "{}", shown.words());
}

#[test]
fn a_full_disk_ends_the_capture_and_leaves_a_file_that_can_be_read() {
    let lab = ready().unwrap();
    let disk = format!("{FOLDER}/small-disk");
    std::fs::create_dir_all(&disk).unwrap();
    // Of the namespace of mounts that the line alone has.
    let name = format!("{disk}/full.pcapng");
    let tandem = lab.appliance.tandem_line(&format!("capture -w {name} host {VIP}"));
    let copy = format!("{FOLDER}/full.pcapng");
    let line = format!(
        "mount -t tmpfs -o size=256k none {disk} && {tandem}; code=$?; cp {name} {copy}; umount {disk}; exit $code"
    );
    let task = lab.appliance.machine.namespace.spawn(&["bash", "-c", &line]).unwrap();
    let mut task = task;
    wait_until("the capture has ended", 60, || {
        let url = format!("http://{VIP}/big");
        let _ = Lab::CLIENT.run(&["curl", "-s", "-m", "1", "-o", "/dev/null", &url]);
        !task.runs()
    })
    .unwrap();
    let output = task.finish().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", output.words());
    assert!(output.stderr.contains("the disk is full"), "{}", output.words());
    let recording = Recording(PathBuf::from(copy));
    assert!(recording.show("", &["frame.number"]).len() > 10);
    // The router goes on as if nothing were.
    curl(port(0));
    std::fs::remove_dir_all(disk).unwrap();
}
