use super::*;

pub(crate) fn payload(sequence: u64) -> HeartbeatPayload {
    HeartbeatPayload {
        sequence,
        heartbeat: Heartbeat {
            identity: Identity { priority: 100, name: "a".into(), start: 0 },
            term: Term(7),
            role: Role::Active,
            fitness: Fitness::READY,
            wish: Wish::None,
            hears_peer: true,
            lease: Duration::from_millis(120),
        },
        progress: Progress { state: SyncState::Following, complete: true, lag: 12 },
        timers: Timers { dead: 150, lease: 120 },
        obstacles: vec!["the private link is down".to_owned()],
        damped: None,
        digests: Digests { schema: 1, sections: [2, 3, 4, 5, u64::MAX] },
    }
}

fn messages() -> Vec<Message> {
    let echo = Salt([9; 16]);
    let mut all = vec![Message { echo, body: Body::Hello }];
    for role in ROLES {
        for (index, wish) in WISHES.into_iter().enumerate() {
            let mut payload = payload(u64::MAX);
            payload.heartbeat.role = role;
            payload.heartbeat.wish = wish;
            payload.heartbeat.hears_peer = index == 2;
            payload.heartbeat.fitness.witness = [None, Some(false), Some(true)][index % 3];
            let reach = Reach { set: u64::MAX - 1, asked: 513, answering: index as u16 };
            payload.heartbeat.fitness.reach = [reach, Reach::UNKNOWN];
            payload.progress = Progress { state: STATES[index % 3], complete: index == 1, lag: 3 };
            all.push(Message { echo, body: Body::Heartbeat(Box::new(payload)) });
        }
    }
    all
}

#[test]
fn messages_come_back_as_they_were() {
    for message in messages() {
        assert_eq!(Message::decode(&message.encode()), Some(message));
    }
}

#[test]
fn what_is_cut_or_longer_is_not_understood() {
    for message in messages() {
        let bytes = message.encode();
        for length in 0..18 {
            assert_eq!(Message::decode(&bytes[..length]), None);
        }
        let rest = not_understood(&bytes);
        for length in 18..bytes.len() {
            // A heartbeat that ends behind its echo is no hello: the kind differs.
            assert_eq!(Message::decode(&bytes[..length]), rest);
        }
        assert_eq!(Message::decode(&[bytes, vec![0]].concat()), rest);
    }
}

/// What is left of a message that is not understood.
fn not_understood(bytes: &[u8]) -> Option<Message> {
    let active = [Some(false), Some(true), None].get(usize::from(bytes[17]));
    let active = active.copied().flatten();
    let body = Body::NotUnderstood(NotUnderstood { version: bytes[0], active });
    Some(Message { echo: Salt(bytes[1..17].try_into().unwrap()), body })
}

#[test]
fn unknown_values_are_not_understood() {
    let bytes =
        Message { echo: Salt([0; 16]), body: Body::Heartbeat(Box::new(payload(1))) }.encode();
    for place in [17, 18, 35, 37, 38, 39] {
        let mut bytes = bytes.clone();
        bytes[place] = 0x7e;
        assert_eq!(Message::decode(&bytes), not_understood(&bytes), "byte {place}");
    }
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_one_message_or_not_understood(echo: [u8; 16], kind in 0..2_u8, bytes: Vec<u8>) {
        let active = if kind == HELLO { 2 } else { 1 };
        let bytes = [&[VERSION][..], &echo, &[active, kind], &bytes].concat();
        let message = Message::decode(&bytes).unwrap();
        match message.body {
            Body::NotUnderstood(_) => assert_eq!(message.encode(), bytes[..18]),
            _ => assert_eq!(message.encode(), bytes),
        }
    }

    #[test]
    fn changed_messages_are_one_message_or_not_understood(place in 0..200_usize, to: u8) {
        let body = Body::Heartbeat(Box::new(payload(1)));
        let mut bytes = Message { echo: Salt([0; 16]), body }.encode();
        if let Some(byte) = bytes.get_mut(place) {
            *byte = to;
        }
        let message = Message::decode(&bytes).unwrap();
        match message.body {
            Body::NotUnderstood(_) => assert_eq!(Some(message), not_understood(&bytes)),
            _ => assert_eq!(message.encode(), bytes),
        }
    }
}

#[test]
fn what_is_reached_has_its_place() {
    let mut payload = payload(1);
    let private = Reach { set: 9, asked: 3, answering: 2 };
    payload.heartbeat.fitness.reach = [Reach { set: 7, asked: 1, answering: 1 }, private];
    let bytes = Message { echo: Salt([0; 16]), body: Body::Heartbeat(Box::new(payload)) }.encode();
    assert_eq!(bytes[56..68], [7, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0]);
    assert_eq!(bytes[68..80], [9, 0, 0, 0, 0, 0, 0, 0, 3, 0, 2, 0]);
}

#[test]
fn the_timers_have_their_places() {
    let bytes =
        Message { echo: Salt([0; 16]), body: Body::Heartbeat(Box::new(payload(1))) }.encode();
    assert_eq!(bytes[48..56], [150, 0, 0, 0, 120, 0, 0, 0]);
}

#[test]
fn long_texts_are_cut_between_letters() {
    let mut long = payload(1);
    long.obstacles = vec!["ü".repeat(200); 9];
    let message = Message { echo: Salt([0; 16]), body: Body::Heartbeat(Box::new(long)) };
    let Some(Message { body: Body::Heartbeat(read), .. }) = Message::decode(&message.encode())
    else {
        panic!("not understood");
    };
    assert_eq!(read.obstacles, vec!["ü".repeat(127); HeartbeatPayload::OBSTACLES]);
    assert!(message.encode().len() < super::super::seal::LIMIT - 64);
}

#[test]
fn a_damped_sender_says_so_where_an_older_release_reads_an_obstacle() {
    for count in 0..=HeartbeatPayload::OBSTACLES {
        let mut damped = payload(1);
        damped.obstacles = vec!["the private link is down".to_owned(); count];
        damped.damped = Some("for 42 s".to_owned());
        let mut older = payload(1);
        older.obstacles = damped.obstacles.iter().take(3).cloned().collect();
        let read = HeartbeatPayload { obstacles: older.obstacles.clone(), ..damped.clone() };
        older.obstacles.push("damped: for 42 s".to_owned());
        let echo = Salt([0; 16]);
        let [damped, older, read] =
            [damped, older, read].map(|p| Message { echo, body: Body::Heartbeat(Box::new(p)) });
        assert_eq!(damped.encode(), older.encode());
        assert_eq!(Message::decode(&damped.encode()), Some(read));
    }
}
