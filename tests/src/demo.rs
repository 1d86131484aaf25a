//! The demonstration: real requests through the virtual IP, and what each side saw.

use std::collections::BTreeMap;

use api::ServerState;

use crate::outage::{self, Outage};
use crate::topology::{Lab, Options};
use crate::{
    CLIENT, Error, FOLDER, INTERNET, Loading, Namespace, Settings, Takeover, VIP, take_over,
    wait_until,
};

/// Requests of the demonstration.
const REQUESTS: u32 = 10_000;

/// What came of it.
#[derive(Clone, Debug)]
pub struct Summary {
    requests: u32,
    failed: u32,
    spread: Vec<u64>,
    masquerade: bool,
    dns: bool,
    clients: bool,
    outage: Outage,
    drained: bool,
    takeover: Option<Takeover>,
}

impl Summary {
    /// True if everything was as it should be.
    pub fn is_good(&self) -> bool {
        let sum: u64 = self.spread.iter().sum();
        let (least, most) = (self.spread.iter().min(), self.spread.iter().max());
        // ab opens a few connections more than it uses; they take a server's turn.
        let even = least.zip(most).is_some_and(|(least, most)| most - least <= sum / 100);
        self.failed == 0
            && sum == u64::from(self.requests)
            && even
            && self.masquerade
            && self.dns
            && self.clients
            && self.outage.is_good()
            && self.drained
            && self.takeover.as_ref().is_none_or(Takeover::is_good)
    }
}

impl core::fmt::Display for Summary {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let word = |good: bool| if good { "ok" } else { "FAILED" };
        let spread: Vec<String> = self.spread.iter().map(ToString::to_string).collect();
        write!(
            f,
            "demo: {} requests, {} failed, spread {}, masquerade {}, dns {}",
            self.requests,
            self.failed,
            spread.join("/"),
            word(self.masquerade),
            word(self.dns)
        )?;
        write!(f, "\n{}\ndrain: {}", self.outage, word(self.drained))?;
        match &self.takeover {
            Some(takeover) => write!(f, "\n{takeover}"),
            None => Ok(()),
        }
    }
}

