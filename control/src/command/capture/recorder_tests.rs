use std::io::Write;
use std::process::{Command, Stdio};

use api::{CaptureNic, Side};

use super::*;

fn capturing() -> Capturing {
    let nic = |side, last| CaptureNic {
        side,
        device: "net_af_xdp0".to_owned(),
        driver: "net_af_xdp".to_owned(),
        mac: [2, 0, 0, 0, 0, last],
        speed_mbps: Some(10_000),
    };
    Capturing {
        node: "a".to_owned(),
        version: "0.1.0".to_owned(),
        nics: vec![nic(Side::Public, 1), nic(Side::Private, 2)],
        snap_length: 2048,
    }
}

/// A datagram, once as it was received and once as it was sent.
fn packets(number: u64) -> [CaptureFrame; 2] {
    let mut bytes = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 8, 8, 0];
    bytes.extend([0x45, 0, 0, 32, 0, 0, 0x40, 0, 64, 17, 0, 0, 203, 0, 113, 9]);
    bytes.extend([198, 51, 100, 10, 16, 146, 0, 53, 0, 12, 0, 0, 1, 2, 3, 4]);
    let copy = |side, is_sent, comment: &str| {
        CaptureFrame::Packet(CapturedPacket {
            side,
            is_sent,
            nanoseconds: 1_772_366_400_123_456_789 + u64::from(is_sent) * 1000,
            number,
            worker: 1,
            length: bytes.len() as u32 + 900,
            comment: comment.to_owned(),
            bytes: bytes.clone(),
        })
    };
    [
        copy(Side::Public, false, "dropped: no_service: nothing listens"),
        copy(Side::Private, true, "sent, after translation"),
    ]
}

fn seen(lost: u64) -> [CaptureStatistics; 2] {
    let side = CaptureStatistics { seen: 100, selected: 10, lost };
    [side, CaptureStatistics::default()]
}

/// A dataplane that sends so many pairs of packets, and its end when it is asked for it.
fn dataplane(pairs: u64) -> UnixStream {
    let (ours, theirs) = UnixStream::pair().unwrap();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        for frame in (1..=pairs).flat_map(packets) {
            frame.write(&mut bytes);
        }
        CaptureFrame::Statistics(seen(0)).write(&mut bytes);
        let mut theirs = theirs;
        // The client may have enough before the end.
        if theirs.write_all(&bytes).is_err() {
            return;
        }
        let _ = theirs.read(&mut [0; 8]);
        bytes.clear();
        CaptureFrame::End(seen(3)).write(&mut bytes);
        let _ = theirs.write_all(&bytes);
    });
    ours
}

fn record(pairs: u64, limits: Limits, output: &mut Output<'_>) -> Recorded {
    let stream = dataplane(pairs);
    let capturing = capturing();
    let recorder = Recorder::new(&capturing, "udp", limits, output).unwrap();
    recorder.record(&stream, &AtomicBool::new(false))
}

/// What tshark says of a capture, a packet a line.
fn tshark(capture: &[u8], fields: &[&str]) -> Vec<String> {
    let mut command = Command::new("tshark");
    command.args(["-r", "-", "-T", "fields"]);
    for field in fields {
        command.args(["-e", field]);
    }
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("tshark is installed by tests/setup.sh");
    child.stdin.take().unwrap().write_all(capture).unwrap();
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert!(!errors.contains("damaged") && !errors.contains("cut short"), "{errors}");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn tshark_reads_interfaces_directions_comments_times_and_numbers() {
    let mut bytes = Vec::new();
    let limits = Limits { packets: Some(4), ..Limits::default() };
    let recorded = record(9, limits, &mut Output::Stream(&mut bytes));
    assert!(matches!(recorded.ended, Ended::Count), "{recorded:?}");
    assert_eq!((recorded.written, recorded.seen), ([2, 2], seen(3)));
    let fields = [
        "frame.interface_name",
        "frame.packet_flags_direction",
        "frame.packet_id",
        "frame.interface_queue",
        "frame.time_epoch",
        "frame.len",
        "frame.cap_len",
        "udp.dstport",
        "frame.comment",
    ];
    let lines = tshark(&bytes, &fields);
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert_eq!(
        lines[0],
        "public\t0x00000001\t1\t1\t1772366400.123456789\t946\t46\t53\t\
         dropped: no_service: nothing listens"
    );
    assert_eq!(
        lines[1],
        "private\t0x00000002\t1\t1\t1772366400.123457789\t946\t46\t53\tsent, after translation"
    );
    assert!(lines[2].contains("\t2\t1\t"), "{lines:?}");
}

#[test]
fn a_capture_of_nothing_can_be_read() {
    let mut bytes = Vec::new();
    let limits = Limits { duration: Some(Duration::from_millis(1)), ..Limits::default() };
    let recorded = record(0, limits, &mut Output::Stream(&mut bytes));
    assert!(matches!(recorded.ended, Ended::Duration), "{recorded:?}");
    assert!(tshark(&bytes, &["frame.len"]).is_empty());
}

#[test]
fn an_interrupted_capture_has_what_was_copied_before() {
    let (stream, capturing) = (dataplane(7), capturing());
    let mut bytes = Vec::new();
    let mut output = Output::Stream(&mut bytes);
    let recorder = Recorder::new(&capturing, "", Limits::default(), &mut output).unwrap();
    let recorded = recorder.record(&stream, &AtomicBool::new(true));
    assert!(matches!(recorded.ended, Ended::Interrupted), "{recorded:?}");
    assert_eq!(recorded.written, [7, 7]);
    assert_eq!(tshark(&bytes, &["frame.len"]).len(), 14);
}

#[test]
fn a_dataplane_that_goes_away_leaves_a_file_that_can_be_read() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let mut frames = Vec::new();
    packets(1).iter().for_each(|frame| frame.write(&mut frames));
    // It ends in the middle of the second packet.
    theirs.write_all(&frames[..frames.len() - 9]).unwrap();
    drop(theirs);
    let (mut bytes, capturing) = (Vec::new(), capturing());
    let mut output = Output::Stream(&mut bytes);
    let recorder = Recorder::new(&capturing, "", Limits::default(), &mut output).unwrap();
    let recorded = recorder.record(&ours, &AtomicBool::new(false));
    assert!(matches!(recorded.ended, Ended::Dataplane), "{recorded:?}");
    assert_eq!(tshark(&bytes, &["frame.len"]).len(), 1);
}

