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
        let last = self.tails.of(id).mantissa;
        let same = self.number(id).is_some() && self.text(last).is_some_and(|t| **t == *text);
        if same {
            return self.append(pool, id, numbers, time, read, Number::long(last));
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

    /// The text that the value of a point of a series of texts stands for.
    pub fn text(&self, place: i64) -> Option<&Arc<str>> {
        self.texts.get(usize::try_from(place).ok()?)
    }

    pub(super) fn clear_texts(&mut self, pool: &mut Pool) {
        self.texts = Vec::new();
        pool.give_bytes_back(std::mem::take(&mut self.text_bytes));
    }
}
