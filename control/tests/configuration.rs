//! tandem-control follows the configuration that the dataplane has in force.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test fails by panicking.

mod dataplane;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::{Failure, FailureKind, Reload, Reloaded, Request, Response, SourcesInForce, Status};
use config::{Config, Sources};
use control::configuration::{Current, Follower};
use control::events::{EventKind, Events};
use dataplane::FakeDataplane;

/// What the dataplane has, what it finds when it is told to reload, and what it was asked.
struct Taken {
    generation: u64,
    sources: Sources,
    file: Result<String, &'static str>,
    pages: usize,
    /// Where the file is that it would read.
    path: PathBuf,
}

type State = Arc<Mutex<Taken>>;

fn text(more: &str) -> String {
    format!(
        "[node]\nname = \"a\"\nworkers = [1]\n[public]\nport = \"0000:03:00.0\"\naddress = \
         \"198.51.100.2/24\"\nfloating = [\"198.51.100.10/24\"]\n[private]\nport = \
         \"0000:03:00.1\"\naddress = \"10.0.0.2/24\"\nfloating = [\"10.0.0.1/24\"]\n{more}"
    )
}

fn web(server: u8) -> String {
    text(&format!(
        "[[service]]\nname = \"web\"\nlisten = \"198.51.100.10:80\"\nprotocol = \"tcp\"\nserver = \
         [{{ address = \"10.0.0.{server}:80\" }}]\n"
    ))
}

fn sources(text: &str) -> Sources {
    Sources::new([("tandem.toml".to_owned(), text.to_owned())])
}

fn dataplane(text: &str) -> (FakeDataplane, State) {
    let file = Ok(text.to_owned());
    let taken =
        Taken { generation: 1, sources: sources(text), file, pages: 0, path: "/nowhere".into() };
    let state = Arc::new(Mutex::new(taken));
    let shared = Arc::clone(&state);
    (FakeDataplane::start(move |request| answer(&request, &mut shared.lock().unwrap())), state)
}

fn answer(request: &Request, taken: &mut Taken) -> Response {
    match request {
        Request::Reload(_) => match &taken.file {
            Ok(text) => {
                taken.generation += 1;
                taken.sources = sources(text);
                let generation = taken.generation;
                Response::Reloaded(Reloaded { generation, warnings: vec!["odd".to_owned()] })
            }
            Err(what) => Failure::new(FailureKind::Configuration, *what).into(),
        },
        Request::Status => {
            let path = taken.path.clone();
            let configuration = api::Configuration { path, ..api::Configuration::default() };
            Response::Status(Status { configuration, ..Status::default() })
        }
        Request::Sources(page) => {
            let (generation, digest) = (taken.generation, taken.sources.digest());
            if page.known.as_ref() == Some(&digest) {
                let unchanged = SourcesInForce { generation, digest, ..SourcesInForce::default() };
                return Response::SourcesInForce(unchanged);
            }
            taken.pages += 1;
            let files = taken.sources.files().iter().map(|file| (&*file.name, &*file.text));
            let at = (page.file, page.offset);
            Response::SourcesInForce(SourcesInForce::page(generation, digest, files, at))
        }
        other => panic!("{other:?} was not expected"),
    }
}

/// A process that was started with a file, beside this dataplane.
fn follower(dataplane: &FakeDataplane, text: &str) -> (Arc<Follower>, Current) {
    let mut config = Config::from_str("tandem.toml", text).unwrap();
    config.node.control_socket.clone_from(&dataplane.socket);
    let follower = Follower::new(&config);
    let current = follower.subscribe();
    (follower, current)
}

fn servers(current: &Current) -> Vec<String> {
    let config = current.borrow().clone();
    config.services.iter().flat_map(|s| &s.servers).map(|s| s.address.to_string()).collect()
}

#[tokio::test]
async fn what_the_dataplane_has_is_taken_and_not_what_the_file_says() {
    let (dataplane, state) = dataplane(&web(11));
    let (follower, mut current) = follower(&dataplane, &web(12));
    assert_eq!(servers(&current), ["10.0.0.12:80"], "until the dataplane is asked");
    assert_eq!(follower.keep_up().await.unwrap(), 1);
    assert_eq!(servers(&current), ["10.0.0.11:80"]);
    assert!(current.has_changed().unwrap());
    current.mark_unchanged();

    follower.keep_up().await.unwrap();
    assert!(!current.has_changed().unwrap());
    assert_eq!(state.lock().unwrap().pages, 1, "what is known is not sent again");

    // A comment is another text, and no other configuration.
    {
        let mut taken = state.lock().unwrap();
        (taken.generation, taken.sources) = (2, sources(&format!("# Servers\n{}", web(11))));
    }
    assert_eq!(follower.keep_up().await.unwrap(), 2);
    assert!(!current.has_changed().unwrap());
}

