//! Whatever a file has in it: it is read or refused, and what comes out is right.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test fails by panicking.

mod common;

use common::{all_files, assert_right, of_text, options, with_options};
use import::{Error, Format, Options};
use proptest::prelude::*;

/// The words and characters that mean something in one of the formats.
const PIECES: &[&str] = &[
    "{",
    "}",
    "{ ",
    " }",
    "\n",
    "\r\n",
    "\n\n",
    "\"",
    "'",
    "\\",
    "#",
    "!",
    "$",
    "${",
    "@",
    "@^",
    "~SEQ(x, 1, 3) ",
    "~LST(a, b, c) ",
    "$A=",
    "$A=\\\n",
    "${A}",
    "include x",
    "include ./old.conf",
    "=",
    "->",
    ":",
    "0",
    "-1",
    "65536",
    "4294967296",
    "99999999999999999999",
    "255.255.255.255",
    "0.0.0.0",
    "127.0.0.1",
    "10.0.0.1",
    "198.51.100.10",
    "10.0.0.0/8",
    "/0",
    "/33",
    "::1",
    "[::1]:80",
    "virtual_server ",
    "real_server ",
    "vrrp_instance ",
    "virtual_ipaddress {",
    "group ",
    "fwmark ",
    "weight ",
    "TCP_CHECK {",
    "HTTP_GET {",
    "url {",
    "path /",
    "-A -t ",
    "-a -t ",
    " -m",
    " -r ",
    "virtual=",
    "\treal=",
    " masq",
    "server a {",
    "nat_router = ",
    "address = ",
    "\0",
    "\u{feff}",
    "é",
    "\u{7f}",
    "\t",
];

/// A change of a text: at a place, so many characters give way to a piece.
fn changes() -> impl Strategy<Value = Vec<(prop::sample::Index, usize, usize)>> {
    prop::collection::vec((any::<prop::sample::Index>(), 0..20_usize, 0..PIECES.len()), 0..12)
}

fn changed(text: &str, changes: &[(prop::sample::Index, usize, usize)]) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for (place, length, piece) in changes {
        let at = place.index(characters.len() + 1);
        let end = (at + length).min(characters.len());
        characters.splice(at..end, PIECES[*piece].chars());
    }
    characters.into_iter().collect()
}

fn judge(text: &str, options: &Options) {
    match with_options(text, options) {
        Ok(import) => assert_right(&import),
        Err(Error::Unknown { .. } | Error::TooMuch { .. }) => {}
        Err(error) => panic!("{error}\n--- of\n{text}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn files_that_were_spoiled(file in any::<prop::sample::Index>(), changes in changes()) {
        let files = all_files();
        let path = file.get(&files);
        let text = String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
        judge(&changed(&text, &changes), &options());
    }

    #[test]
    fn pieces_in_any_order(pieces in prop::collection::vec(0..PIECES.len(), 0..80), format in 0..4_usize) {
        let text: String = pieces.iter().map(|piece| PIECES[*piece]).collect();
        let format = Some(Format::ALL[format].1);
        judge(&text, &Options { format, ..options() });
    }
}

#[test]
fn what_multiplies_itself_is_refused() {
    let nested = "~SEQ(a, 1, 1000) ~SEQ(b, 1, 1000) ~SEQ(c, 1, 1000) virtual_server $a $b\n";
    let text = format!("virtual_server 198.51.100.10 80 {{\n}}\n{nested}");
    assert!(matches!(of_text(&text), Err(Error::TooMuch { .. })));
    let doubled: String = (0..40).map(|n| format!("$V{}=${{V{n}}} ${{V{n}}}\n", n + 1)).collect();
    let text = format!("$V0=x\n{doubled}virtual_server ${{V40}} {{\n}}\n");
    assert_right(&of_text(&text).unwrap());
    let deep = format!("virtual_server 198.51.100.10 80 {}", "{\n".repeat(100_000));
    assert_right(&of_text(&deep).unwrap());
}

#[test]
fn a_file_that_includes_itself_is_read_once() {
    let import = of_text("include old.conf\ninclude ../etc/*.conf\nglobal_defs {\n}\n").unwrap();
    let words = common::said(&import, &[import::Outcome::NotTaken]);
    assert_eq!(words.len(), 2, "{words:?}");
    assert!(words.iter().all(|words| words.contains("includes itself")), "{words:?}");
}

#[test]
fn as_many_services_as_a_machine_takes() {
    // What takes time with the square of their number would take hours here.
    let service = |number: u32| {
        let (address, port) = (10 + number / 4096, 1000 + number % 4096);
        format!(
            "virtual_server 198.51.100.{address} {port} {{\n protocol TCP\n lb_algo rr\n lb_kind NAT\n \
             real_server 10.0.{}.{} {port} {{\n TCP_CHECK {{\n }}\n }}\n}}\n",
            number / 200 % 100,
            1 + number % 200
        )
    };
    let text: String = (0..16_384).map(service).collect();
    let import = of_text(&text).unwrap();
    assert_right(&import);
    assert_eq!(import.machine.text.matches("[[service]]").count(), 16_384);
    assert!(!import.report.alters());
}
