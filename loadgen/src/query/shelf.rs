//! Where answers wait for their judgement: bounded in bytes.

use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::Window;

/// Bytes that may wait until the last answer has come; what is more is judged meanwhile.
const BYTES_MAX: usize = 1 << 30;

/// Beyond this asking waits for judging.
const BYTES_FULL: usize = 2 * BYTES_MAX;

/// One answer, and how often the same came.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) panel: usize,
    pub(super) window: Window,
    pub(super) body: Vec<u8>,
    pub(super) times: u64,
}

#[derive(Debug, Default)]
struct Inside {
    answers: VecDeque<Held>,
    /// How many answers have left, from which follows where one stands whose number is known.
    left: u64,
    /// The number of the newest answer of each panel.
    newest: HashMap<usize, u64>,
    bytes: usize,
    closed: bool,
}

/// The answers that wait.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    inside: Mutex<Inside>,
    changed: Condvar,
}

impl Shelf {
    /// Puts an answer behind the others. One that repeats the panel's last, of the same window, only
    /// counts.
    pub(super) fn put(&self, panel: usize, window: Window, body: Vec<u8>) {
        let mut inside = self.open();
        while BYTES_FULL < inside.bytes && !inside.closed {
            inside = self.wait(inside);
        }
        let place = inside
            .newest
            .get(&panel)
            .and_then(|number| number.checked_sub(inside.left));
        if let Some(same) = place.and_then(|place| inside.answers.get_mut(place as usize))
            && same.window == window
            && same.body == body
        {
            same.times += 1;
            return;
        }
        let number = inside.left + inside.answers.len() as u64;
        inside.newest.insert(panel, number);
        inside.bytes += body.len();
        inside.answers.push_back(Held {
            panel,
            window,
            body,
            times: 1,
        });
        self.changed.notify_all();
    }

    /// The oldest answer once there are too many; none when the shelf is closed.
    pub(super) fn take_excess(&self) -> Option<Held> {
        let mut inside = self.open();
        while inside.bytes <= BYTES_MAX && !inside.closed {
            inside = self.wait(inside);
        }
        if inside.closed {
            return None;
        }
        self.pop(&mut inside)
    }

    /// The oldest answer.
    pub(super) fn take(&self) -> Option<Held> {
        self.pop(&mut self.open())
    }

    /// No more answers come.
    pub(super) fn close(&self) {
        self.open().closed = true;
        self.changed.notify_all();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.open().closed
    }

    fn pop(&self, inside: &mut Inside) -> Option<Held> {
        let held = inside.answers.pop_front()?;
        inside.left += 1;
        inside.bytes = inside.bytes.saturating_sub(held.body.len());
        self.changed.notify_all();
        Some(held)
    }

    fn open(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, inside: MutexGuard<'a, Inside>) -> MutexGuard<'a, Inside> {
        self.changed
            .wait(inside)
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(end: u64) -> Window {
        Window {
            first: 0,
            end,
            settled: end,
        }
    }

    #[test]
    fn an_answer_that_repeats_is_kept_once() {
        let shelf = Shelf::default();
        for (panel, end, body) in [
            (0, 5, "a"),
            (1, 5, "a"),
            (0, 5, "a"),
            (0, 6, "a"),
            (0, 6, "b"),
            (1, 5, "a"),
        ] {
            shelf.put(panel, window(end), body.into());
        }
        let first = shelf.take().expect("an answer");
        assert_eq!((first.panel, first.times), (0, 2));
        shelf.put(1, window(5), "a".into());
        let rest: Vec<(usize, u64)> = std::iter::from_fn(|| shelf.take())
            .map(|held| (held.panel, held.times))
            .collect();
        assert_eq!(rest, [(1, 3), (0, 1), (0, 1)]);
        // What has left is not counted any more.
        shelf.put(1, window(5), "a".into());
        assert_eq!(shelf.take().map(|held| held.times), Some(1));
    }
}
