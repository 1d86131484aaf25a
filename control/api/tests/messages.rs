//! Messages survive their journey, and those of a later release of this version of
//! the protocol are still understood.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test fails by panicking.

use api::{
    Connection, ConnectionKind, Connections, Counters, Cursor, Endpoints, Failure, FailureKind,
    Filter, Page, Request, Response, ServerState, Services, Status, frame, message,
};
use proptest::prelude::*;
use serde_json::json;

fn connection() -> Connection {
    Connection {
        kind: ConnectionKind::Service,
        protocol: "tcp".into(),
        state: "established".into(),
        service: Some("web".into()),
        original: Endpoints {
            source: "198.51.100.100:40000".parse().unwrap(),
            destination: "198.51.100.10:80".parse().unwrap(),
        },
        translated: Endpoints {
            source: "198.51.100.100:40000".parse().unwrap(),
            destination: "10.0.0.11:80".parse().unwrap(),
        },
        age_seconds: 3600,
        idle_seconds: u64::MAX,
        expires_seconds: 899,
        worker: 3,
    }
}

fn decode_response(message: serde_json::Value) -> Result<Response, Failure> {
    message::decode(json!({ "version": 1, "message": message }).to_string().as_bytes())
}

#[test]
fn messages_come_back_as_they_were() {
    let page = Page {
        cursor: Some(Cursor { worker: 7, index: u64::MAX }),
        limit: 10,
        filter: Filter {
            service: Some("web".into()),
            address: Some("2001:db8::1".parse().unwrap()),
            client: Some("203.0.113.0/24".parse().unwrap()),
            server: Some("10.0.0.11:80".parse().unwrap()),
            states: vec!["ESTABLISHED".into()],
            idle: Some(60),
            ..Filter::default()
        },
        order: Some(api::ConnectionOrder { by: api::SortKey::Age, reverse: true }),
    };
    let kill = api::Kill { filter: page.filter.clone(), ..api::Kill::default() };
    for request in [
        Request::Status,
        Request::Connections(page),
        Request::Kill(kill),
        Request::Reload(Default::default()),
    ] {
        let json = message::encode(&request).unwrap();
        assert_eq!(message::decode::<Request>(&json).unwrap(), request);
    }
    let mut counters = Counters::default();
    counters.nics.insert(api::Side::Private, Default::default());
    let next = Some(Cursor { worker: 0, index: 1 });
    let page = Connections { entries: vec![connection()], next, generation: 7 };
    for response in [Response::Counters(counters), Response::Connections(page)] {
        let json = message::encode(&response).unwrap();
        assert_eq!(message::decode::<Response>(&json).unwrap(), response);
    }
}

#[test]
fn fields_unknown_here_are_passed_over_and_missing_ones_have_defaults() {
    let status = decode_response(json!({ "kind": "status", "node": "b", "term": 7 })).unwrap();
    assert_eq!(status, Response::Status(Status { node: "b".into(), ..Status::default() }));
    let services = json!({ "kind": "services", "services": [{ "name": "web", "servers": [
        { "address": "10.0.0.11:80", "health": "good" }
    ] }] });
    let Response::Services(Services { services, .. }) = decode_response(services).unwrap() else {
        panic!("services were expected")
    };
    assert_eq!(services[0].servers[0].state, ServerState::Up);
    assert_eq!(services[0].connections_total, 0);
}

#[test]
fn a_kind_of_failure_unknown_here_is_still_a_failure() {
    let failure = json!({ "kind": "failure", "failure": "not_active", "message": "standby" });
    let failure = decode_response(failure).unwrap();
    assert_eq!(failure, Response::Failure(Failure::new(FailureKind::Other, "standby")));
}

#[test]
fn a_part_of_a_filter_that_is_not_known_here_is_no_wider_filter() {
    let part = json!({ "client": "203.0.113.0/24", "vlan": 7 });
    for kind in ["connections", "kill"] {
        let message = json!({ "kind": kind, "filter": part });
        let message = json!({ "version": 1, "message": message }).to_string();
        let refused = message::decode::<Request>(message.as_bytes()).unwrap_err();
        assert!(refused.message.contains("vlan"), "{refused}");
    }
    // The control: without it both are understood.
    let message = json!({ "version": 1, "message": { "kind": "kill", "filter": {} } });
    assert!(message::decode::<Request>(message.to_string().as_bytes()).is_ok());
}

#[test]
fn a_full_page_fits_into_a_frame() {
    let mut widest = connection();
    let end = "[2001:db8:1111:2222:3333:4444:5555:6666]:65535".parse().unwrap();
    widest.original = Endpoints { source: end, destination: end };
    widest.translated = widest.original;
    widest.service = Some("s".repeat(63));
    widest.kind = ConnectionKind::Masquerade;
    (widest.expires_seconds, widest.worker) = (u64::MAX, u32::MAX);
    widest.age_seconds = u64::MAX;
    let page = Connections {
        entries: vec![widest; Page::LIMIT as usize],
        next: Some(Cursor { worker: u32::MAX, index: u64::MAX }),
        generation: u64::MAX,
    };
    assert!(message::encode(&Response::Connections(page)).unwrap().len() <= frame::LIMIT);
}

#[test]
fn filters_match_by_service_and_by_any_end() {
    let matches = |service: Option<&str>, address: Option<&str>| {
        let address = address.map(|address| address.parse().unwrap());
        Filter { service: service.map(str::to_owned), address, ..Filter::default() }
            .matches(&connection())
    };
    assert!(matches(None, None));
    assert!(matches(Some("web"), Some("10.0.0.11")));
    assert!(matches(None, Some("198.51.100.100")));
    assert!(!matches(Some("dns"), None));
    assert!(!matches(Some("web"), Some("10.0.0.12")));
}