/// The pair, which checks its web servers.
pub fn settings() -> Settings {
    Settings { web: r#"check = { kind = "http", path = "/healthz" }"#, ..Settings::pair() }
}

/// Raises the lab, sends real traffic, tells what each side saw. The lab stays up.
///
/// # Errors
///
/// [`Error`], when the lab itself does not work.
pub fn run(options: Options) -> Result<Summary, Error> {
    println!("{TOPOLOGY}");
    println!(
        "Raising the lab: nine network namespaces, nginx and dnsmasq on four of them, and the"
    );
    println!("pair in tandem-a and tandem-b: tandem-dataplane with DPDK on both of its NICs, and");
    println!("tandem-control ...\n");
    let lab = Lab::up(options)?;
    print!("{}", lab.appliance.tandem(&["status"])?.stdout);

    println!("\n1. The client asks http://{VIP}/ {REQUESTS} times, 50 at a time (ab):");
    let (failed, words) = requests()?;
    println!("{}", indented(&words));

    println!("   What the servers wrote into their logs:");
    let (mut spread, mut clients) = (Vec::new(), true);
    for (namespace, name) in Lab::servers() {
        let (count, seen) = served(namespace, name)?;
        println!("   {name}: {count} requests, from {}", seen.join(" and "));
        spread.push(count);
        clients &= seen == [CLIENT];
    }

    println!("\n2. The client asks the DNS server {VIP} over UDP, six times (dig whoami.lab TXT):");
    let answers = dns()?;
    println!("   answers: {answers:?}");
    let dns = answers.len() == 3 && answers.values().all(|count| *count == 2);

    println!("\n3. s1 downloads from the Internet, http://{INTERNET}/ (curl):");
    let seen = Lab::S1.run(&["curl", "-s", "-m", "10", &format!("http://{INTERNET}/")])?;
    println!("   the Internet host says whom it saw: {}", seen.stdout.trim());
    let masquerade = seen.stdout.trim() == format!("internet {VIP}");

    println!("\n4. What the appliance has counted:");
    print!("{}", indented(&lab.appliance.tandem(&["services"])?.stdout));
    println!();
    let outage = outage(&lab)?;
    let drained = drain(&lab)?;
    let takeover = match options.settings.pair {
        true => Some(power_cut(&lab)?),
        false => None,
    };
    Ok(Summary {
        requests: REQUESTS,
        failed,
        spread,
        masquerade,
        dns,
        clients,
        outage,
        drained,
        takeover,
    })
}

/// A web server dies under load.
fn outage(lab: &Lab) -> Result<Outage, Error> {
    const ASKING: u8 = 20;
    println!(
        "5. {ASKING} clients ask every 50 ms. Then nginx on s2 is killed, and started again once"
    );
    println!("   it is out. How long may it take (tandem check)?");
    let file = format!("{}/tandem.toml", lab.appliance.machine.folder());
    let told = lab.appliance.tandem(&["check", &file])?.stdout;
    let promise: Vec<&str> = told.lines().filter(|line| line.contains("found out")).collect();
    print!("{}", indented(&promise.join("\n")));
    let outage = outage::stop_web(&lab.appliance, 1, ASKING)?;
    let Outage { promised, out, back, requested } = &outage;
    println!("   out after {out} ms (promised: {promised} ms), up {back} ms after its start");
    println!(
        "   requests answered: {}, by {}",
        requested.answered(),
        requested
            .answers
            .iter()
            .map(|(server, count)| format!("{server} {count}"))
            .collect::<Vec<_>>()
            .join(", ")
    );
    println!(
        "   requests failed: {} that s2 had in its hands, {} before others knew that it is gone\n",
        requested.broken, requested.refused
    );
    Ok(outage)
}

/// An operator takes a server out while clients download from it.
fn drain(lab: &Lab) -> Result<bool, Error> {
    const DOWNLOADS: u32 = 30;
    const SERVER: &str = "10.0.0.13:80";
    println!(
        "6. {DOWNLOADS} clients download 2 MiB each. Then s3 is taken out for its maintenance"
    );
    println!("   (tandem drain web {SERVER} --wait --timeout 60s):");
    let loading = Loading::start(DOWNLOADS, 0)?;
    let drain = ["drain", "web", SERVER, "--wait", "--timeout", "60s"];
    let (told, answers) = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| lab.appliance.tandem(&drain));
        let is_draining = || {
            let servers = outage::servers(&lab.appliance, "web").unwrap_or_default();
            servers.get(2).is_some_and(|server| server.state == ServerState::Draining)
        };
        let asked = wait_until("s3 drains", 20, is_draining).and_then(|()| {
            Lab::CLIENT.sh(&format!("for i in $(seq 30); do curl -s -m 5 http://{VIP}/; done"))
        });
        let told = waiting.join().unwrap_or_else(|_| Err(Lab::no_pair()));
        (told, asked)
    });
    let (told, answers) = (told?, answers?.stdout);
    print!("{}", indented(&told.stdout));
    let by_s3 = answers.lines().filter(|line| line.starts_with("s3")).count();
    let all = answers.lines().count();
    println!("   meanwhile {all} new requests were answered, {by_s3} of them by s3");
    let loaded = loading.finish()?;
    println!("   downloads whole, with the right SHA-256: {} of {DOWNLOADS}", loaded.whole);
    let enabled = lab.appliance.tandem(&["enable", "web", SERVER])?;
    println!("   Then it is brought back (tandem enable web {SERVER}):");
    println!("{}", indented(&enabled.stdout));
    Ok(told.ok() && enabled.ok() && (all, by_s3) == (30, 0) && loaded.whole == u64::from(DOWNLOADS))
}

/// Clients of each kind that the power cut meets.
const CLIENTS: u32 = 200;