#[tokio::test]
async fn a_reload_is_followed_when_it_is_answered() {
    let (dataplane, state) = dataplane(&web(11));
    let (follower, current) = follower(&dataplane, &web(11));
    state.lock().unwrap().file =
        Ok(web(13).replace("workers = [1]", "workers = [1]\nlog = \"debug\""));
    let reloaded = follower.reload(Reload::default()).await.unwrap();
    assert_eq!(reloaded.generation, 2);
    assert_eq!(reloaded.warnings.first().unwrap(), "odd");
    let restart = "node.log: info now, debug in the file of the dataplane: restart tandem-control, \
                   or have the dataplane reload";
    assert!(reloaded.warnings.contains(&restart.to_owned()), "{:?}", reloaded.warnings);
    assert_eq!(servers(&current), ["10.0.0.13:80"]);

    state.lock().unwrap().file = Err("the configuration has mistakes");
    let failure = follower.reload(Reload::default()).await.unwrap_err();
    assert_eq!(failure.failure, FailureKind::Configuration);
    assert_eq!(servers(&current), ["10.0.0.13:80"], "a wrong file changes nothing");
}

#[tokio::test]
async fn what_takes_a_restart_of_control_is_refused_before_the_dataplane_reads_it() {
    let peer = |more: &str| {
        format!(
            "{}[metrics]\nlisten = \"127.0.0.1:9405\"\n[peer]\nkey_file = \"/etc/tandem/peer.key\"\n\
             paths = [{{ local = \"10.0.0.2\", remote = \"10.0.0.3\" }}]\n{more}",
            web(11)
        )
    };
    let (dataplane, state) = dataplane(&peer(""));
    let (follower, current) = follower(&dataplane, &peer(""));
    follower.keep_up().await.unwrap();
    let path = std::env::temp_dir().join(format!("tandem-refused-{}.toml", std::process::id()));
    state.lock().unwrap().path.clone_from(&path);
    let socket = format!("name = \"a\"\ncontrol_socket = \"{}\"", dataplane.socket.display());
    let write = |text: &str| {
        state.lock().unwrap().file = Ok(text.to_owned());
        std::fs::write(&path, text.replace("name = \"a\"", &socket)).unwrap();
    };
    for (changed, lines) in [
        (
            peer("").replace(":9405", ":9406"),
            &["metrics.listen: 127.0.0.1:9405 now, 127.0.0.1:9406 in the file"][..],
        ),
        (
            peer("dead = \"300ms\"\npriority = 7\nwitness = \"198.51.100.1\"\n"),
            &[
                "peer.priority: 100 now, 7 in the file",
                "peer.dead: 150ms now, 300ms in the file",
                "peer.witness: not set now, 198.51.100.1 in the file",
            ],
        ),
        (
            peer("").replace("name = \"a\"", "name = \"a\"\nstate = \"/srv/tandem\""),
            &["node.state: /var/lib/tandem now, /srv/tandem in the file"],
        ),
    ] {
        write(&changed);
        let failure = follower.reload(Reload::default()).await.unwrap_err();
        assert_eq!(failure.failure, FailureKind::RestartNeeded, "{failure:?}");
        assert!(failure.message.contains("need a restart of"), "{failure:?}");
        assert!(failure.message.contains("tandem-control"), "{failure:?}");
        // The test's dataplane is on a socket of its own.
        let told = failure.details.iter().filter(|line| !line.starts_with("node.control_socket"));
        assert_eq!(told.collect::<Vec<_>>(), lines);
        assert_eq!(state.lock().unwrap().generation, 1, "the dataplane was not told");
    }
    // The control: a change that needs none.
    write(&peer("").replace("10.0.0.11", "10.0.0.13"));
    assert_eq!(follower.reload(Reload::default()).await.unwrap().generation, 2);
    assert_eq!(servers(&current), ["10.0.0.13:80"]);
    std::fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn a_reload_from_elsewhere_is_followed_by_itself() {
    let (dataplane, state) = dataplane(&web(11));
    let (follower, mut current) = follower(&dataplane, &web(11));
    follower.keep_up().await.unwrap();
    current.mark_unchanged();
    tokio::spawn(Arc::clone(&follower).run());
    // As large as to come in many pages.
    let large = format!("{}{}", web(14), "# A line of a large file.\n".repeat(30_000));
    state.lock().unwrap().sources = sources(&large);
    tokio::time::timeout(Duration::from_secs(10), current.changed()).await.unwrap().unwrap();
    assert_eq!(servers(&current), ["10.0.0.14:80"]);
    assert!(state.lock().unwrap().pages > 4);
}

#[tokio::test]
async fn what_is_not_understood_or_not_answered_changes_nothing() {
    let (dataplane, state) = dataplane(&web(11));
    let (follower, current) = follower(&dataplane, &web(11));
    follower.keep_up().await.unwrap();
    state.lock().unwrap().sources = sources("[node]\nnew_key = 1\n");
    follower.keep_up().await.unwrap();
    assert_eq!(servers(&current), ["10.0.0.11:80"]);

    let (follower, current) = self::follower(&dataplane, &web(11));
    drop(dataplane);
    assert!(follower.keep_up().await.is_err());
    let failure = follower.reload(Reload::default()).await.unwrap_err();
    assert_eq!(failure.failure, FailureKind::NotNow);
    assert!(failure.message.starts_with("the dataplane has not reloaded: "), "{failure}");
    assert_eq!(servers(&current), ["10.0.0.11:80"]);
}

#[tokio::test]
async fn who_reloaded_and_what_has_changed_is_an_event_without_secrets() {
    let hook = |secret: &str| {
        format!(
            "[[hook]]\nname = \"chat\"\non = \"all\"\nurl = \"https://chat.example.org/\"\nheaders = \
             [\"X-Token: {secret}\"]\n"
        )
    };
    let (dataplane, state) = dataplane(&(web(11) + &hook("SECRET1")));
    let folder = std::env::temp_dir().join(format!("tandem-reloaded-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let events = Events::start(&folder, "a").unwrap();
    let mut config = Config::from_str("tandem.toml", &web(11)).unwrap();
    config.node.control_socket.clone_from(&dataplane.socket);
    let follower = Follower::telling(&config, events.clone());
    follower.keep_up().await.unwrap();
    let last = || {
        events.finish(Duration::from_secs(20));
        let all = events.recent(usize::MAX);
        all.last().map(|event| (**event).clone())
    };
    assert_eq!(last(), None, "what is in force at the start is no news");

    state.lock().unwrap().file = Ok(web(13) + &hook("SECRET2"));
    follower.reload_by(Reload::default(), "alice").await.unwrap();
    let loaded = last().unwrap();
    assert_eq!(
        (loaded.kind, loaded.actor.as_deref()),
        (EventKind::ConfigurationLoaded, Some("alice"))
    );
    assert_eq!(loaded.fields["generation"], "2");
    let details = loaded.details.join("\n");
    assert!(details.contains("service web 10.0.0.13:80: new"), "{details}");
    assert!(details.contains("service web 10.0.0.11:80: removed"), "{details}");
    assert!(details.contains("hook chat headers: changed"), "{details}");
    assert!(!details.contains("SECRET"), "{details}");

    follower.reload_by(Reload::default(), "bob").await.unwrap();
    let same = last().unwrap();
    assert!(same.what.contains("the same as before") && same.details.is_empty(), "{same:?}");
    state.lock().unwrap().file = Err("the configuration has mistakes");
    follower.reload_by(Reload::default(), "SIGHUP").await.unwrap_err();
    let refused = last().unwrap();
    assert_eq!(refused.kind, EventKind::ConfigurationRefused);
    assert_eq!(refused.why.as_deref(), Some("the configuration has mistakes"));
    assert_eq!(refused.actor.as_deref(), Some("SIGHUP"));

    // The dataplane was told by itself.
    state.lock().unwrap().sources = sources(&web(14));
    follower.keep_up().await.unwrap();
    assert_eq!(last().unwrap().actor.as_deref(), Some("the dataplane was told by itself"));
    std::fs::remove_dir_all(folder).unwrap();
}
