//! DNS over UDP.

use lab::{demo, ready};

#[test]
fn queries_are_spread_over_the_servers() {
    let _lab = ready().unwrap();
    let answers = demo::dns().unwrap();
    assert_eq!(answers.keys().collect::<Vec<_>>(), ["s1", "s2", "s3"]);
    assert!(answers.values().all(|count| *count == 2), "{answers:?}");
}
