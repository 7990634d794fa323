//! Something that happened at a time, as Graphite keeps it: a deployment, an alarm.

use std::sync::Arc;

/// Bytes of the texts of one event.
pub const EVENT_BYTES_MAX: usize = 60 * 1024;
/// Tags of one event.
pub const EVENT_TAGS_MAX: usize = 1_000;
/// Events of an appliance.
pub const EVENTS_MAX: usize = 200_000;
/// Bytes of the texts of all events.
pub const EVENTS_BYTES_MAX: usize = 64 << 20;
/// Events of a piece of the list: so many are copied when one is added.
const PIECE: usize = 256;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its number, from 1 in the order of arrival.
    pub id: u64,
    /// When it happened, seconds since 1970.
    pub when: i64,
    /// What happened.
    pub what: String,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Anything else.
    pub data: String,
}

impl Event {
    /// Bytes of its texts.
    pub fn bytes(&self) -> usize {
        let tags: usize = self.tags.iter().map(String::len).sum();
        self.what.len() + tags + self.data.len()
    }
}

/// Why an event is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventRefused {
    /// Over [`EVENT_BYTES_MAX`].
    #[error("the event has more than {EVENT_BYTES_MAX} bytes of text; shorten it")]
    Long,
    /// Over [`EVENT_TAGS_MAX`].
    #[error("the event has more than {EVENT_TAGS_MAX} tags; use fewer")]
    Tags,
    /// Over [`EVENTS_MAX`].
    #[error("there are {EVENTS_MAX} events already, the most that are kept")]
    Many,
    /// Over [`EVENTS_BYTES_MAX`].
    #[error("the events have {EVENTS_BYTES_MAX} bytes of text already, the most that are kept")]
    Full,
}

/// All events, by their ids. Copies share what they have in common.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Events {
    pieces: Vec<Arc<Vec<Arc<Event>>>>,
    len: usize,
    bytes: usize,
}

impl Events {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Bytes of their texts.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The id that the next one gets.
    pub fn next_id(&self) -> u64 {
        self.iter().next_back().map_or(0, |last| last.id) + 1
    }

    /// Them by id.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<Event>> {
        self.pieces.iter().flat_map(|piece| piece.iter())
    }

    /// Them by id, but for the first so many.
    pub fn iter_from(&self, first: usize) -> impl Iterator<Item = &Arc<Event>> {
        // All pieces but the last are full.
        let pieces = self.pieces.get(first / PIECE..).unwrap_or_default();
        let events = pieces.iter().flat_map(|piece| piece.iter());
        events.skip(first % PIECE)
    }

    /// That with this id.
    pub fn get(&self, id: u64) -> Option<&Arc<Event>> {
        let at = self
            .pieces
            .partition_point(|piece| piece.last().is_some_and(|last| last.id < id));
        let piece = self.pieces.get(at)?;
        let at = piece.binary_search_by_key(&id, |event| event.id).ok()?;
        piece.get(at)
    }

    /// Whether it may be added.
    ///
    /// # Errors
    /// The limit that it would pass.
    pub fn check(&self, event: &Event) -> Result<(), EventRefused> {
        if EVENT_BYTES_MAX < event.bytes() {
            return Err(EventRefused::Long);
        }
        if EVENT_TAGS_MAX < event.tags.len() {
            return Err(EventRefused::Tags);
        }
        if EVENTS_MAX <= self.len {
            return Err(EventRefused::Many);
        }
        if EVENTS_BYTES_MAX < self.bytes + event.bytes() {
            return Err(EventRefused::Full);
        }
        Ok(())
    }

    /// Add one whose id is above all others. False where it is not; then nothing changes.
    pub fn add(&mut self, event: Event) -> bool {
        if event.id < self.next_id() {
            return false;
        }
        self.len += 1;
        self.bytes += event.bytes();
        let event = Arc::new(event);
        match self.pieces.last_mut() {
            Some(last) if last.len() < PIECE => Arc::make_mut(last).push(event),
            _ => self.pieces.push(Arc::new(vec![event])),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: u64, text: &str) -> Event {
        Event {
            id,
            when: id as i64 * 10,
            what: text.to_owned(),
            tags: vec!["a".to_owned()],
            data: String::new(),
        }
    }

    #[test]
    fn events_are_found_by_id_and_copies_stay_as_they_were() {
        let mut events = Events::default();
        let mut copies = Vec::new();
        for id in (1..2000).filter(|id| id % 3 != 0) {
            assert!(events.next_id() <= id);
            assert!(events.add(event(id, "x")));
            assert!(!events.add(event(id, "again")));
            if id % 100 == 1 {
                copies.push((events.len(), events.clone()));
            }
        }
        for id in 0..2100 {
            let found = events.get(id).map(|event| event.id);
            assert_eq!(found, (id % 3 != 0 && id < 2000 && id > 0).then_some(id));
        }
        for (len, copy) in copies {
            assert_eq!((copy.len(), copy.iter().count()), (len, len));
        }
    }

    #[test]
    fn limits() {
        let events = Events::default();
        let long = "x".repeat(EVENT_BYTES_MAX);
        assert_eq!(events.check(&event(1, &long[1..])), Ok(()));
        assert_eq!(events.check(&event(1, &long)), Err(EventRefused::Long));
        let many = Event {
            tags: vec![String::new(); EVENT_TAGS_MAX + 1],
            ..event(1, "x")
        };
        assert_eq!(events.check(&many), Err(EventRefused::Tags));
        let full = Events {
            len: EVENTS_MAX,
            ..Events::default()
        };
        assert_eq!(full.check(&event(1, "x")), Err(EventRefused::Many));
        let full = Events {
            bytes: EVENTS_BYTES_MAX - 1,
            ..Events::default()
        };
        assert_eq!(full.check(&event(1, "x")), Err(EventRefused::Full));
    }
}
