//! Points of series of texts: the texts are kept beside the points, whose values are their places.

use std::sync::Arc;

use super::{Entry, Full, Head, Pool};
use crate::base::time::Millis;
use crate::model::number::Number;
use crate::model::series::SeriesId;

/// What a text costs beside its letters: its place, its length, two counts, the allocation.
const TEXT_COST: usize = 48;

impl Head {
    /// Add a point of a series of texts; see [`Head::append`]. The token of the entry tells the place
    /// of the text in this generation.
    ///
    /// # Errors
    /// [`Full`]: there is no room, and nothing has changed.
    pub fn append_text(
        &mut self,
        pool: &mut Pool,
        id: SeriesId,
        numbers: &[u32],
        time: Millis,
        read: u32,
        text: &str,
    ) -> Result<Entry, Full> {
        if self.last_text(id).is_some_and(|last| **last == *text) {
            return self.append_text_again(pool, id, numbers, time, read);
        }
        let bytes = text.len() + TEXT_COST;
        if !pool.take_bytes(bytes) {
            return Err(Full::Bytes);
        }
        let place = self.texts.len() as i64;
        let put = self.append(pool, id, numbers, time, read, Number::long(place));
        if put.is_ok() {
            self.texts.push(Arc::from(text));
            self.text_bytes += bytes;
        } else {
            pool.give_bytes_back(bytes);
        }
        put
    }

    /// Add a point whose text is that of the point before it, which the series must have.
    ///
    /// # Errors
    /// [`Full`]: there is no room, and nothing has changed.
    pub fn append_text_again(
        &mut self,
        pool: &mut Pool,
        id: SeriesId,
        numbers: &[u32],
        time: Millis,
        read: u32,
    ) -> Result<Entry, Full> {
        let last = self.tails.of(id).mantissa;
        self.append(pool, id, numbers, time, read, Number::long(last))
    }

    /// The text of the last point of a series of texts.
    pub fn last_text(&self, id: SeriesId) -> Option<&Arc<str>> {
        let tail = self.tails.get(id).filter(|tail| !tail.is_blank())?;
        self.text(tail.mantissa)
    }

    /// The text that the value of a point of a series of texts stands for.
    pub fn text(&self, place: i64) -> Option<&Arc<str>> {
        self.texts.get(usize::try_from(place).ok()?)
    }

    pub(super) fn clear_texts(&mut self, pool: &mut Pool) {
        self.texts = Vec::new();
        pool.give_bytes_back(std::mem::take(&mut self.text_bytes));
    }
}
