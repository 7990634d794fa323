//! How far each connection has come, for those who ask the server while points are sent.

use std::sync::atomic::{AtomicU64, Ordering};

/// The rounds of each connection that the kernel has taken whole, or that were answered whole.
#[derive(Debug)]
pub struct Board {
    rounds: Vec<AtomicU64>,
}

impl Board {
    /// A board of connections that go on behind `first_round` rounds.
    pub fn new(connections: u64, first_round: u64) -> Board {
        let rounds = (0..connections).map(|_| AtomicU64::new(first_round));
        Board {
            rounds: rounds.collect(),
        }
    }

    /// One connection has sent so many rounds.
    pub(super) fn note(&self, connection: u64, rounds: u64) {
        if let Some(noted) = self.rounds.get(connection as usize) {
            noted.store(rounds, Ordering::Relaxed);
        }
    }

    /// Rounds that every connection has sent.
    pub fn whole(&self) -> u64 {
        let rounds = self.rounds.iter();
        rounds
            .map(|rounds| rounds.load(Ordering::Relaxed))
            .min()
            .unwrap_or(0)
    }
}
