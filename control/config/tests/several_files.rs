//! A configuration in several files: which are read, what they mean together, and where each
//! mistake in them is.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test fails by panicking.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use config::{Config, Sources};

const BASE: &str = "\
[node]
name = \"a\"
workers = [1]
[public]
port = \"0000:03:00.0\"
address = \"198.51.100.2/24\"
floating = [\"198.51.100.10/24\"]
gateway = \"198.51.100.1\"
[private]
port = \"0000:03:00.1\"
address = \"10.0.0.2/24\"
floating = [\"10.0.0.1/24\"]
";

/// A folder with files, gone at the end of the test.
struct Folder(PathBuf);

static NUMBER: AtomicU32 = AtomicU32::new(0);

impl Folder {
    /// With a main file that includes these, and further files.
    fn new(include: &str, files: &[(&str, &str)]) -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("tandem-files-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("services.d")).unwrap();
        let folder = Folder(folder);
        folder.write("tandem.toml", format!("include = {include}\n{BASE}"));
        files.iter().for_each(|(name, text)| folder.write(name, text));
        folder
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The names of the services, then the warnings; or the mistakes. Names of files are relative
    /// to the folder.
    fn found(&self) -> Vec<String> {
        let lines = match Config::load_checked(self.path("tandem.toml")) {
            Ok(checked) => {
                let services = checked.config.services.iter().map(|s| s.name.clone());
                services.chain(checked.warnings.iter().map(ToString::to_string)).collect()
            }
            Err(mistakes) => mistakes.lines(),
        };
        let prefix = format!("{}/", self.0.display());
        lines.into_iter().map(|line| line.replace(&prefix, "")).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A service on a port of its own.
fn service(name: &str, port: u16) -> String {
    format!(
        "[[service]]\nname = \"{name}\"\nlisten = \"198.51.100.10:{port}\"\nprotocol = \"tcp\"\n\
         server = [{{ address = \"10.0.0.11:{port}\" }}]\n"
    )
}

#[test]
fn files_are_read_in_order_and_relative_to_the_one_that_includes_them() {
    let folder = Folder::new(
        "[\"last.toml\", \"services.d/*.toml\"]",
        &[
            ("last.toml", &service("z", 1)),
            ("services.d/b.toml", &service("b", 2)),
            ("services.d/a.toml", &format!("include = [\"a.more\"]\n{}", service("a", 3))),
            ("services.d/a.more", &service("more", 4)),
            ("services.d/.hidden.toml", "no TOML"),
            ("services.d/a.toml~", "no TOML"),
        ],
    );
    assert_eq!(folder.found(), ["z", "a", "more", "b"]);
    let names: Vec<_> = Sources::read(folder.path("tandem.toml")).unwrap().files().to_vec();
    assert_eq!(names.len(), 5);
    assert!(names[3].name.ends_with("/services.d/a.more"));
}

#[test]
fn a_section_of_its_own_may_be_in_any_file_and_in_one_only() {
    let folder = Folder::new(
        "[\"a.toml\"]",
        &[("a.toml", "[timeouts]\nfragment = \"10s\"\n[metrics]\nlisten = \"127.0.0.1:99\"\n")],
    );
    let config = Config::load(folder.path("tandem.toml")).unwrap();
    assert_eq!(config.timeouts.fragment.as_secs(), 10);
    assert_eq!(config.metrics.listen.port(), 99);

    folder.write("a.toml", "[[nodes]]\n[node]\nname = \"b\"\n");
    assert_eq!(
        folder.found(),
        [
            "a.toml:1:3: there is no section nodes; did you mean node?",
            "a.toml:2:1: [node] is in two files (the first is on line 2 of tandem.toml); keep one \
             of them: only [[service]], [[masquerade]], [[hook]] and [checks] add up",
        ]
    );
}

#[test]
fn a_mistake_is_told_where_it_is_and_points_to_the_other_file() {
    let folder = Folder::new("[\"services.d/*\"]", &[("services.d/a", &service("web", 80))]);
    folder.write("services.d/b", format!("\n{}", service("web", 80)));
    folder.write("services.d/c", "[[service]]\nname = 7\nserver = []\n= 3\n");
    assert_eq!(
        folder.found(),
        [
            "services.d/b:3:8: service.name is \"web\", as that on line 2 of services.d/a; give \
             each service its own name",
            "services.d/b:4:10: service.listen is 198.51.100.10:80 for tcp, as that on line 3 of \
             services.d/a; give each service its own address, port or protocol, or write one with \
             all servers",
            "services.d/c:2:8: service.name is a whole number; write a name of letters, digits, \
             '-', '_' and '.', as in \"web\"",
            "services.d/c:4:1: not TOML: extra `=`; here belongs nothing",
        ]
        .map(|line| line.to_owned())
        .into_iter()
        .zip(folder.found())
        .map(|(expected, found)| {
            // The words about TOML itself and about names are tested elsewhere.
            let same = found.split(": ").next() == expected.split(": ").next();
            if expected.starts_with("services.d/c") && same { found } else { expected }
        })
        .collect::<Vec<_>>()
    );
}

#[test]
fn what_is_not_there_is_a_warning_for_a_pattern_and_a_mistake_for_a_path() {
    let folder = Folder::new("[\"services.d/*.toml\", \"nowhere/*\"]", &[]);
    assert_eq!(
        folder.found(),
        [
            "tandem.toml:1:12: warning: include \"services.d/*.toml\" matches no file; nothing is \
             included; write such a file, or take the entry out",
            "tandem.toml:1:33: warning: include \"nowhere/*\" matches no file: there is no such \
             folder; nothing is included; make the folder, or take the entry out",
        ]
    );
    let folder = Folder::new("[\"services.d/web.toml\"]", &[]);
    assert_eq!(
        folder.found(),
        ["tandem.toml:1:12: include \"services.d/web.toml\" has services.d/web.toml: there is no \
          such file; give the path of a configuration file"]
    );
}

#[test]
fn no_file_is_read_twice_and_no_cycle_is_followed() {
    let folder = Folder::new(
        "[\"services.d/*.toml\", \"services.d/a.toml\", \"link\"]",
        &[("services.d/a.toml", &service("web", 80))],
    );
    symlink(folder.path("services.d/a.toml"), folder.path("link")).unwrap();
    assert_eq!(
        folder.found(),
        [
            "tandem.toml:1:33: include \"services.d/a.toml\" includes services.d/a.toml a second \
             time; keep one of the entries",
            "tandem.toml:1:54: include \"link\" includes link, which is services.d/a.toml and is \
             included already; keep one of the entries",
        ]
    );
    let folder = Folder::new(
        "[\"a.toml\"]",
        &[("a.toml", "include = [\"b.toml\"]"), ("b.toml", "include = [\"a.toml\", \"*.toml\"]")],
    );
    let found = folder.found();
    assert_eq!(
        found[0],
        "b.toml:1:12: include \"a.toml\" includes a.toml, a file that leads here; keep included \
         files in a folder of their own, and take this entry out"
    );
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(found[2].contains("includes b.toml, itself"), "{found:?}");
}

#[test]
fn what_is_no_regular_file_is_refused_and_never_waited_for() {
    let folder = Folder::new("[\"pipe\", \"services.d\", \"/dev/zero\", \"gone\"]", &[]);
    let pipe = folder.path("pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    symlink("nothing", folder.path("gone")).unwrap();
    let found = folder.found();
    let ends = [
        "has pipe: this is a pipe, socket or device; give the path of a regular file",
        "has services.d: this is a directory; give the path of the file in it",
        "has /dev/zero: this is a pipe, socket or device; give the path of a regular file",
        "has gone: there is no such file; give the path of a configuration file",
    ];
    assert_eq!(found.len(), ends.len(), "{found:?}");
    for (line, end) in found.iter().zip(ends) {
        assert!(line.ends_with(end), "{line}");
    }
    let error = Config::load(pipe).unwrap_err().to_string();
    assert!(error.contains("this is a pipe"), "{error}");
}

#[test]
fn a_file_that_is_no_text_is_told_at_its_place() {
    let folder = Folder::new("[\"a.toml\"]", &[]);
    folder.write("a.toml", b"[timeouts]\nfragment = \"\xff\"\n");
    assert_eq!(
        folder.found(),
        ["a.toml:2:13: this byte is not UTF-8 text; save the file as UTF-8"]
    );
}

#[test]
fn patterns_are_for_names_and_stay_small() {
    for (entry, what) in [
        ("*/a.toml", "has a pattern for folders"),
        ("services.d/[a", "is no pattern"),
        ("services.d/{a", "is no pattern"),
        ("", "is \"\""),
        ("services.d/", "is \"services.d/\""),
    ] {
        let found = Folder::new(&format!("[{entry:?}]"), &[]).found();
        assert!(found.len() == 1 && found[0].contains(what), "{entry}: {found:?}");
    }
    // What makes a matcher that backtracks work for ever.
    let name = "a".repeat(200);
    let folder = Folder::new(&format!("[\"services.d/{}b\"]", "*a".repeat(60)), &[]);
    folder.write(&format!("services.d/{name}"), "");
    assert_eq!(folder.found().len(), 1);
}

#[test]
fn depth_and_number_of_files_are_bounded() {
    let folder = Folder::new("[\"0\"]", &[]);
    for depth in 0..12 {
        folder.write(&depth.to_string(), format!("include = [\"{}\"]", depth + 1));
    }
    folder.write("12", "");
    let found = folder.found();
    assert!(found[0].contains("more than 8 files deep"), "{found:?}");
    assert_eq!(found.len(), 1);

    let folder = Folder::new("[\"services.d/*\"]", &[]);
    for number in 0..4200 {
        folder.write(&format!("services.d/{number}"), "");
    }
    let found = folder.found();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("leads to more than 4096 files"), "{found:?}");
}

#[test]
fn size_is_bounded() {
    let folder = Folder::new("[\"a.toml\"]", &[]);
    let file = fs::File::create(folder.path("a.toml")).unwrap();
    file.set_len(1 << 40).unwrap();
    let found = folder.found();
    assert!(found[0].contains("the configuration has more than 16 MiB"), "{found:?}");
    fs::File::create(folder.path("tandem.toml")).unwrap().set_len(1 << 40).unwrap();
    assert!(folder.found()[0].contains("the configuration has more than 16 MiB"));
}

#[test]
fn an_include_below_a_section_is_told_where_it_belongs() {
    let text = format!("{BASE}include = [\"a\"]\n");
    let error = Config::from_str("tandem.toml", &text).unwrap_err().to_string();
    assert!(
        error.contains("it belongs in the top of the file, before the first [section]")
            || error.contains("it belongs at the top of the file, before the first [section]"),
        "{error}"
    );
}

#[test]
fn the_texts_are_what_is_checked_and_not_the_files() {
    let folder = Folder::new("[\"a.toml\"]", &[("a.toml", &service("web", 80))]);
    let sources = Sources::read(folder.path("tandem.toml")).unwrap();
    fs::remove_dir_all(&folder.0).unwrap();
    let files = sources.files().iter().map(|file| (file.name.clone(), file.text.clone()));
    let travelled = Sources::new(files);
    assert_eq!(travelled.digest(), sources.digest());
    let config = travelled.check().unwrap().config;
    assert_eq!(config, sources.check().unwrap().config);
    assert_eq!(config.services[0].name, "web");
    assert!(!Path::new(&folder.0).exists());
}

#[test]
fn the_example_with_many_services_is_right() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples");
    let checked = Config::load_checked(folder.join("many-services.toml")).unwrap();
    let names: Vec<_> = checked.config.services.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["smtp", "shop", "shop-api"]);
    assert!(checked.config.services.iter().all(|service| !service.checks.is_empty()));
}
