//! When each write of a round is due, open loop: the schedule never waits for the server.
//!
//! A round lasts as long as the rate needs for all places. Every connection has its writes evenly spread over the
//! round, and the connections are shifted against each other, so that the load is even within each second.

use std::time::Duration;

/// One write of the round: when it is due after the round's start, and whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Due {
    pub(super) offset_ns: u64,
    pub(super) connection: usize,
}

/// The writes of one thread's connections in one round, in the order of time.
#[derive(Debug)]
pub(super) struct Timeline {
    round_ns: u64,
    dues: Vec<Due>,
    next: usize,
    round: u64,
}

/// How the writes of one connection lie in a round.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spread {
    /// Length of a round.
    pub(super) round_ns: u64,
    /// Writes in it; at least one.
    pub(super) slots: u64,
    /// Where this connection stands among all: from 0 up to 1.
    pub(super) phase: f64,
}

impl Spread {
    /// When the given write of the given round is due, from the start of sending.
    pub(super) fn due_ns(&self, round: u64, slot: u64) -> u64 {
        round
            .saturating_mul(self.round_ns)
            .saturating_add(self.offset_ns(slot))
    }

    fn offset_ns(&self, slot: u64) -> u64 {
        let slot = slot.min(self.slots - 1) as f64;
        ((slot + self.phase) / self.slots as f64 * self.round_ns as f64) as u64
    }
}

impl Timeline {
    /// Orders the writes of all connections.
    pub(super) fn new(round_ns: u64, spreads: &[Spread]) -> Timeline {
        let mut dues: Vec<Due> = spreads
            .iter()
            .enumerate()
            .flat_map(|(connection, spread)| {
                (0..spread.slots).map(move |slot| Due {
                    offset_ns: spread.offset_ns(slot),
                    connection,
                })
            })
            .collect();
        dues.sort_unstable();
        Timeline {
            round_ns,
            dues,
            next: 0,
            round: 0,
        }
    }

    /// When the next write is due, from the start of sending.
    pub(super) fn next_due(&self) -> Option<Duration> {
        let due = self.dues.get(self.next)?;
        Some(Duration::from_nanos(
            self.round
                .saturating_mul(self.round_ns)
                .saturating_add(due.offset_ns),
        ))
    }

    /// The connection of the next write, if that is due by now.
    pub(super) fn take_due(&mut self, now: Duration) -> Option<usize> {
        if now < self.next_due()? {
            return None;
        }
        let connection = self.dues[self.next].connection;
        self.next += 1;
        if self.next == self.dues.len() {
            self.next = 0;
            self.round += 1;
        }
        Some(connection)
    }

    /// The round of the next write.
    pub(super) fn round(&self) -> u64 {
        self.round
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_connections_take_turns_over_the_second() {
        let spread = |phase| Spread {
            round_ns: 1_000_000_000,
            slots: 5,
            phase,
        };
        let spreads = [spread(0.0), spread(0.5)];
        let mut timeline = Timeline::new(1_000_000_000, &spreads);
        let mut taken = Vec::new();
        while timeline.round() < 2 {
            let due = timeline.next_due().expect("there are writes");
            if let Some(before) = due.checked_sub(Duration::from_nanos(1)) {
                assert_eq!(timeline.take_due(before), None);
            }
            taken.push((due.as_millis(), timeline.take_due(due).expect("it is due")));
        }
        let want: Vec<(u128, usize)> = (0..20)
            .map(|write| (write * 100, (write % 2) as usize))
            .collect();
        assert_eq!(taken, want);
        assert_eq!(spreads[1].due_ns(3, 4), 3_900_000_000);
    }
}
