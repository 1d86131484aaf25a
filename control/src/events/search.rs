//! Finding events: those on disk first, then those in memory.

use std::collections::VecDeque;
use std::sync::Arc;

use api::{Event, EventsFound, EventsPage, MOST_EVENTS};

/// About how many bytes of text an answer may have.
const TEXT: usize = 2 * 1024 * 1024;

/// The events that the page asks for, at most [`MOST_EVENTS`]. `disk` and `recent` are in the
/// order of their numbers; of an event that is in both, one counts.
pub fn find(
    page: &EventsPage,
    disk: impl Iterator<Item = Event>,
    recent: &[Arc<Event>],
) -> EventsFound {
    let most =
        usize::try_from(page.newest.unwrap_or(MOST_EVENTS).min(MOST_EVENTS)).unwrap_or(usize::MAX);
    let mut events: VecDeque<Event> = VecDeque::new();
    let (mut text, mut next) = (0, page.after);
    let recent = recent.iter().map(|event| Event::clone(event));
    for event in disk.chain(recent) {
        if event.number <= next {
            continue;
        }
        if !page.selects(&event) {
            next = event.number;
            continue;
        }
        if page.newest.is_none() && (events.len() >= most || text >= TEXT) {
            return EventsFound { events: events.into(), next, more: true, damaged: 0 };
        }
        next = event.number;
        text += size(&event);
        events.push_back(event);
        while events.len() > most || (page.newest.is_some() && text > TEXT && events.len() > 1) {
            text -= events.pop_front().as_ref().map_or(0, size);
        }
    }
    EventsFound { events: events.into(), next, more: false, damaged: 0 }
}

fn size(event: &Event) -> usize {
    let details: usize = event.details.iter().map(|line| line.len() + 8).sum();
    event.what.len() + event.why.as_ref().map_or(0, String::len) + details + 500
}

#[cfg(test)]
mod tests {
    use api::{EventKind, EventSeverity};

    use super::*;

    fn event(number: u64) -> Event {
        let even = number % 2 == 0;
        let kind = if even { EventKind::ServerDown } else { EventKind::RoleActive };
        let severity = kind.severity();
        Event { number, at_millis: number * 1000, kind, severity, ..Event::default() }
    }

    fn numbers(found: &EventsFound) -> Vec<u64> {
        found.events.iter().map(|event| event.number).collect()
    }

    #[test]
    fn disk_and_memory_are_one_history() {
        let recent: Vec<_> = (4..=9).map(|number| Arc::new(event(number))).collect();
        let disk = || (1..=6).map(event);
        let all = find(&EventsPage::default(), disk(), &recent);
        assert_eq!(numbers(&all), (1..=9).collect::<Vec<_>>(), "each once");
        assert_eq!((all.next, all.more), (9, false));
        let page = EventsPage { kinds: vec!["server".to_owned()], after: 2, ..Default::default() };
        assert_eq!(numbers(&find(&page, disk(), &recent)), [4, 6, 8]);
        let page = EventsPage { newest: Some(2), since_millis: 3000, ..Default::default() };
        assert_eq!(numbers(&find(&page, disk(), &recent)), [8, 9]);
        let page = EventsPage { severity: EventSeverity::Alarm, ..Default::default() };
        let none = find(&page, disk(), &recent);
        assert_eq!((numbers(&none), none.next), (vec![], 9), "what was looked at is told");
    }

    #[test]
    fn many_come_in_pages() {
        let mut page = EventsPage::default();
        let mut all = Vec::new();
        loop {
            let found = find(&page, (1..=1234).map(event), &[]);
            assert!(found.events.len() <= 500);
            all.extend(numbers(&found));
            page.after = found.next;
            if !found.more {
                break;
            }
        }
        assert_eq!(all, (1..=1234).collect::<Vec<_>>());
    }
}
