//! Every keyword is known by its name, and one that is misspelt is never taken for another.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test fails by panicking.

mod common;

use common::{assert_right, of_text, said};
use import::Outcome;
use import::keepalived::keywords::{self, BLOCKS, Block};

/// A file with a keyword where it belongs.
fn file(block: &Block, keyword: &str) -> String {
    let line = format!("{keyword} 1");
    let server = |inside: &str| {
        format!(
            "virtual_server 198.51.100.10 80 {{\n protocol TCP\n real_server 10.0.0.11 80 {{\n{inside}\n }}\n}}\n"
        )
    };
    if *block == keywords::ROOT {
        format!("{keyword} x {{\n}}\n")
    } else if *block == keywords::GLOBAL {
        format!("global_defs {{\n {line}\n}}\n")
    } else if *block == keywords::SYNC_GROUP {
        format!("vrrp_sync_group x {{\n {line}\n}}\n")
    } else if *block == keywords::INSTANCE {
        format!("vrrp_instance x {{\n {line}\n}}\n")
    } else if *block == keywords::AUTHENTICATION {
        format!("vrrp_instance x {{\n authentication {{\n {line}\n }}\n}}\n")
    } else if *block == keywords::VIRTUAL_SERVER {
        format!(
            "virtual_server 198.51.100.10 80 {{\n {line}\n real_server 10.0.0.11 80 {{\n }}\n}}\n"
        )
    } else if *block == keywords::REAL_SERVER {
        server(&format!("  {line}"))
    } else if *block == keywords::CHECKER {
        server(&format!("  TCP_CHECK {{\n {line}\n }}"))
    } else if *block == keywords::URL {
        server(&format!("  HTTP_GET {{\n url {{\n {line}\n }}\n }}"))
    } else if *block == keywords::KINDS {
        let kinds = ["SSL_GET", "SMTP_CHECK", "DNS_CHECK", "UDP_CHECK", "MISC_CHECK", "FILE_CHECK"];
        let all = kinds.map(|kind| format!("  {kind} {{\n {line}\n }}\n"));
        server(&all.concat())
    } else {
        format!("vrrp_script x {{\n {line}\n}}\nvirtual_server 198.51.100.10 80 {{\n}}\n")
    }
}

#[test]
fn every_keyword_is_known() {
    let mut count = 0;
    for block in BLOCKS {
        for row in block.rows {
            let text = format!("{}global_defs {{\n}}\n", file(block, row.name));
            let import = of_text(&text).unwrap();
            assert_right(&import);
            let unknown = said(&import, &[Outcome::NotUnderstood]);
            let unknown: Vec<&String> = unknown
                .iter()
                .filter(|words| words.contains("no keyword") || words.contains("another block"))
                .collect();
            // Of a kind of checker each keyword is in one or two of them.
            let most = if *block == keywords::KINDS { 5 } else { 0 };
            assert!(unknown.len() <= most, "{} {}: {unknown:?}", block.name, row.name);
            count += 1;
        }
    }
    assert!(count > 300, "{count}");
}

#[test]
fn a_misspelt_keyword_is_said_and_not_taken() {
    let text = |keyword: &str| {
        format!(
            "virtual_server 198.51.100.10 80 {{\n protocol TCP\n {keyword} rr\n real_server 10.0.0.11 80 {{\n }}\n}}\n"
        )
    };
    let import = of_text(&text("lb_argo")).unwrap();
    let words = said(&import, &[Outcome::NotUnderstood]);
    assert_eq!(words.len(), 1);
    assert!(
        words[0].starts_with("3: lb_argo rr: ") && words[0].contains("did you mean lb_algo?"),
        "{words:?}"
    );
    assert!(!import.machine.text.contains("scheduler"), "{}", import.machine.text);
    // The control.
    let import = of_text(&text("lb_algo")).unwrap();
    assert!(import.machine.text.contains("scheduler = \"rr\""), "{}", import.machine.text);
    assert!(!import.report.alters());
}

#[test]
fn secrets_are_in_neither() {
    let text = "vrrp_instance a {\n interface eth0\n authentication {\n auth_type PASS\n auth_pass s3cr3t\n }\n \
                virtual_ipaddress {\n 198.51.100.10/24\n }\n}\n";
    let import = of_text(text).unwrap();
    let all = format!("{}{:?}", import.machine.text, import.report);
    assert!(!all.contains("s3cr3t"), "{all}");
}

/// The table of the documentation.
fn table() -> String {
    let mut text = String::new();
    for block in BLOCKS {
        text.push_str(&format!(
            "\n### {}\n\n| keyword | | what becomes of it |\n|---|---|---|\n",
            block.name
        ));
        for row in block.rows {
            let outcome = row.outcome.to_string().replace("NOT", "not");
            text.push_str(&format!(
                "| `{}` | {outcome} | {} |\n",
                row.name,
                row.words.replace('|', "\\|")
            ));
        }
    }
    text
}

/// `IMPORT_WRITE=1` writes it anew.
#[test]
fn the_documentation_has_every_keyword() {
    const BEGIN: &str = "<!-- keywords of keepalived -->\n";
    const END: &str = "<!-- end of the keywords -->";
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/importing.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (table_there, after) = rest.split_once(END).unwrap();
    let table = format!("{}\n", table());
    if std::env::var_os("IMPORT_WRITE").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(table_there, table, "IMPORT_WRITE=1 writes the table anew");
}