#[test]
fn a_stream_of_something_else_ends_the_capture() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    theirs.write_all(&[0xff; 64]).unwrap();
    let (mut bytes, capturing) = (Vec::new(), capturing());
    let mut output = Output::Stream(&mut bytes);
    let recorder = Recorder::new(&capturing, "", Limits::default(), &mut output).unwrap();
    let recorded = recorder.record(&ours, &AtomicBool::new(false));
    assert!(matches!(recorded.ended, Ended::Dataplane), "{recorded:?}");
}

#[test]
fn the_only_file_ends_at_its_size_and_a_ring_goes_on_with_files_that_can_be_read() {
    use super::super::output::Files;
    let folder = std::env::temp_dir().join(format!("tandem-recorder-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let limits = Limits { packets: Some(200), ..Limits::default() };
    let size = 8000;

    let name = folder.join("one.pcapng");
    let mut output = Output::Files(Files::create(&name, size, None).unwrap());
    let recorded = record(200, limits, &mut output);
    assert!(matches!(recorded.ended, Ended::FileSize), "{recorded:?}");
    let file = std::fs::read(&name).unwrap();
    assert!((size - 600..=size).contains(&(file.len() as u64)), "{}", file.len());
    let in_it = tshark(&file, &["frame.packet_id"]);
    assert_eq!(in_it.len() as u64, recorded.written.iter().sum::<u64>());

    let name = folder.join("ring.pcapng");
    let mut output = Output::Files(Files::create(&name, size, Some(3)).unwrap());
    let recorded = record(200, limits, &mut output);
    assert!(matches!(recorded.ended, Ended::Count), "{recorded:?}");
    let paths = output.paths();
    assert_eq!(paths.len(), 3);
    let read = |path| tshark(&std::fs::read(path).unwrap(), &["frame.packet_id"]);
    let numbers: Vec<_> = paths.iter().flat_map(read).collect();
    assert_eq!(numbers.last().map(String::as_str), Some("100"));
    // Nothing is missing between them.
    let numbers: Vec<u64> = numbers.iter().map(|number| number.parse().unwrap()).collect();
    let first = numbers[0];
    assert!(first > 1 && numbers.iter().all(|number| (first..=100).contains(number)));
    assert!(numbers.len() as u64 > 2 * (100 - first), "{numbers:?}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_full_output_ends_the_capture_with_whole_blocks() {
    /// Takes so many bytes whole writes at a time, and then nothing.
    struct Full<'b>(&'b mut Vec<u8>, usize);
    impl Write for Full<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0.len() + bytes.len() > self.1 {
                return Err(ErrorKind::StorageFull.into());
            }
            self.0.extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut bytes = Vec::new();
    let mut full = Full(&mut bytes, 600);
    let recorded = record(2000, Limits::default(), &mut Output::Stream(&mut full));
    let Ended::Output(error) = recorded.ended else { panic!("{recorded:?}") };
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    tshark(&bytes, &["frame.len"]);
}
