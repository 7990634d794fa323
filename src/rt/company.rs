//! When a commit begins that senders wait for: at once, or together with those who are about to wait too.
//!
//! A commit costs the same for one batch as for many, and a sender who waits for its answer sends again soon
//! after it. So as many are expected as the last commit served and left waiting; until they are there, but no
//! longer than [`PATIENCE`], a commit is put off. Where nobody came for so long, nobody is expected: a lone
//! sender, and one who sends now and then, waits for nobody.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long a commit is put off, and how long after the last one senders are expected back.
pub(super) const PATIENCE: Duration = Duration::from_micros(500);

/// Who waits for stable storage, each with its ticket, and who is expected to.
#[derive(Debug)]
pub(super) struct Company<T> {
    /// One for each batch, oldest first.
    waiting: VecDeque<T>,
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
            expected: 0,
            has_begun: false,
            served: None,
            since: None,
        }
    }
}

impl<T: Copy> Company<T> {
    /// Somebody waits for `ticket`, which is not below those before.
    pub(super) fn join(&mut self, ticket: T, now: Instant) {
        self.waiting.push_back(ticket);
        self.since.get_or_insert(now);
    }

    /// The disk has done something; `is_over` tells of a ticket whether nobody waits for it any longer.
    pub(super) fn advance(&mut self, is_over: impl Fn(T) -> bool, now: Instant) {
        let before = self.waiting.len();
        while self.waiting.front().is_some_and(|&oldest| is_over(oldest)) {
            self.waiting.pop_front();
        }
        if self.waiting.len() < before {
            // Those who were served, and those who came meanwhile.
            self.expected = before;
            self.has_begun = false;
            self.served = Some(now);
            self.since = (!self.waiting.is_empty()).then_some(now);
        }
    }

    /// Whether somebody waits.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether somebody waits for a commit that is still to be begun.
    pub(super) fn wants_commit(&self) -> bool {
        self.is_waiting() && !self.has_begun
    }

    /// Whether nobody is to be waited for any longer; then the commit counts as begun.
    pub(super) fn begin(&mut self, now: Instant) -> bool {
        let is_past = |then: Instant| PATIENCE <= now.saturating_duration_since(then);
        let is_complete = self.expected <= self.waiting.len()
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
        company.join(1, now);
        assert!(company.begin(now));
        // Two come while it is served.
        company.join(2, now);
        company.join(2, now);
        assert!(!company.wants_commit());
        now += SOON;
        company.advance(|ticket| ticket <= 1, now);
        assert!(company.wants_commit() && !company.begin(now));
        // The first is back.
        company.join(2, now + SOON);
        assert!(company.begin(now + SOON));
        company.advance(|_| false, now + SOON);
        assert!(!company.wants_commit(), "it is under way");
        company.advance(|ticket| ticket <= 2, now + 2 * SOON);
        assert!(!company.is_waiting());
        // One of the three does not come back: the others wait for it once.
        now += 3 * SOON;
        company.join(3, now);
        company.join(3, now);
        assert!(!company.begin(now));
        now += PATIENCE;
        assert!(company.begin(now));
        company.advance(|ticket| ticket <= 3, now);
        company.join(4, now + SOON);
        company.join(4, now + SOON);
        assert!(company.begin(now + SOON));
    }

    #[test]
    fn who_comes_late_waits_for_nobody() {
        let (mut company, mut now) = (Company::default(), Instant::now());
        for ticket in 1..5 {
            (0..10).for_each(|_| company.join(ticket, now));
            assert!(company.begin(now));
            company.advance(|_| true, now);
            now += PATIENCE;
            company.join(ticket, now);
            assert!(company.begin(now));
            company.advance(|_| true, now);
            now += PATIENCE;
        }
    }
}
