//! A service takes so many connections and no more, whatever the number of workers; a sorry
//! server answers above that, and when no server may.

use std::collections::HashMap;

use lab::{Lab, Settings, VIP, ready};

/// Other addresses of the client, so that both workers have some of the connections.
const CLIENTS: core::ops::Range<u8> = 101..117;
/// Connections that are open at the same time.
const ASKED: usize = 40;
const LIMIT: usize = 6;

/// Opens all connections at once, keeps them until each has its answer, and tells who answered.
const ASK: &str = r#"
import collections, http.client, sys, threading
vip, count, first, clients = sys.argv[1], *map(int, sys.argv[2:])
answers, held = collections.Counter(), []

def ask(number):
    source = '198.51.100.%d' % (first + number % clients)
    client = http.client.HTTPConnection(vip, timeout=20, source_address=(source, 0))
    held.append(client)
    try:
        client.request('GET', '/')
        answers[client.getresponse().read().split()[0].decode()] += 1
    except ConnectionRefusedError:
        answers['refused'] += 1

threads = [threading.Thread(target=ask, args=(number,)) for number in range(count)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(*['%s %d' % pair for pair in answers.items()], sep='\n')
"#;

/// Who has answered, and how often: a server's name, or "refused".
fn ask() -> HashMap<String, usize> {
    let clients = [ASKED, usize::from(CLIENTS.start), CLIENTS.len()].map(|one| one.to_string());
    let [asked, first, clients] = clients.each_ref().map(String::as_str);
    let told = Lab::CLIENT.python(ASK, &[VIP, asked, first, clients]).unwrap().stdout;
    let pair = |line: &str| {
        let (name, count) = line.split_once(' ').unwrap();
        (name.to_owned(), count.parse().unwrap())
    };
    told.lines().map(pair).collect()
}

/// How often the two servers have answered, the sorry server, and nobody.
fn shares() -> [usize; 3] {
    let answers = ask();
    let names = Lab::servers().map(|(_, name)| name);
    let count = |name: &str| answers.get(name).copied().unwrap_or(0);
    let shares = [count(names[0]) + count(names[1]), count(names[2]), count("refused")];
    assert_eq!(shares.iter().sum::<usize>(), ASKED, "{answers:?}");
    shares
}

const LIMITED: &str = "max_connections = 6\nresume_below = 6\nwhen_full = \"next\"";
const SORRY: &str = "sorry = [{ address = \"10.0.0.13:80\" }]";
const BOTH: &str =
    "max_connections = 6\nresume_below = 6\nsorry = [{ address = \"10.0.0.13:80\" }]";

#[test]
fn a_limit_is_kept_by_two_workers_and_a_sorry_server_answers_above_it() {
    let mut lab = ready().unwrap();
    let two = Settings { workers: "[0, 1]", without: Some(2), ..Settings::default() };
    for last in CLIENTS {
        let address = format!("198.51.100.{last}/24");
        Lab::CLIENT.must(&["ip", "addr", "replace", &address, "dev", "eth0"]).unwrap();
    }
    lab.restart_with(&Settings { web: BOTH, ..two }).unwrap();
    assert_eq!(shares(), [LIMIT, ASKED - LIMIT, 0]);
    let opened = lab.appliance.counted("connections_opened");
    assert!(opened.iter().all(|&opened| opened > 0), "{opened:?}");

    lab.appliance.reload(&Settings { web: LIMITED, ..two }).unwrap();
    assert_eq!(shares(), [LIMIT, 0, ASKED - LIMIT]);
    // A reset that was one too many is asked for again.
    assert!(lab.appliance.dropped("server_full") >= (ASKED - LIMIT) as u64);

    let drained = Settings { weights: [0; 3], web: SORRY, ..two };
    lab.appliance.reload(&drained).unwrap();
    assert_eq!(shares(), [0, ASKED, 0]);

    // The control: without a limit, the sorry server has nothing to do.
    lab.appliance.reload(&Settings { web: SORRY, ..two }).unwrap();
    assert_eq!(shares(), [ASKED, 0, 0]);
    for last in CLIENTS {
        let address = format!("198.51.100.{last}/24");
        Lab::CLIENT.must(&["ip", "addr", "del", &address, "dev", "eth0"]).unwrap();
    }
}
