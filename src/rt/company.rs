//! When a commit begins that senders wait for: at once, or together with those who are about to wait too.
//!
//! A commit costs the same for one batch as for many, and a sender who waits for its answer sends again soon
//! after it. So as many senders are expected as the last commit served and left waiting; until they are
//! there, but no longer than [`PATIENCE`], a commit is put off. A sender may wait with several batches, and
//! is one. Where nobody came for so long, nobody is expected: a lone sender, and one who sends now and then,
//! waits for nobody.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use crate::http::Sender;

/// How long a commit is put off, and how long after the last one senders are expected back.
pub(super) const PATIENCE: Duration = Duration::from_micros(500);

/// Who waits for stable storage, each with its ticket, and who is expected to.
#[derive(Debug)]
pub(super) struct Company<T> {
    /// One for each batch, with its sender, oldest first.
    waiting: VecDeque<(T, Sender)>,
    /// How many batches of each sender that is.
    senders: HashMap<Sender, usize>,
    /// Senders.
    expected: usize,
    /// A commit is under way: the next is thought of at its end.
    has_begun: bool,
    /// When the last commit was done that somebody waited for.
    served: Option<Instant>,
    /// Since when the oldest waits, or the last commit is done if that was later.
    since: Option<Instant>,
}

impl<T> Default for Company<T> {
    fn default() -> Company<T> {
        Company {
            waiting: VecDeque::new(),
            senders: HashMap::new(),
            expected: 0,
            has_begun: false,
            served: None,
            since: None,
        }
    }
}

impl<T: Copy> Company<T> {
    /// `sender` waits for `ticket`, which is not below those before.
    pub(super) fn join(&mut self, ticket: T, sender: Sender, now: Instant) {
        self.waiting.push_back((ticket, sender));
        *self.senders.entry(sender).or_default() += 1;
        self.since.get_or_insert(now);
    }

    /// The disk has done something; `is_over` tells of a ticket whether nobody waits for it any longer.
    pub(super) fn advance(&mut self, is_over: impl Fn(T) -> bool, now: Instant) {
        let (before, senders) = (self.waiting.len(), self.senders.len());
        while let Some((_, sender)) = self.waiting.pop_front_if(|(oldest, _)| is_over(*oldest)) {
            if let Entry::Occupied(mut batches) = self.senders.entry(sender) {
                *batches.get_mut() -= 1;
                if *batches.get() == 0 {
                    batches.remove();
                }
            }
        }
        if self.waiting.len() < before {
            // Those who were served, and those who came meanwhile.
            self.expected = senders;
            self.has_begun = false;
            self.served = Some(now);
            self.since = (!self.waiting.is_empty()).then_some(now);
        }
    }

    /// Whether somebody waits.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether a commit that somebody waits for is under way.
    pub(super) fn has_begun(&self) -> bool {
        self.is_waiting() && self.has_begun
    }

    /// Whether somebody waits for a commit that is still to be begun.
    pub(super) fn wants_commit(&self) -> bool {
        self.is_waiting() && !self.has_begun
    }

    /// Whether nobody is to be waited for any longer; then the commit counts as begun.
    pub(super) fn begin(&mut self, now: Instant) -> bool {
        let is_past = |then: Instant| PATIENCE <= now.saturating_duration_since(then);
        let is_complete = self.expected <= self.senders.len()
            || self.served.is_none_or(is_past)
            || self.since.is_some_and(is_past);
        self.has_begun = self.wants_commit() && is_complete;
        self.has_begun
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_micros(50);

    #[test]
    fn those_who_come_back_share_a_commit() {
        let (mut company, mut now) = (Company::default(), Instant::now());
        // The first of all waits for nobody.
        company.join(1, Sender(1), now);
        assert!(company.begin(now));
        // Two come while it is served.
        company.join(2, Sender(2), now);
        company.join(2, Sender(3), now);
        assert!(!company.wants_commit());
        now += SOON;
        company.advance(|ticket| ticket <= 1, now);
        assert!(company.wants_commit() && !company.begin(now));
        // The first is back.
        company.join(2, Sender(1), now + SOON);
        assert!(company.begin(now + SOON));
        company.advance(|_| false, now + SOON);
        assert!(!company.wants_commit(), "it is under way");
        company.advance(|ticket| ticket <= 2, now + 2 * SOON);
        assert!(!company.is_waiting());
        // One of the three does not come back: the others wait for it once.
        now += 3 * SOON;
        company.join(3, Sender(1), now);
        company.join(3, Sender(2), now);
        assert!(!company.begin(now));
        now += PATIENCE;
        assert!(company.begin(now));
        company.advance(|ticket| ticket <= 3, now);
        company.join(4, Sender(1), now + SOON);
        company.join(4, Sender(2), now + SOON);
        assert!(company.begin(now + SOON));
    }

    #[test]
    fn who_comes_late_waits_for_nobody() {
        let (mut company, mut now) = (Company::default(), Instant::now());
        for ticket in 1..5 {
            (0..10).for_each(|sender| company.join(ticket, Sender(sender), now));
            assert!(company.begin(now));
            company.advance(|_| true, now);
            now += PATIENCE;
            company.join(ticket, Sender(1), now);
            assert!(company.begin(now));
            company.advance(|_| true, now);
            now += PATIENCE;
        }
    }

    #[test]
    fn batches_of_one_sender_keep_nobody_waiting() {
        let (mut company, now) = (Company::default(), Instant::now());
        for ticket in 1..=16 {
            company.join(ticket, Sender(7), now);
            assert_eq!(company.begin(now), ticket == 1);
            company.has_begun = true;
        }
        // The rest of it waits for no other.
        company.advance(|ticket| ticket <= 4, now + SOON);
        assert!(company.begin(now + SOON));
        company.advance(|_| true, now + 2 * SOON);
        assert!(
            company.senders.is_empty(),
            "nothing is kept of who is served"
        );
        // Who comes then waits for no fifteen others.
        company.join(17, Sender(8), now + 3 * SOON);
        assert!(company.begin(now + 3 * SOON));
    }
}
