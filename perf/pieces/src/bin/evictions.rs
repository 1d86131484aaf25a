//! What it takes to open a connection in a full table, whose room another one makes that was
//! never answered: beside one in a table with room.
//!
//! ```text
//! cargo run --release -p pieces --bin evictions
//! ```
//!
//! A share of the connections was answered, evenly spread; the hand goes by those. A cycle is one
//! of the time stamp counter.

use std::hint::black_box;
use std::time::Instant as Clock;

use nat::connection::NewConnection;
use nat::table::InsertError;
use nat::timeouts::Timeouts;
use nat::{Connections, Instant};
use pieces::connections::{OPENED, establish, open, openings};
use std::net::Ipv4Addr;

/// Room of the table.
const ROOM: usize = 1 << 20;
/// Connections opened beyond.
const NEWCOMERS: usize = 1 << 17;
/// Of a hundred connections so many were answered.
const ANSWERED: [usize; 5] = [0, 50, 80, 95, 100];

fn main() {
    let all = openings((ROOM + NEWCOMERS) as u32);
    let (first, newcomers) = all.split_at(ROOM);
    let mut table = Connections::new(2 * ROOM, Timeouts::default(), OPENED, &mut |_| ());
    open(&mut table, first, OPENED);
    let plain = nanoseconds(&mut table, newcomers);
    println!("a new connection in a table of {ROOM}\n");
    println!("{:<22} {:>12} {:>10}", "TABLE", "NANOSECONDS", "REFUSED");
    println!("{:<22} {:>12.0} {:>10}", "with room", plain.0, plain.1);
    for answered in ANSWERED {
        let mut table = Connections::new(ROOM, Timeouts::default(), OPENED, &mut |_| ());
        open(&mut table, first, OPENED);
        let share: Vec<_> = first
            .iter()
            .enumerate()
            .filter(|(number, _)| number * 37 % 100 < answered)
            .map(|(_, opening)| *opening)
            .collect();
        establish(&mut table, &share, OPENED);
        let (nanoseconds, refused) = nanoseconds(&mut table, newcomers);
        let name = format!("full, {answered} % answered");
        println!("{name:<22} {nanoseconds:>12.0} {refused:>10}");
    }
}

/// Opens them, and says what each took and how many were refused.
fn nanoseconds(
    table: &mut Connections<Ipv4Addr>,
    newcomers: &[NewConnection<Ipv4Addr>],
) -> (f64, usize) {
    let now = Instant::from_millis(OPENED.millis() + 1);
    let mut refused = 0;
    let began = Clock::now();
    for newcomer in newcomers {
        let opened = match table.open(newcomer, now) {
            Err(InsertError::Full) if table.make_room() => table.open(newcomer, now),
            opened => opened,
        };
        refused += usize::from(black_box(opened).is_err());
    }
    (began.elapsed().as_nanos() as f64 / newcomers.len() as f64, refused)
}
