//! An event as a command finds it in its environment.

use api::Event;

use crate::output::date;

/// The variables of an event: names and values.
pub(super) fn of(hook: &str, event: &Event) -> Vec<(String, String)> {
    let mut all = vec![
        ("TANDEM_HOOK", hook.to_owned()),
        ("TANDEM_EVENT", event.kind.name().to_owned()),
        ("TANDEM_EVENT_FAMILY", event.kind.family().to_owned()),
        ("TANDEM_EVENT_SEVERITY", event.severity.to_string()),
        ("TANDEM_EVENT_NODE", event.node.clone()),
        ("TANDEM_EVENT_NUMBER", event.number.to_string()),
        ("TANDEM_EVENT_TIME", date::rfc3339(event.at_millis)),
        ("TANDEM_EVENT_WHAT", event.what.clone()),
        ("TANDEM_EVENT_WHY", event.why.clone().unwrap_or_default()),
        ("TANDEM_EVENT_ACTOR", event.actor.clone().unwrap_or_default()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect::<Vec<_>>();
    let fields = event.fields.iter().map(|(name, value)| {
        let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        let name: String = name.chars().map(letter).collect();
        (format!("TANDEM_EVENT_FIELD_{name}"), value.clone())
    });
    all.extend(fields);
    // No value with a zero byte can be given; texts of events have none.
    all.retain(|(_, value)| !value.contains('\0'));
    all
}
