//! The memory that all queries under way take together. Each is bounded by itself, but many at once would
//! be many times that.
//!
//! One number for the whole appliance, which shards touch only for queries that hold much: `FREE_BYTES`
//! of each are not counted, and beyond that it is taken in pieces of `PIECE_BYTES`.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use super::error::{LESS, QueryError};

/// What a question may hold uncounted; there are as many as connections at most.
const FREE_BYTES: u64 = 256 << 10;
/// What is taken at once beyond that.
const PIECE_BYTES: u64 = 1 << 20;

/// What all queries hold; clones are the same.
#[derive(Clone, Debug)]
pub struct Together {
    bytes_max: u64,
    held: Arc<AtomicU64>,
}

impl Default for Together {
    /// Without a bound.
    fn default() -> Together {
        Together::new(u64::MAX)
    }
}

impl Together {
    /// Nothing is held; `bytes_max` may be.
    pub fn new(bytes_max: u64) -> Together {
        Together {
            bytes_max,
            held: Arc::default(),
        }
    }

    /// The part of somebody who holds nothing yet.
    pub fn share(&self) -> Arc<Share> {
        Arc::new(Share {
            all: self.clone(),
            held: AtomicU64::new(0),
            covered: AtomicU64::new(FREE_BYTES),
        })
    }

    /// Bytes that are counted now.
    pub fn held(&self) -> u64 {
        self.held.load(Relaxed)
    }

    fn too_many_bytes(&self) -> QueryError {
        QueryError::Limit(format!(
            "the query needs more memory than all queries together may hold, {} bytes; {LESS}, or raise \
             query.all_bytes_max",
            self.bytes_max
        ))
    }

    fn take(&self, bytes: u64) -> Result<(), QueryError> {
        let more = |held: u64| {
            held.checked_add(bytes)
                .filter(|&held| held <= self.bytes_max)
        };
        let taken = self.held.fetch_update(Relaxed, Relaxed, more);
        taken
            .map(drop)
            .map_err(|_| QueryError::Crowded(self.bytes_max))
    }
}

/// What one question holds of it, given back when this is dropped. Several shards may use it at once.
#[derive(Debug)]
pub struct Share {
    all: Together,
    held: AtomicU64,
    /// What may be held without taking more: never less than was taken, and `FREE_BYTES`.
    covered: AtomicU64,
}

impl Share {
    /// `bytes` are about to be held.
    ///
    /// # Errors
    /// [`QueryError::Crowded`] where all queries together would hold too much, and [`QueryError::Limit`]
    /// where this one alone would. Then they must not be held.
    pub fn hold(&self, bytes: u64) -> Result<(), QueryError> {
        let held = self.held.fetch_add(bytes, Relaxed).saturating_add(bytes);
        let Some(missing) = held
            .checked_sub(self.covered.load(Relaxed))
            .filter(|&missing| 0 < missing)
        else {
            return Ok(());
        };
        // Where two shards do this at once both take what one would have had to; it is given back in the end.
        let piece = missing
            .checked_next_multiple_of(PIECE_BYTES)
            .unwrap_or(missing);
        match self.all.take(piece) {
            Ok(()) => {
                self.covered.fetch_add(piece, Relaxed);
                Ok(())
            }
            Err(error) => {
                self.let_go(bytes);
                // Later it would be no less.
                match self.all.bytes_max < held.saturating_sub(FREE_BYTES) {
                    true => Err(self.all.too_many_bytes()),
                    false => Err(error),
                }
            }
        }
    }

    /// `bytes` of what is held are not any more. The next ones that are held go into their room.
    pub fn let_go(&self, bytes: u64) {
        self.held.fetch_sub(bytes, Relaxed);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let taken = self.covered.load(Relaxed).saturating_sub(FREE_BYTES);
        if 0 < taken {
            self.all.held.fetch_sub(taken, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_may_hold_little_and_few_much() {
        let all = Together::new(3 * PIECE_BYTES);
        let little: Vec<Arc<Share>> = (0..1_000).map(|_| all.share()).collect();
        assert!(little.iter().all(|share| share.hold(FREE_BYTES).is_ok()));
        assert_eq!(all.held(), 0);
        let one = all.share();
        assert_eq!(one.hold(FREE_BYTES + 1), Ok(()));
        assert_eq!(all.held(), PIECE_BYTES);
        assert_eq!(one.hold(PIECE_BYTES - 1), Ok(()));
        assert_eq!(all.held(), PIECE_BYTES, "there was room");
        let other = all.share();
        assert_eq!(other.hold(2 * PIECE_BYTES), Ok(()));
        assert_eq!(all.held(), 3 * PIECE_BYTES);
        let told = Err(QueryError::Crowded(3 * PIECE_BYTES));
        assert_eq!(one.hold(1), told);
        assert_eq!(one.hold(u64::MAX / 2), Err(all.too_many_bytes()));
        assert_eq!(one.hold(3 * PIECE_BYTES), Err(all.too_many_bytes()));
        one.let_go(10);
        assert_eq!(one.hold(10), Ok(()));
        drop(other);
        assert_eq!(all.held(), PIECE_BYTES);
        assert_eq!(one.hold(1), Ok(()));
        drop(one);
        assert_eq!(all.held(), 0);
    }

    #[test]
    fn several_shards_hold_of_one() {
        let all = Together::new(64 * PIECE_BYTES);
        let share = all.share();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..1_000 {
                        share.hold(1_000).expect("there is room");
                    }
                });
            }
        });
        assert!(
            share.covered.load(Relaxed) >= 4_000_000,
            "all of it is covered"
        );
        assert_eq!(all.held(), share.covered.load(Relaxed) - FREE_BYTES);
        drop(share);
        assert_eq!(all.held(), 0);
    }
}
