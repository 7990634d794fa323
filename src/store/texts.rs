//! The texts that the points of a reading stand for: each different one once, and points hold its place.

use std::collections::HashMap;
use std::sync::Arc;

/// What a place in both lists costs beside the letters of its text, in bytes.
const PLACE_COST: usize = 64;

/// Different texts, by the order in which they were met.
#[derive(Debug, Default)]
pub struct DistinctTexts {
    texts: Vec<Arc<str>>,
    places: HashMap<Arc<str>, u32>,
    bytes: usize,
}

impl DistinctTexts {
    /// The place of a text, as a point holds it: the bits of the place.
    pub fn value_of(&mut self, text: &Arc<str>) -> f64 {
        f64::from_bits(u64::from(self.place_of(text)))
    }

    fn place_of(&mut self, text: &Arc<str>) -> u32 {
        let last = self.texts.len().wrapping_sub(1);
        // Most texts are said many times in a row, and then they are one in memory too.
        if let Some(newest) = self.texts.get(last)
            && Arc::ptr_eq(newest, text)
        {
            return last as u32;
        }
        if let Some(&place) = self.places.get(text) {
            return place;
        }
        let place = self.texts.len() as u32;
        self.texts.push(Arc::clone(text));
        self.places.insert(Arc::clone(text), place);
        self.bytes += text.len() + PLACE_COST;
        place
    }

    /// The text that the value of a point stands for.
    pub fn of_value(&self, value: f64) -> Option<&Arc<str>> {
        self.texts.get(usize::try_from(value.to_bits()).ok()?)
    }

    /// Bytes that they take.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The list that values are places of.
    pub fn into_list(self) -> Vec<Arc<str>> {
        self.texts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_has_one_place() {
        let mut texts = DistinctTexts::default();
        let all: Vec<Arc<str>> = ["up", "down", "up", "", "down"].map(Arc::from).to_vec();
        let values: Vec<f64> = all.iter().map(|text| texts.value_of(text)).collect();
        for (value, text) in values.iter().zip(&all) {
            assert_eq!(texts.of_value(*value), Some(text));
        }
        assert_eq!(texts.of_value(1.0), None);
        assert_eq!(texts.bytes(), 6 + 3 * PLACE_COST);
        assert_eq!(texts.into_list().len(), 3);
    }
}