proptest! {
    #[test]
    fn any_bytes_are_decoded_or_refused(bytes: Vec<u8>) {
        let refused = message::decode::<Request>(&bytes).err();
        prop_assert!(refused.is_none_or(|failure| !failure.message.is_empty()));
    }

    #[test]
    fn any_stream_is_read_or_refused(bytes: Vec<u8>) {
        if let Ok(Some(json)) = frame::read(&mut bytes.as_slice()) {
            prop_assert_eq!(json.as_slice(), &bytes[4..4 + json.len()]);
        }
    }
}

#[test]
fn orders_of_the_pair_come_back_as_they_were() {
    use api::stream::Direction;
    use api::{LeaseOrder, LeaseStatus, SyncState, SyncStatus};
    for request in [
        Request::Sync(Direction::Export),
        Request::Sync(Direction::Import),
        Request::Lease(LeaseOrder::Drain),
        Request::Lease(LeaseOrder::Claim { term: 3, lease: 120_000, at: 5 }),
    ] {
        let json = message::encode(&request).unwrap();
        assert_eq!(message::decode::<Request>(&json).unwrap(), request);
    }
    let sync = SyncStatus { state: SyncState::Following, drained: 4, ..SyncStatus::default() };
    let response = Response::LeaseStatus(LeaseStatus { sync, ..LeaseStatus::default() });
    let json = message::encode(&response).unwrap();
    assert_eq!(message::decode::<Response>(&json).unwrap(), response);
    // The names on the wire stay: both processes of a machine may be of different releases.
    let watch = json!({ "kind": "hold", "order": "watch" });
    assert_eq!(serde_json::to_value(Request::Lease(LeaseOrder::Watch)).unwrap(), watch);
    // From a release that knows less of connection sync.
    let older = json!({ "kind": "holding", "sync": { "state": "bulk", "lag": 7 } });
    let Response::LeaseStatus(lease_status) = decode_response(older).unwrap() else { panic!() };
    assert_eq!((lease_status.sync.lag, lease_status.sync.drained), (7, 0));
}

#[test]
fn filters_match_by_every_part() {
    let matches = |part: serde_json::Value| {
        serde_json::from_value::<Filter>(part).unwrap().matches(&Connection {
            state: "ESTABLISHED".into(),
            idle_seconds: 59,
            age_seconds: 3600,
            ..connection()
        })
    };
    for (right, wrong) in [
        (json!({ "client": "198.51.100.0/24" }), json!({ "client": "10.0.0.0/24" })),
        (json!({ "client": "198.51.100.100/32" }), json!({ "client": "198.51.100.101/32" })),
        (
            json!({ "server": { "address": "10.0.0.11" } }),
            json!({ "server": { "address": "198.51.100.10" } }),
        ),
        (
            json!({ "server": { "address": "10.0.0.11", "port": 80 } }),
            json!({ "server": { "address": "10.0.0.11", "port": 81 } }),
        ),
        (json!({ "states": ["SYN_RECV", "ESTABLISHED"] }), json!({ "states": ["SYN_RECV"] })),
        (json!({ "protocol": "tcp" }), json!({ "protocol": "udp" })),
        (json!({ "kind": "service" }), json!({ "kind": "masquerade" })),
        (json!({ "idle": 59 }), json!({ "idle": 60 })),
        (json!({ "idle_under": 60 }), json!({ "idle_under": 59 })),
        (json!({ "age": 3600 }), json!({ "age": 3601 })),
        (json!({ "age_under": 3601 }), json!({ "age_under": 3600 })),
    ] {
        assert!(matches(right.clone()), "{right}");
        assert!(!matches(wrong.clone()), "{wrong}");
        // Every part must match.
        let mut both = right.as_object().unwrap().clone();
        both.insert("service".into(), json!("dns"));
        assert!(!matches(both.into()), "{right}");
    }
    // A masqueraded connection has no server.
    let masqueraded = Connection { kind: ConnectionKind::Masquerade, ..connection() };
    let server = Some("10.0.0.11".parse().unwrap());
    assert!(!Filter { server, ..Filter::default() }.matches(&masqueraded));
}

#[test]
fn a_filter_says_in_words_what_it_selects() {
    let part = json!({ "service": "web", "client": "203.0.113.0/24", "states": ["CLOSE", "NONE"],
        "idle": 300 });
    let filter: Filter = serde_json::from_value(part).unwrap();
    let words = "service web, client 203.0.113.0/24, state CLOSE or NONE, idle for at least 300 s";
    assert_eq!(filter.to_string(), words);
    assert_eq!((Filter::default().to_string().as_str(), filter.is_empty()), ("all", false));
}

#[test]
fn the_first_connections_of_an_order_are_kept() {
    use api::{ConnectionOrder, SortKey};
    let at = |age_seconds, port: u16| {
        let mut one = Connection { age_seconds, ..connection() };
        one.original.source.set_port(port);
        one
    };
    let kept = |by, reverse| {
        let mut all = vec![at(5, 1), at(9, 2), at(5, 3), at(7, 4)];
        ConnectionOrder { by, reverse }.keep_first(&mut all, 3);
        all.iter().map(|one| one.original.source.port()).collect::<Vec<_>>()
    };
    assert_eq!(kept(SortKey::Age, false), [2, 4, 1]);
    assert_eq!(kept(SortKey::Age, true), [1, 3, 4]);
    assert_eq!(kept(SortKey::Service, false), [1, 2, 3], "equal ones by their ends");
}
