//! A batch of samples on its way from a decoder to the index, one column per property.

use super::number::Number;
use super::refusal::{Reason, Refusals};

/// A piece of the text a batch refers to: bytes `start..start + len`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// Bytes.
    pub len: u32,
}

/// The number of no series.
pub const NO_SERIES: u32 = u32::MAX;

impl Span {
    /// No name but the number of a series, told by the index to a decoder that knows the name again: nobody
    /// need look it up.
    #[inline]
    pub fn of_series(series: u32) -> Span {
        Span {
            // No name begins there, for it would end beyond 4 GiB.
            start: u32::MAX,
            len: series,
        }
    }

    /// The series, where it is one of [`Span::of_series`].
    #[inline]
    pub fn series(self) -> Option<u32> {
        (self.start == u32::MAX).then_some(self.len)
    }

    /// The bytes of `text` that this span names.
    #[inline]
    pub fn of(self, text: &[u8]) -> &[u8] {
        &text[self.start as usize..self.start as usize + self.len as usize]
    }
}

/// Decoded samples in the order they were sent. The names are spans into a text that the decoder
/// states (its input, or its own scratch); they are as the peer sent them: no key split off, not
/// canonical, not yet checked.
///
/// Weight 1 and op `add` are the same for every sample of the doors there are so far and are not
/// kept per sample.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Samples {
    /// Names as sent, or what stands for one that is known.
    pub names: Vec<Span>,
    /// Milliseconds since the epoch.
    pub times: Vec<i64>,
    /// Values, as decimals where they were sent as short ones. Finite.
    pub numbers: Vec<Number>,
    /// Whether some of them may be texts.
    pub has_texts: bool,
    /// Filled by whoever takes samples out: the series of each of those that were taken last, or
    /// [`NO_SERIES`].
    pub series: Vec<u32>,
    /// What was refused while decoding.
    pub refusals: Refusals,
}

impl Samples {
    /// How many samples.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Forget the samples, keep the refusals, and the memory unless a huge batch needed it.
    pub fn clear(&mut self) {
        clear(&mut self.names);
        clear(&mut self.times);
        clear(&mut self.numbers);
        clear(&mut self.series);
        self.has_texts = false;
    }

    /// Make room for so many more.
    pub fn reserve(&mut self, more: usize) {
        self.names.reserve(more);
        self.times.reserve(more);
        self.numbers.reserve(more);
    }

    /// Forget all samples but the first so many.
    pub fn truncate(&mut self, len: usize) {
        self.names.truncate(len);
        self.times.truncate(len);
        self.numbers.truncate(len);
    }

    /// Append one sample.
    #[inline]
    pub fn push(&mut self, name: Span, time_ms: i64, number: Number) {
        self.names.push(name);
        self.times.push(time_ms);
        self.numbers.push(number);
    }

    /// Append one sample whose value is a text; `name` says so, see
    /// [`Values::Text`](super::series::Values::Text).
    pub fn push_text(&mut self, name: Span, time_ms: i64, text: Span) {
        self.push(name, time_ms, Number::text(text.start, text.len));
        self.has_texts = true;
    }

    /// Count one refusal.
    #[inline]
    pub fn refuse(&mut self, reason: Reason) {
        self.refusals.count(reason);
    }
}

/// Samples of a batch for which memory is kept; more than a usual batch of any door has.
const KEPT: usize = 64 * 1024;

/// Empty `column`. What only a huge batch needs is given back, so that one frame of a hostile sender
/// does not take memory for ever.
pub fn clear<T>(column: &mut Vec<T>) {
    column.clear();
    column.shrink_to(KEPT);
}

/// What the doors that share Graphite's rules accept as a timestamp; `src/ARCHITECTURE.md` says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRule {
    /// How far ahead of the wall clock a timestamp may be, in milliseconds.
    pub ahead_max_ms: i64,
    /// Whether a timestamp of 13 digits is in milliseconds.
    pub millis_by_digits: bool,
}

impl Default for TimeRule {
    fn default() -> Self {
        TimeRule {
            ahead_max_ms: 24 * 3600 * 1000,
            millis_by_digits: false,
        }
    }
}

impl TimeRule {
    /// Whether `time_ms` may stand, given the arrival's wall clock.
    ///
    /// # Errors
    /// [`Reason::TooOld`] at or below zero, [`Reason::TooFarAhead`] beyond the bound.
    #[inline]
    pub fn check(self, time_ms: i64, now_ms: i64) -> Result<i64, Reason> {
        if time_ms <= 0 {
            Err(Reason::TooOld)
        } else if time_ms > now_ms.saturating_add(self.ahead_max_ms) {
            Err(Reason::TooFarAhead)
        } else {
            Ok(time_ms)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_huge_batch_takes_no_memory_for_ever() {
        let mut samples = Samples::default();
        let mut fill = |count: usize| {
            (0..count).for_each(|_| samples.push(Span::default(), 0, Number::long(0)));
            samples.clear();
            assert!(samples.is_empty());
            samples.names.capacity()
        };
        let usual = fill(20_000);
        assert_eq!(usual, fill(20_000), "a usual batch finds its memory again");
        assert!(fill(1_000_000) <= KEPT);
    }
}
