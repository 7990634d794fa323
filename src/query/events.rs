//! Which events a question means.

use std::sync::Arc;

use super::breath::Pace;
use super::error::QueryError;
use crate::model::event::{Event, Events};

/// How the tags of a question and of an event are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// The event has all of them.
    All,
    /// It has one at least.
    Any,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventFilter {
    /// Tags; with none, all events.
    pub tags: Vec<String>,
    /// How they count.
    pub join: Join,
    /// First second.
    pub from: i64,
    /// Last second.
    pub until: i64,
}

impl EventFilter {
    /// Whether an event is meant.
    pub fn matches(&self, event: &Event) -> bool {
        let has = |tag: &String| event.tags.contains(tag);
        let by_tags = match self.join {
            _ if self.tags.is_empty() => true,
            Join::All => self.tags.iter().all(has),
            Join::Any => self.tags.iter().any(has),
        };
        by_tags && (self.from..=self.until).contains(&event.when)
    }
}

/// The events that are meant, by their times and those of one time by their ids.
///
/// # Errors
/// As [`Breath::breathe`](super::breath::Breath::breathe).
pub async fn matching(
    events: &Events,
    filter: &EventFilter,
    pace: &Pace<'_>,
) -> Result<Vec<Arc<Event>>, QueryError> {
    let mut found = std::collections::BTreeMap::new();
    for event in events.iter() {
        let tests = 1 + filter.tags.len() * event.tags.len();
        if filter.matches(event) {
            found.insert((event.when, event.id), Arc::clone(event));
        }
        pace.did(tests).await?;
    }
    let mut sorted = Vec::with_capacity(found.len());
    for (_, event) in found {
        sorted.push(event);
        pace.did(1).await?;
    }
    Ok(sorted)
}

/// When they happened, in seconds, ascending: what the function `events` draws.
///
/// # Errors
/// As [`matching`].
pub async fn times(
    events: &Events,
    filter: &EventFilter,
    pace: &Pace<'_>,
) -> Result<Vec<i64>, QueryError> {
    let found = matching(events, filter, pace).await?;
    Ok(found.iter().map(|event| event.when).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::breath::Breathless;
    use crate::query::testing::run;

    #[test]
    fn events_by_tags_and_time() {
        let mut events = Events::default();
        for (i, (when, tags)) in [(30, "a b"), (10, "a"), (20, ""), (10, "b c"), (40, "c")]
            .into_iter()
            .enumerate()
        {
            assert!(events.add(Event {
                id: i as u64 + 1,
                when,
                what: String::new(),
                tags: tags.split_whitespace().map(str::to_owned).collect(),
                data: String::new(),
            }));
        }
        let check = |tags: &str, join, range: (i64, i64), want: &[u64]| {
            let filter = EventFilter {
                tags: tags.split_whitespace().map(str::to_owned).collect(),
                join,
                from: range.0,
                until: range.1,
            };
            let found = run(matching(&events, &filter, &Pace::new(&Breathless)));
            let found = found.expect("in time");
            let ids: Vec<u64> = found.iter().map(|event| event.id).collect();
            assert_eq!(ids, want, "{filter:?}");
            let whens = run(times(&events, &filter, &Pace::new(&Breathless)));
            let whens = whens.expect("in time");
            assert!(whens.is_sorted() && whens.len() == want.len());
        };
        check("", Join::All, (0, 99), &[2, 4, 3, 1, 5]);
        check("", Join::Any, (10, 30), &[2, 4, 3, 1]);
        check("a", Join::All, (0, 99), &[2, 1]);
        check("a b", Join::All, (0, 99), &[1]);
        check("a b", Join::Any, (0, 99), &[2, 4, 1]);
        check("a nosuch", Join::All, (0, 99), &[]);
        check("a nosuch", Join::Any, (0, 99), &[2, 1]);
        check("c", Join::All, (11, 39), &[]);
    }
}
