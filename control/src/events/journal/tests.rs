use api::EventKind;

use super::*;

const SMALL: Limits = Limits { bytes: 3_000, files: 3 };

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("tandem-journal-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Folder(path)
    }

    fn files(&self) -> Vec<PathBuf> {
        Place::all(&self.0).unwrap().into_iter().map(|place| place.path).collect()
    }

    fn numbers(&self, after: u64) -> Vec<u64> {
        Reader::new(&self.0, after, u64::MAX).map(|event| event.number).collect()
    }

    fn open(&self) -> (Journal, Opened) {
        Journal::open(&self.0, SMALL).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Odd numbers are servers that go down.
fn event(number: u64) -> Arc<Event> {
    let kind = if number % 2 == 1 { EventKind::ServerDown } else { EventKind::RoleActive };
    let fields = [("service", "web"), ("server", "10.0.0.11:80")];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    Arc::new(Event { number, kind, fields, what: "it happened".to_owned(), ..Event::default() })
}

/// Adds the events one by one, as they come.
fn add(journal: &mut Journal, numbers: core::ops::RangeInclusive<u64>, totals: &mut Totals) {
    for number in numbers {
        let event = event(number);
        totals.count(&event);
        journal.append(&[event], || totals.clone()).unwrap();
    }
}

#[test]
fn what_was_added_is_there_after_a_restart() {
    let folder = Folder::new("restart");
    let (mut journal, opened) = folder.open();
    assert_eq!((opened.totals.last, opened.newest.len()), (0, 0));
    let mut totals = Totals::default();
    add(&mut journal, 1..=3, &mut totals);
    drop(journal);
    let (mut journal, opened) = folder.open();
    assert_eq!((opened.cut, opened.damaged), (0, 0));
    assert_eq!(opened.totals, totals);
    assert_eq!(opened.totals.server("web", "10.0.0.11:80").transitions, 2);
    assert_eq!(opened.newest.last(), Some(&*event(3)));
    add(&mut journal, 4..=4, &mut totals);
    assert_eq!(folder.numbers(0), [1, 2, 3, 4]);
    assert_eq!(folder.files().len(), 1);
}

/// Cut at every byte: whatever a power cut leaves of the last record, the others stay, and what
/// comes next is whole.
#[test]
fn a_torn_end_is_cut_off_wherever_it_is_torn() {
    let folder = Folder::new("torn");
    let (mut journal, _) = folder.open();
    let mut totals = Totals::default();
    add(&mut journal, 1..=2, &mut totals);
    let file = folder.files().remove(0);
    let two = fs::read(&file).unwrap();
    add(&mut journal, 3..=3, &mut totals);
    drop(journal);
    let three = fs::read(&file).unwrap();
    for end in two.len()..three.len() {
        let zeros = [&three[..end], &[0; 64]].concat();
        for torn in [&three[..end], &zeros] {
            fs::write(&file, torn).unwrap();
            let (mut journal, opened) = folder.open();
            assert_eq!(opened.totals.last, 2, "cut at {end}");
            assert_eq!(opened.cut, (torn.len() - two.len()) as u64, "cut at {end}");
            add(&mut journal, 3..=3, &mut Totals::default());
            assert_eq!(folder.numbers(0), [1, 2, 3], "cut at {end}");
            assert_eq!(fs::read(&file).unwrap(), three, "cut at {end}");
        }
    }
}

#[test]
fn damage_in_the_middle_costs_the_damaged_record_only() {
    let folder = Folder::new("damaged");
    let (mut journal, _) = folder.open();
    add(&mut journal, 1..=4, &mut Totals::default());
    drop(journal);
    let file = folder.files().remove(0);
    let mut text = fs::read(&file).unwrap();
    let at = text.windows(10).position(|part| part == b"\"number\":2").unwrap();
    text[at + 9] = b'7';
    fs::write(&file, &text).unwrap();
    let (_, opened) = folder.open();
    assert_eq!((opened.damaged, opened.cut, opened.totals.last), (1, 0, 4));
    assert_eq!(folder.numbers(0), [1, 3, 4]);
    assert_eq!(fs::read(&file).unwrap(), text, "nothing is removed");
}

#[test]
fn the_history_is_bounded_and_its_totals_are_not() {
    let folder = Folder::new("bounded");
    let (mut journal, _) = folder.open();
    let mut totals = Totals::default();
    add(&mut journal, 1..=200, &mut totals);
    let size: u64 = folder.files().iter().map(|file| fs::metadata(file).unwrap().len()).sum();
    assert_eq!(folder.files().len(), 3);
    assert!(size <= 3 * SMALL.bytes, "{size}");
    let numbers = folder.numbers(0);
    assert!(numbers.len() > 10 && numbers.len() < 100, "{numbers:?}");
    assert_eq!(numbers.last(), Some(&200));
    assert!(numbers.windows(2).all(|two| two[1] == two[0] + 1));
    assert!(folder.numbers(195).ends_with(&[196, 197, 198, 199, 200]));
    drop(journal);
    let (_, opened) = folder.open();
    assert_eq!(opened.totals, totals, "those of events that are gone as well");
    assert_eq!(opened.totals.of(&EventKind::RoleActive), 100);
}

#[test]
fn a_damaged_beginning_costs_no_event() {
    let folder = Folder::new("beginning");
    let (mut journal, _) = folder.open();
    let mut totals = Totals::default();
    add(&mut journal, 1..=40, &mut totals);
    drop(journal);
    let file = folder.files().pop().unwrap();
    let before = folder.numbers(0);
    let mut text = fs::read(&file).unwrap();
    text[20] ^= 1;
    fs::write(&file, text).unwrap();
    assert_eq!(folder.numbers(0), before);
    let (_, opened) = folder.open();
    assert_eq!(opened.totals, totals, "counted from the file before");
}

#[test]
fn rubbish_is_no_history_and_no_obstacle() {
    let folder = Folder::new("rubbish");
    fs::create_dir_all(&folder.0).unwrap();
    fs::write(Place::new(&folder.0, 1).path, [b'x'; 100_000]).unwrap();
    fs::write(folder.0.join("notes.txt"), "mine").unwrap();
    let (mut journal, opened) = folder.open();
    assert_eq!((opened.totals.last, opened.cut), (0, 100_000));
    add(&mut journal, 1..=2, &mut Totals::default());
    assert_eq!(folder.numbers(0), [1, 2]);
    assert_eq!(fs::read_to_string(folder.0.join("notes.txt")).unwrap(), "mine");
}

#[test]
fn a_disk_that_refuses_costs_what_it_refuses_and_is_used_again() {
    let folder = Folder::new("refused");
    let (mut journal, _) = folder.open();
    let mut totals = Totals::default();
    add(&mut journal, 1..=2, &mut totals);
    // A file that cannot take more, as on a full disk.
    let whole = journal.newest.take().unwrap();
    let full = OpenOptions::new().read(true).open("/dev/full").unwrap();
    let full = Newest { file: full, length: whole.length };
    journal.newest = Some(full);
    assert!(journal.append(&[event(3)], || totals.clone()).is_err());
    journal.newest = Some(whole);
    add(&mut journal, 3..=4, &mut totals);
    assert_eq!(folder.numbers(0), [1, 2, 3, 4]);
}