/// The active machine dies under load.
fn power_cut(lab: &Lab) -> Result<Takeover, Error> {
    lab.await_pair()?;
    println!("7. tandem-a is active, tandem-b ready to take over (tandem status on tandem-b):");
    let status = lab.second.tandem(&["status", "--full"])?.stdout;
    let pair: Vec<&str> = status.lines().skip_while(|line| !line.starts_with("pair")).collect();
    print!("{}", indented(&pair.join("\n")));
    println!(
        "\n   {CLIENTS} clients download 2 MiB each, {CLIENTS} others keep a connection alive, and a"
    );
    println!(
        "   datagram every millisecond measures the gap. Then tandem-a loses its power (SIGKILL"
    );
    println!("   of both of its processes) ...");
    let takeover = take_over(lab, CLIENTS, CLIENTS)?;
    let (loaded, probed) = (&takeover.loaded, &takeover.probed);
    println!("   downloads whole, with the right SHA-256: {} of {CLIENTS}", loaded.whole);
    println!(
        "   connections broken: {}; requests answered on those kept alive: {}",
        loaded.lost, loaded.requests
    );
    for why in &loaded.why {
        println!("     {why}");
    }
    println!(
        "   longest silence between two echoed datagrams: {} ms ({} of {} came back)",
        probed.gap_micros / 1000,
        probed.received,
        probed.sent
    );
    let moved = if takeover.moved { "have both taken" } else { "HAVE NOT BOTH TAKEN" };
    println!(
        "   the client's virtual IP and s1's gateway address {moved} tandem-b's Ethernet address"
    );
    println!("\n   Now (tandem status on tandem-b):");
    let status = lab.second.tandem(&["status", "--full"])?.stdout;
    let pair: Vec<&str> = status.lines().skip_while(|line| !line.starts_with("pair")).collect();
    println!("{}", indented(&pair.join("\n")));
    Ok(takeover)
}

/// Requests of ab that a server has answered, and the addresses that they came from.
fn served(namespace: Namespace, name: &str) -> Result<(u64, Vec<String>), Error> {
    let log = format!("{FOLDER}/{name}/access.log");
    let line = format!("grep -a ApacheBench {log} | cut -d' ' -f1 | sort | uniq -c");
    let counts = namespace.sh(&line)?.stdout;
    let parts = counts.lines().filter_map(|line| line.trim().split_once(' '));
    let (mut total, mut seen) = (0, Vec::new());
    for (count, address) in parts {
        total += count.parse::<u64>().unwrap_or(0);
        seen.push(address.to_owned());
    }
    Ok((total, seen))
}

/// Lets ab ask; returns how many requests failed and what it said of rates.
pub fn requests() -> Result<(u32, String), Error> {
    let count = REQUESTS.to_string();
    let url = format!("http://{VIP}/");
    // The answers differ in length with the server's address only; -l allows for it.
    let output =
        Lab::CLIENT.run(&["ab", "-q", "-l", "-r", "-s", "60", "-n", &count, "-c", "50", &url])?;
    let number = |label: &str| {
        let line = output.stdout.lines().find(|line| line.starts_with(label));
        line.and_then(|line| line.split_whitespace().last()?.parse::<u32>().ok())
    };
    let complete = number("Complete requests:").unwrap_or(0);
    let failed = number("Failed requests:").unwrap_or(REQUESTS);
    let bad = number("Non-2xx responses:").unwrap_or(0);
    let told = ["Complete", "Failed", "Requests per second", "Time per request"];
    let words: Vec<&str> = output
        .stdout
        .lines()
        .filter(|line| told.iter().any(|label| line.starts_with(label)))
        .take(4)
        .collect();
    Ok(((REQUESTS - complete.min(REQUESTS)).max(failed) + bad, words.join("\n")))
}

/// Asks six times; how often each server answered.
pub fn dns() -> Result<BTreeMap<String, u32>, Error> {
    let mut answers = BTreeMap::new();
    for _ in 0..6 {
        let server = format!("@{VIP}");
        let dig = ["dig", "+short", "+tries=1", "+time=3", &server, "whoami.lab", "TXT"];
        let answer = Lab::CLIENT.run(&dig)?.stdout.trim().trim_matches('"').to_owned();
        *answers.entry(answer).or_insert(0) += 1;
    }
    Ok(answers)
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("   {line}\n")).collect()
}

const TOPOLOGY: &str = "
                                   +-- public  tandem-a  private --+
    tandem-client 198.51.100.100 --+   198.51.100.2   10.0.0.2     +-- tandem-s1 10.0.0.11
                                   |            direct             |   nginx, dnsmasq
    tandem-upstream 198.51.100.1 --+    VIP .10      gateway .1    +-- tandem-s2 10.0.0.12
       |                           |            direct             |   nginx, dnsmasq
    tandem-internet 203.0.113.10   |   198.51.100.3   10.0.0.3     +-- tandem-s3 10.0.0.13
       nginx, dnsmasq              +-- public  tandem-b  private --+   nginx, dnsmasq

            virtual IP 198.51.100.10      gateway address 10.0.0.1
";
