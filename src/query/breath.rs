//! A query shares its core: it works in pieces, and between two pieces other work may go on.
//!
//! Whoever loops over much tells a [`Pace`] what was done, and that breathes when it is time. Work
//! is counted in values: one costs 10 to 50 ns. Knows neither a clock nor what else the core does:
//! that is behind [`Breath`].

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;

use super::error::QueryError;

/// A future that stays on its core.
pub type Local<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Values between two breaths: below 100 µs of work.
pub const PIECE: usize = 2_000;

/// What one series costs besides its values, in values: names, tags, memory.
pub const SERIES_WORK: usize = 20;

/// Bytes of text that cost about as much as one value.
const BYTES_PER_VALUE: usize = 8;

/// Lets the core do other work.
pub trait Breath {
    /// Wait until this query may go on.
    ///
    /// # Errors
    /// [`QueryError::Timeout`] when the query has had its time.
    fn breathe(&self) -> Local<'_, Result<(), QueryError>>;
}

/// Counts what was done since the last breath.
pub struct Pace<'a> {
    breath: &'a dyn Breath,
    piece: usize,
    done: Cell<usize>,
}

impl<'a> Pace<'a> {
    /// A breath each [`PIECE`] values.
    pub fn new(breath: &'a dyn Breath) -> Pace<'a> {
        Pace::every(PIECE, breath)
    }

    /// A breath each `piece` values.
    pub fn every(piece: usize, breath: &'a dyn Breath) -> Pace<'a> {
        Pace {
            breath,
            piece,
            done: Cell::new(0),
        }
    }

    /// So many values were worked on: breathe if that is due.
    ///
    /// # Errors
    /// As [`Breath::breathe`].
    #[inline]
    pub async fn did(&self, values: usize) -> Result<(), QueryError> {
        let done = self.done.get().saturating_add(values);
        self.done.set(done);
        if done < self.piece {
            return Ok(());
        }
        self.done.set(0);
        self.breath.breathe().await
    }

    /// One series was made or changed, besides its values, with so many bytes of text.
    ///
    /// # Errors
    /// As [`Breath::breathe`].
    pub async fn did_series(&self, text_bytes: usize) -> Result<(), QueryError> {
        self.did(SERIES_WORK + text_bytes / BYTES_PER_VALUE).await
    }
}

/// Values that are copied, changed or freed in one go.
pub const CHUNK: usize = 1_000;

/// A copy of `values`, made in pieces.
///
/// # Errors
/// As [`Breath::breathe`].
pub async fn copied(values: &[f64], pace: &Pace<'_>) -> Result<Vec<f64>, QueryError> {
    let mut copy = Vec::with_capacity(values.len());
    for some in values.chunks(CHUNK) {
        copy.extend_from_slice(some);
        pace.did(some.len() / BYTES_PER_VALUE).await?;
    }
    Ok(copy)
}

/// Values of a list that is given back to the system in several pieces, 1 MiB each.
const FREED: usize = 1 << 17;

/// Free `values`, in pieces where they are many.
///
/// # Errors
/// As [`Breath::breathe`]; then the rest is freed at once.
pub async fn free(mut values: Vec<f64>, pace: &Pace<'_>) -> Result<(), QueryError> {
    while FREED < values.len() {
        values.truncate(values.len() - FREED);
        values.shrink_to_fit();
        pace.did(PIECE).await?;
    }
    Ok(())
}

/// Never waits: a query in one go, for tools and tests that have nothing else to do.
pub struct Breathless;

impl Breath for Breathless {
    fn breathe(&self) -> Local<'_, Result<(), QueryError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}
