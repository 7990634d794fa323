//! How far sending had come at a moment, and what must be visible by then.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::send::board::Board;

/// What was sent when.
#[derive(Debug)]
pub(super) struct Horizon {
    board: Option<Arc<Board>>,
    first_round: u64,
    grace: Duration,
    /// Moments with the rounds that were sent by then, in the order of time.
    log: Mutex<Vec<(Duration, u64)>>,
}

impl Horizon {
    pub(super) fn new(board: Option<Arc<Board>>, first_round: u64, grace: Duration) -> Horizon {
        Horizon {
            board,
            first_round,
            grace,
            log: Mutex::default(),
        }
    }

    /// Notes how far it has come at this moment.
    pub(super) fn look(&self, now: Duration) {
        let Some(board) = &self.board else { return };
        let whole = board.whole();
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        if log.last().is_none_or(|&(_, before)| before < whole) {
            log.push((now, whole));
        }
    }

    /// Rounds that are sent by now, and rounds that must be visible.
    pub(super) fn at(&self, now: Duration) -> (u64, u64) {
        let Some(board) = &self.board else {
            return (self.first_round, self.first_round);
        };
        let sent = board.whole();
        let Some(moment) = now.checked_sub(self.grace) else {
            return (sent, self.first_round);
        };
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let behind = log.partition_point(|&(at, _)| at <= moment);
        let noted = behind.checked_sub(1).and_then(|last| log.get(last));
        let settled = noted.map_or(self.first_round, |&(_, rounds)| rounds);
        (sent, settled.max(self.first_round))
    }
}
