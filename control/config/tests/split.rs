//! Properties: a configuration in any number of files is the one file, what is inherited is what
//! could be written out, and a mistake keeps its place whichever file it is in.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test fails by panicking.

use config::{Config, Mistake, Mistakes, Sources};
use proptest::prelude::*;

/// Sections that make a configuration together, each with what could be wrong in it.
fn sections() -> Vec<String> {
    let fixed = [
        "[node]\nname = \"a\"\nworkers = [1]\n",
        "[public]\nport = \"0000:03:00.0\"\naddress = \"198.51.100.2/24\"\nfloating = \
         [\"198.51.100.10/24\"]\ngateway = \"198.51.100.1\"\n",
        "[private]\nport = \"0000:03:00.1\"\naddress = \"10.0.0.2/24\"\nfloating = \
         [\"10.0.0.1/24\"]\n",
        "[defaults]\nprotocol = \"tcp\"\ncheck = \"web\"\nserver = { weight = 3 }\n",
        "[checks.web]\nkind = \"http\"\nuse = \"base\"\n",
        "[checks.base]\ninterval = \"3s\"\n",
        "[timeouts]\nfragment = \"9s\"\n",
        "[[masquerade]]\nsource = [\"10.0.0.0/25\"]\naddress = \"198.51.100.10\"\n",
        "[[masquerade]]\nsource = [\"10.0.0.128/25\"]\naddress = \"198.51.100.10\"\n",
    ];
    let services = (0..6).map(|n| {
        format!(
            "[[service]]\nname = \"s{n}\"\nlisten = \"198.51.100.10:{}\"\nserver = [{{ address = \
             \"10.0.0.11:80\" }}]\n",
            80 + n
        )
    });
    fixed.map(str::to_owned).into_iter().chain(services).collect()
}

/// What may be wrong: a line that replaces one.
const WRONG: [(&str, &str); 9] = [
    ("workers = [1]", "workers = []"),
    ("floating = [\"10.0.0.1/24\"]", "floating = [\"10.0.9.1/24\"]"),
    ("kind = \"http\"", "kind = \"tcp\"\npath = \"/\""),
    ("interval = \"3s\"", "interval = 3"),
    ("weight = 3", "weight = -3"),
    ("listen = \"198.51.100.10:82\"", "listen = \"198.51.100.10:81\""),
    ("name = \"s3\"", "name = \"s0\""),
    ("name = \"s4\"", "nmae = \"s4\""),
    ("10.0.0.128/25", "10.0.0.0/26"),
];

fn with_mistakes(sections: &mut [String], mistakes: &[usize]) {
    for mistake in mistakes {
        let (right, wrong) = WRONG[mistake % WRONG.len()];
        let section = sections.iter_mut().find(|section| section.contains(right));
        if let Some(section) = section {
            *section = section.replacen(right, wrong, 1);
        }
    }
}

/// Every mistake and warning: its text, and what stands in its line.
fn told(sources: &Sources) -> (Option<Config>, Vec<(String, String)>) {
    let files = sources.files().to_vec();
    let (config, found) = match sources.clone().check() {
        Ok(checked) => (Some(checked.config), checked.warnings),
        Err(Mistakes { mistakes, warnings }) => (None, [mistakes, warnings].concat()),
    };
    let line = |mistake: &Mistake| {
        let file = files.iter().find(|file| file.name == mistake.file).expect("the file is named");
        let line = mistake.place.expect("a place").line as usize;
        file.text.lines().nth(line - 1).unwrap_or_default().to_owned()
    };
    let mut told: Vec<_> = found
        .iter()
        .map(|mistake| {
            (without_lines(&format!("{};{}", mistake.what, mistake.remedy)), line(mistake))
        })
        .collect();
    told.sort();
    (config, told)
}

/// References to other lines are those of another file in a file that is split.
fn without_lines(text: &str) -> String {
    let mut words: Vec<&str> = text.split(' ').collect();
    while let Some(at) = words.iter().position(|word| *word == "line") {
        let of = words.get(at + 2) == Some(&"of");
        words.drain(at..(at + if of { 4 } else { 2 }).min(words.len()));
    }
    words.join(" ")
}

proptest! {
    #[test]
    fn several_files_are_the_one_file(
        cuts in prop::collection::vec(0..15_usize, 0..5),
        mistakes in prop::collection::vec(any::<usize>(), 0..4),
    ) {
        let mut sections = sections();
        with_mistakes(&mut sections, &mistakes);
        let one = Sources::new([("one".to_owned(), sections.concat())]);
        let mut files: Vec<(String, String)> = vec![("0".to_owned(), String::new())];
        for (index, section) in sections.iter().enumerate() {
            if cuts.contains(&index) {
                files.push((files.len().to_string(), String::new()));
            }
            files.last_mut().unwrap().1.push_str(section);
        }
        let several = Sources::new(files);
        let ((config, found), (split_config, split_found)) = (told(&one), told(&several));
        prop_assert_eq!(config, split_config);
        // What is missing is told at the first line of the first file, whatever stands there.
        prop_assert_eq!(found, split_found);
    }

    #[test]
    fn what_is_inherited_could_be_written_out(
        keys in prop::collection::vec((0..4_usize, 0..3_usize), 0..6),
        own in prop::collection::vec((0..3_usize, 0..4_usize, 0..3_usize), 0..6),
    ) {
        const KEYS: [(&str, [&str; 3]); 4] = [
            ("scheduler", ["\"rr\"", "\"wrr\"", "\"lc\""]),
            ("unserved", ["\"drop\"", "\"reject\"", "\"drop\""]),
            ("protocol", ["\"tcp\"", "\"udp\"", "\"tcp\""]),
            ("check", ["\"web\"", "{ use = \"web\", rise = 9 }", "{ kind = \"ping\" }"]),
        ];
        let base: String = sections()[..3].concat();
        let base = format!("{base}[checks.web]\nkind = \"tcp\"\nfall = 7\n");
        let value = |key: usize, value: usize| format!("{} = {}\n", KEYS[key].0, KEYS[key].1[value]);
        let default = |key: usize| keys.iter().find(|(k, _)| *k == key).map(|(k, v)| value(*k, *v));
        let mine = |service: usize, key: usize| {
            own.iter().find(|(s, k, _)| (*s, *k) == (service, key)).map(|(_, k, v)| value(*k, *v))
        };
        let header = |n: usize| {
            format!(
                "[[service]]\nname = \"s{n}\"\nlisten = \"198.51.100.10:{}\"\nserver = []\n",
                80 + n
            )
        };
        let (mut inherited, mut written) = (base.clone(), base);
        inherited += "[defaults]\n";
        (0..4).filter_map(default).for_each(|line| inherited += &line);
        for service in 0..3 {
            inherited += &header(service);
            written += &header(service);
            for key in 0..4 {
                let own = mine(service, key);
                inherited += own.as_deref().unwrap_or_default();
                written += &own.or(default(key)).unwrap_or_default();
            }
        }
        let of = |text: &str| Config::from_str("t", text).ok();
        prop_assert_eq!(of(&inherited), of(&written), "{}\n{}", inherited, written);
    }
}
